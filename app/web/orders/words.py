"""What the codes of the flows are called on pages. Message ids are English; a code without a word shows itself."""

from collections.abc import Mapping
from typing import Final

from app.approval.fields import FIELDS
from app.flows.cart_comparison import Part, Reason, State
from app.flows.cases import Choice, Code
from app.flows.decide_approval import ReasonCode
from app.letters.approval_words import DIFFERENCES as DIFFERENCES
from app.storage import deliveries, dispatches
from app.storage.exchanges import ExchangeState
from app.storage.orders import OrderState
from app.storage.people import Role
from app.web.language import msgid

STATES: Final[Mapping[str, str]] = {
    OrderState.HELD: msgid("Held"),
    OrderState.AWAITING_APPROVAL: msgid("Awaiting approval"),
    OrderState.SENT_BACK: msgid("Sent back to the buyer"),
    OrderState.APPROVED: msgid("Approved"),
    OrderState.FORWARDING: msgid("Being sent to the ERP"),
    OrderState.ACCEPTED: msgid("Accepted by the ERP"),
    OrderState.REJECTED: msgid("Rejected"),
    OrderState.CANCELLED: msgid("Cancelled"),
}

COLOURS: Final[Mapping[str, str]] = {
    OrderState.HELD: "orange",
    OrderState.AWAITING_APPROVAL: "yellow",
    OrderState.SENT_BACK: "yellow",
    OrderState.APPROVED: "azure",
    OrderState.FORWARDING: "azure",
    OrderState.ACCEPTED: "green",
    OrderState.REJECTED: "red",
    OrderState.CANCELLED: "secondary",
}

CASES: Final[Mapping[str, str]] = {
    Code.ITEM_MISSING: msgid("The line names no item"),
    Code.ITEM_UNKNOWN: msgid("Unknown item number"),
    Code.UNIT_MISSING: msgid("The line names no unit"),
    Code.UNIT_UNKNOWN: msgid("Unknown unit"),
    Code.UNIT_OTHER: msgid("The item is sold in another unit"),
    Code.QUANTITY_NOT_POSITIVE: msgid("The quantity is not above zero"),
    Code.QUANTITY_NOT_WHOLE: msgid("The unit is counted in whole numbers"),
    Code.QUANTITY_BELOW_MINIMUM: msgid("Below the smallest quantity"),
    Code.QUANTITY_OFF_STEP: msgid("Not a multiple of the packing quantity"),
    Code.PRICE_MISSING: msgid("No price in order and agreement"),
    Code.PRICE_NOT_AGREED: msgid("No price is agreed"),
    Code.PRICE_OFF: msgid("The price differs from the agreement"),
    Code.PRICE_UNIT_UNKNOWN: msgid("Unknown price unit"),
    Code.PRICE_UNIT_OTHER: msgid("The price is for another unit"),
    Code.CURRENCY_OTHER: msgid("Another currency than agreed"),
    Code.CURRENCY_MIXED: msgid("Several currencies in one order"),
    Code.TOTAL_OFF: msgid("The total is not the sum of the lines"),
    Code.SHIP_TO_MISSING: msgid("No ship-to address"),
    Code.SHIP_TO_UNKNOWN: msgid("Unknown ship-to address"),
    Code.SHIP_TO_OTHER: msgid("The ship-to code belongs to another place"),
    Code.CART_ITEM: msgid("Another item than in the cart"),
    Code.CART_QUANTITY: msgid("Another quantity than in the cart"),
    Code.CART_UNIT: msgid("Another unit than in the cart"),
    Code.CART_PRICE: msgid("Another price than in the cart"),
    Code.CART_CURRENCY: msgid("Another currency than in the cart"),
    Code.CART_SHIP_TO: msgid("Another ship-to than the shopper was sent with"),
    Code.CART_LOST: msgid("A line of the cart is missing"),
    Code.CART_ADDED: msgid("A line that is in no cart"),
    Code.CART_REPEATED: msgid("A cart that was ordered before"),
    Code.NO_FLOW: msgid("No approval rule fits"),
    Code.CANNOT_TELL: msgid("The approval rules cannot be applied"),
    Code.NOBODY_THERE: msgid("Nobody is there to approve"),
    Code.UNASKED: msgid("The rules ask nobody"),
    Code.NOT_APPROVED: msgid("The order is not the one that was approved"),
    "erp.rejected": msgid("The ERP refuses the order"),
    "erp.dead": msgid("The ERP could not be reached"),
    "erp.several": msgid("The ERP has the order more than once"),
    "erp.differs": msgid("The ERP has another order of this number"),
    "erp.missing": msgid("The ERP does not know the order"),
    "erp.uncertain": msgid("The ERP never answered"),
    "erp.unknown": msgid("The ERP does not tell whether it has the order"),
    "erp.unreadable": msgid("The stored order cannot be read"),
}

