"""What a mail about an approval says, by its kind: its subject, its first sentence, and what its link is for.

Each is a message id with `%(order)s`, `%(by)s` or `%(at)s` in it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.languages import msgid


class Words(NamedTuple):
    """`action` stands before the link; absent where there is nothing to go to."""

    subject: str
    lead: str
    action: str


_DECIDE: Final = msgid("See the order and decide")
_LOOK: Final = msgid("See the order")

ASKED: Final = Words(
    msgid("Please decide: order %(order)s"),
    msgid("An order waits for your decision."),
    _DECIDE,
)
HANDED_ON: Final = Words(ASKED.subject, msgid("%(by)s has handed this decision on to you."), _DECIDE)
ESCALATED: Final = Words(
    msgid("Please decide: order %(order)s"),
    msgid("An order was not decided in time, so you are asked besides."),
    _DECIDE,
)
STANDS_IN: Final = Words(
    msgid("Please decide for %(by)s: order %(order)s"),
    msgid("%(by)s is away, and you stand in: an order waits for a decision."),
    _DECIDE,
)
EDITED: Final[Mapping[str, Words]] = {
    "approval_changed": Words(
        msgid("Order %(order)s was changed"),
        msgid("%(by)s has changed an order that waits for your decision."),
        _DECIDE,
    ),
    "approval_superseded": Words(
        msgid("Order %(order)s was changed: your decision counts no longer"),
        msgid(
            "%(by)s has changed an order that you had approved, or were asked about. You need not decide it any more."
        ),
        _LOOK,
    ),
}
"""Where one of our people changed the order, and not the buyer."""
BY_KIND: Final[Mapping[str, Words]] = {
    "approval": ASKED,
    "approval_delegated": STANDS_IN,
    "approval_reminded": Words(
        msgid("Reminder: order %(order)s waits for you"),
        msgid("An order still waits for your decision."),
        _DECIDE,
    ),
    "approval_overdue": Words(
        msgid("Overdue: order %(order)s waits for you"),
        msgid("An order was not decided in time, and still waits for your decision."),
        _DECIDE,
    ),
    "approval_watching": Words(
        msgid("For your information: order %(order)s is up for approval"),
        msgid("An order that you watch is up for approval. You need not do anything."),
        _LOOK,
    ),
    "approval_question": Words(
        msgid("%(by)s asks about order %(order)s"),
        msgid("%(by)s has to decide about an order and asks you:"),
        msgid("See the order and answer"),
    ),
    "approval_answer": Words(
        msgid("%(by)s has answered about order %(order)s"),
        msgid("%(by)s answers your question:"),
        _DECIDE,
    ),
    "approval_changed": Words(
        msgid("Order %(order)s was changed"),
        msgid("An order that waits for your decision was changed by the buyer."),
        _DECIDE,
    ),
    "approval_superseded": Words(
        msgid("Order %(order)s was changed: your decision counts no longer"),
        msgid(
            "An order that you had approved, or were asked about, was changed by the buyer. You need not decide it any "
            "more."
        ),
        _LOOK,
    ),
    "approval_withdrawn": Words(
        msgid("No decision needed: order %(order)s was withdrawn"),
        msgid("An order that you had approved, or were asked about, was withdrawn. You need not do anything."),
        _LOOK,
    ),
    "approval_sent_back": Words(
        msgid("Please change order %(order)s"),
        msgid("%(by)s cannot approve the order as it is. Change it or cancel it in your own system:"),
        _LOOK,
    ),
    "approval_unchanged": Words(
        msgid("Order %(order)s was sent back and is not changed yet"),
        msgid("The buyer has neither changed nor cancelled in time an order that you sent back."),
        _LOOK,
    ),
}

_BECAUSE: Final[Mapping[str, Words]] = {"handed_on": HANDED_ON, "escalated": ESCALATED}


def words_of(kind: str, data: Mapping[str, Any]) -> Words:
    because = str(data.get("because"))
    if kind == "approval":
        return _BECAUSE.get(because, BY_KIND[kind])
    return EDITED.get(kind, BY_KIND[kind]) if because == "edited" else BY_KIND[kind]


DIFFERENCES: Final[Mapping[str, str]] = {
    "requester": msgid("Requester"),
    "currency": msgid("Currency"),
    "ship_to": msgid("Ship-to"),
    "bill_to": msgid("Bill-to"),
    "payment_terms": msgid("Payment terms"),
    "delivery_terms": msgid("Delivery terms"),
    "cost_assignment": msgid("Cost assignment"),
    "item": msgid("Item"),
    "name": msgid("Description"),
    "unit": msgid("Unit"),
    "return": msgid("Return"),
    "schedule": msgid("Delivery schedule"),
    "shipping": msgid("Shipping"),
    "tax": msgid("Tax"),
    "charges": msgid("Charges"),
    "comment": msgid("Comment"),
    "contacts": msgid("Contacts"),
    "attachments": msgid("Attachments"),
    "requested_date": msgid("Requested date"),
    "line": msgid("Line"),
    "quantity": msgid("Quantity"),
    "price": msgid("Price"),
    "total": msgid("Total"),
    "discount": msgid("Discount"),
    "order": msgid("Order"),
}
"""What has changed in an order, by the word of the difference: in mails and on pages."""

UNTOLD: Final = frozenset({"price"})
"""What lines cost stays out of mails; the page shows it."""