CHOICES: Final[Mapping[str, str]] = {
    Choice.RELEASE: msgid("Take it as it is"),
    Choice.ACCEPT_PRICE: msgid("Accept this price once"),
    Choice.MAP_ITEM: msgid("It means our item number"),
    Choice.MAP_UNIT: msgid("It means the unit (Rec 20 code)"),
    Choice.KEEP_ADDRESS: msgid("Add it to the customer's addresses"),
    Choice.ALLOW_CHANGE: msgid("This customer may change that after the cart"),
    Choice.CHECK_AGAIN: msgid("Check again"),
    Choice.SEND_AGAIN: msgid("Send it to the ERP again"),
    Choice.KEEP_ORDER: msgid("Keep the order and tell the buyer that it cannot be cancelled"),
    Choice.OVERRIDE: msgid("Approve in place of the rules"),
}

REASONS: Final[Mapping[str, str]] = {
    ReasonCode.PRICE: msgid("Price"),
    ReasonCode.QUANTITY: msgid("Quantity"),
    ReasonCode.BUDGET: msgid("Budget"),
    ReasonCode.ITEM: msgid("Item"),
    ReasonCode.DELIVERY: msgid("Delivery"),
    ReasonCode.DUPLICATE: msgid("Ordered twice"),
    ReasonCode.OTHER: msgid("Other"),
}

EVENTS: Final[Mapping[str, str]] = {
    "order_taken": msgid("Order received"),
    "order_changed": msgid("Change received"),
    "order_edited": msgid("Changed by an approver"),
    "order_cancelled": msgid("Cancellation received"),
    "internal_version": msgid("Internal version received"),
    "approved_by_rule": msgid("Approved by a rule"),
    "rejected_by_rule": msgid("Rejected by a rule"),
    "approved": msgid("Approved"),
    "rejected": msgid("Rejected"),
    "sent_back": msgid("Sent back to the buyer"),
    "overridden": msgid("Decided by an administrator"),
    "stage_opened": msgid("Approvers asked"),
    "reminded": msgid("Approver reminded"),
    "overdue": msgid("Approval overdue"),
    "handed_on": msgid("Task handed on"),
    "delegated": msgid("Stand-in changed"),
    "opened": msgid("Opened by an approver"),
    "commented": msgid("Remark"),
    "questioned": msgid("Question asked"),
    "answered": msgid("Question answered"),
    "approver_left": msgid("Approver no longer here"),
    "carried_over": msgid("Approval holds for the changed order"),
    "superseded": msgid("Round of approval ended by a change"),
    "withdrawn": msgid("Round of approval withdrawn"),
    "limit_set": msgid("Approval limit set"),
    "limit_dropped": msgid("Approval limit removed"),
    "manager_set": msgid("Manager set"),
    "groups_set": msgid("Groups set"),
    "hours_set": msgid("Working hours set"),
    "absence_added": msgid("Absence entered"),
    "absence_ended": msgid("Absence removed"),
    "owner_set": msgid("Owner set"),
    "owner_dropped": msgid("Owner removed"),
    "case_settled": msgid("Case settled"),
    "case_assigned": msgid("Work on a case"),
    "case_noted": msgid("Note on a case"),
    "rejected_at_desk": msgid("Rejected at the desk"),
    "flow_created": msgid("Approval rules begun"),
    "flow_changed": msgid("Name or priority of approval rules changed"),
    "flow_draft_begun": msgid("Draft of approval rules begun"),
    "flow_draft_changed": msgid("Draft of approval rules changed"),
    "flow_draft_discarded": msgid("Draft of approval rules discarded"),
    "flow_example_added": msgid("Example of approval rules added"),
    "flow_example_changed": msgid("Example of approval rules changed"),
    "flow_example_removed": msgid("Example of approval rules removed"),
    "item_withdrawn": msgid("Item withdrawn"),
    "item_offered": msgid("Item offered again"),
    "flow_published": msgid("Approval rules published"),
    "flow_retired": msgid("Approval rules retired"),
    "own_field_set": msgid("Field of a customer's own declared"),
    "own_field_retired": msgid("Field of a customer's own retired"),
    "signed_in": msgid("Signed in"),
    "mail_sent_again": msgid("Mail sent again"),
    "rate_set": msgid("Exchange rate set"),
    "rate_dropped": msgid("Exchange rate taken away"),
    "budget_set": msgid("Budget set"),
    "credit_set": msgid("Credit of a customer set"),
    "budget_dropped": msgid("Budget taken away"),
    "reopened": msgid("Approval judged again"),
    "sign_in_failed": msgid("Sign-in failed"),
    "signed_out": msgid("Signed out"),
    "signed_out_everywhere": msgid("Signed out everywhere"),
    "session_ended": msgid("Session ended"),
    "second_factor_begun": msgid("Second factor begun"),
    "second_factor_added": msgid("Second factor added"),
    "second_factor_failed": msgid("Wrong code of the second factor"),
    "second_factor_removed": msgid("Second factor taken away"),
    "second_factor_reset": msgid("Second factor taken away by an administrator"),
    "recovery_codes_renewed": msgid("New recovery codes made"),
    "person_added": msgid("Person added"),
    "person_enabled": msgid("Person let in again"),
    "person_disabled": msgid("Person let in no more"),
    "person_roles": msgid("Roles of a person changed"),
    "person_customers": msgid("Customers of a person changed"),
    "person_changed": msgid("Account of a person changed"),
    "password_changed": msgid("Password changed"),
    "password_link_sent": msgid("Link to choose a password sent"),
    "password_link_asked": msgid("Link to choose a password asked for"),
    "identity_linked": msgid("Account of the company's sign-in linked"),
    "oidc_set": msgid("Company's sign-in set up"),
    "oidc_removed": msgid("Company's sign-in taken away"),
    "lane_paused": msgid("Orders to an ERP held back"),
    "lane_drained": msgid("Later orders to an ERP held back"),
    "lane_resumed": msgid("Orders to an ERP sent again"),
    "key_created": msgid("Key of the API made"),
    "key_revoked": msgid("Key of the API revoked"),
}

ROLES: Final[Mapping[str, str]] = {
    Role.ADMIN: msgid("Administrator"),
    Role.FLOW_AUTHOR: msgid("Author of approval rules"),
    Role.OPERATOR: msgid("Operator"),
    Role.APPROVER: msgid("Approver"),
    Role.AUDITOR: msgid("Auditor"),
}

DELIVERIES: Final[Mapping[str, str]] = {
    "create": msgid("New order to the ERP"),
    "change": msgid("Change to the ERP"),
    "cancel": msgid("Cancellation to the ERP"),
}

PROGRESS: Final[Mapping[str, str]] = {
    deliveries.State.PENDING: msgid("waiting for its turn"),
    deliveries.State.SENDING: msgid("being sent"),
    deliveries.State.WAITING: msgid("not reached, next try follows"),
    deliveries.State.UNCERTAIN: msgid("outcome unknown, being looked up"),
    deliveries.State.HELD: msgid("stopped, a person decides"),
    deliveries.State.ACCEPTED: msgid("accepted"),
    deliveries.State.REJECTED: msgid("not taken"),
    deliveries.State.DEAD: msgid("given up"),
    dispatches.State.DONE: msgid("delivered"),
    dispatches.State.REFUSED: msgid("refused"),
    dispatches.State.NOWHERE: msgid("no address to send it to"),
}
"""How far a delivery to an ERP, or an answer to a buyer, has come."""

EXCHANGES: Final[Mapping[str, str]] = {
    ExchangeState.RECEIVED: msgid("received"),
    ExchangeState.ACCEPTED: msgid("accepted"),
    ExchangeState.REFUSED: msgid("refused"),
    ExchangeState.DUPLICATE: msgid("duplicate"),
    ExchangeState.CONFLICT: msgid("conflict"),
    ExchangeState.FAILED: msgid("failed on our side"),
    ExchangeState.ANSWER: msgid("answer"),
    ExchangeState.SENDING: msgid("being sent"),
    ExchangeState.CARRIED: msgid("carried by the shopper's browser"),
}

TASKS: Final[Mapping[str, str]] = {
    "open": msgid("asked"),
    "approved": msgid("approved"),
    "rejected": msgid("rejected"),
    "sent_back": msgid("sent back for a change"),
    "skipped": msgid("no longer needed"),
    "handed_on": msgid("handed on"),
    "cancelled": msgid("cancelled"),
}

CHANNELS: Final[Mapping[str, str]] = {
    "mail": msgid("by the link of a mail"),
    "api": msgid("through the API"),
    "command": msgid("by a command"),
}
"""How a decision came, where not on a page like this one."""

CART_STATES: Final[Mapping[str, str]] = {
    State.KEPT: msgid("as in the cart"),
    State.CHANGED: msgid("changed"),
    State.LOST: msgid("lost"),
    State.ADDED: msgid("typed in"),
    State.ELSEWHERE: msgid("in another order"),
}

CART_COLOURS: Final[Mapping[str, str]] = {
    State.KEPT: "green",
    State.CHANGED: "yellow",
    State.LOST: "orange",
    State.ADDED: "orange",
    State.ELSEWHERE: "azure",
}

CART_PARTS: Final[Mapping[str, str]] = {
    Part.LINE_ID: msgid("Line id"),
    Part.ITEM: msgid("Item"),
    Part.QUANTITY: msgid("Quantity"),
    Part.UNIT: msgid("Unit"),
    Part.PRICE: msgid("Price"),
    Part.CURRENCY: msgid("Currency"),
    Part.DESCRIPTION: msgid("Description"),
    Part.CLASSIFICATION: msgid("Class"),
    Part.LEAD_TIME: msgid("Lead time"),
    Part.MANUFACTURER_PART: msgid("Manufacturer's part number"),
    Part.MANUFACTURER: msgid("Manufacturer"),
    Part.BUYER_ITEM: msgid("Buyer's item number"),
    Part.EXTRINSIC: msgid("Extra field"),
    Part.SHIP_TO: msgid("Ship to"),
    Part.TOTAL: msgid("Total"),
}

CART_REASONS: Final[Mapping[str, str]] = {
    Reason.BASIS_LOST: msgid("the same number, for another number of units"),
    Reason.SAME_VALUE: msgid("the same price, for another number of units"),
    Reason.MAPPED: msgid("the customer's own word for it"),
    Reason.SAME_COUNT: msgid("counts the same"),
    Reason.ZEROS: msgid("leading zeros are gone"),
    Reason.SPELLING: msgid("written in another way"),
    Reason.SPLIT: msgid("over several lines of the order"),
    Reason.REST: msgid("the rest is in orders before this one"),
    Reason.LINES: msgid("follows from the lines"),
    Reason.CHARGES: msgid("shipping or tax, which carts do not hold"),
}
"""How a platform is known to change a part; those that come with a number are sentences of the page."""

FIELD_NAMES: Final[Mapping[str, str]] = {
    **{field.key: field.label for field in FIELDS.values()},
    "count_lines": msgid("number of lines"),
    "sum_lines": msgid("sum of lines"),
}
"""The labels of the rules' field catalogue, and of what is counted over lines."""
