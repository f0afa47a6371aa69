"""What the codes of a definition are called in the editor. Message ids are English."""

from collections.abc import Mapping
from typing import Final

from app.approval.flow import LaterDate, OnSilence, OnTimeout, Rejects
from app.approval.operators import Operator, Type
from app.web.language import msgid

OPERATORS: Final[Mapping[str, str]] = {
    Operator.EQUAL: msgid("is"),
    Operator.UNEQUAL: msgid("is not"),
    Operator.ABOVE: msgid("is more than"),
    Operator.BELOW: msgid("is less than"),
    Operator.AT_LEAST: msgid("is at least"),
    Operator.AT_MOST: msgid("is at most"),
    Operator.BETWEEN: msgid("is between"),
    Operator.IN: msgid("is one of"),
    Operator.NOT_IN: msgid("is none of"),
    Operator.STARTS_WITH: msgid("begins with"),
    Operator.CONTAINS: msgid("contains"),
    Operator.IS_EMPTY: msgid("is not given"),
    Operator.IS_TRUE: msgid("is so"),
    Operator.IS_FALSE: msgid("is not so"),
}

OF_DATES: Final[Mapping[str, str]] = {
    **OPERATORS,
    Operator.ABOVE: msgid("is after"),
    Operator.BELOW: msgid("is before"),
    Operator.AT_LEAST: msgid("is on or after"),
    Operator.AT_MOST: msgid("is on or before"),
}

COMPARED: Final[Mapping[str, str]] = {
    Operator.EQUAL: msgid("%(field)s is %(wanted)s"),
    Operator.UNEQUAL: msgid("%(field)s is not %(wanted)s"),
    Operator.ABOVE: msgid("%(field)s is more than %(wanted)s"),
    Operator.BELOW: msgid("%(field)s is less than %(wanted)s"),
    Operator.AT_LEAST: msgid("%(field)s is at least %(wanted)s"),
    Operator.AT_MOST: msgid("%(field)s is at most %(wanted)s"),
    Operator.BETWEEN: msgid("%(field)s is between %(wanted)s"),
    Operator.IN: msgid("%(field)s is one of %(wanted)s"),
    Operator.NOT_IN: msgid("%(field)s is none of %(wanted)s"),
    Operator.STARTS_WITH: msgid("%(field)s begins with %(wanted)s"),
    Operator.CONTAINS: msgid("%(field)s contains %(wanted)s"),
    Operator.IS_EMPTY: msgid("%(field)s is not given"),
    Operator.IS_TRUE: msgid("it is so: %(field)s"),
    Operator.IS_FALSE: msgid("it is not so: %(field)s"),
}
"""A comparison as part of a sentence."""

DATES_COMPARED: Final[Mapping[str, str]] = {
    **COMPARED,
    Operator.ABOVE: msgid("%(field)s is after %(wanted)s"),
    Operator.BELOW: msgid("%(field)s is before %(wanted)s"),
    Operator.AT_LEAST: msgid("%(field)s is on or after %(wanted)s"),
    Operator.AT_MOST: msgid("%(field)s is on or before %(wanted)s"),
}

KINDS: Final[Mapping[str, str]] = {
    "leaf": msgid("a condition"),
    "all": msgid("all of these"),
    "any": msgid("any of these"),
    "not": msgid("not this"),
    "any_line": msgid("any line with"),
    "every_line": msgid("every line with"),
    "count_lines": msgid("number of lines with"),
    "sum_lines": msgid("sum over lines with"),
}

GROUPS: Final[Mapping[str, str]] = {
    "all": msgid("All of these are so:"),
    "any": msgid("At least one of these is so:"),
    "not": msgid("This is not so:"),
    "any_line": msgid("At least one line fulfils this:"),
    "every_line": msgid("Every line fulfils this:"),
    "count_lines": msgid("The number of lines that fulfil this:"),
    "sum_lines": msgid("The sum over the lines that fulfil this:"),
}
"""Above what stands inside."""

RULES: Final[Mapping[str, str]] = {
    "block": msgid("Orders that are refused"),
    "warn": msgid("Warnings"),
    "auto_approve": msgid("Orders that are approved without asking"),
}

APPROVERS: Final[Mapping[str, str]] = {
    "user": msgid("this person (login name)"),
    "group": msgid("members of the group"),
    "role": msgid("everybody with the role"),
    "field:cost_center.owner": msgid("owner of the cost centre"),
    "field:ship_to.owner": msgid("owner of the ship-to address"),
    "field:customer.owner": msgid("owner of the customer"),
    "manager_of:requester": msgid("manager of the requester"),
    "hierarchy:requester": msgid("managers above the requester, up to one whose limit covers the order"),
}

ASKED: Final[Mapping[str, str]] = {
    "user": msgid("%(name)s"),
    "group": msgid("the group %(name)s"),
    "role": msgid("everybody with the role %(name)s"),
}
"""Those with a name of the author's choice, in a sentence."""

QUORUMS: Final[Mapping[str, str]] = {
    "any": msgid("one of those asked"),
    "all": msgid("all of those asked"),
    "several": msgid("this many of those asked"),
}

REJECTS: Final[Mapping[str, str]] = {
    Rejects.FIRST: msgid("the first no"),
    Rejects.UNREACHABLE: msgid("only when too few are left to say yes"),
}

TIMEOUTS: Final[Mapping[str, str]] = {
    OnTimeout.NOTIFY: msgid("tell them that it is overdue"),
    OnTimeout.ESCALATE: msgid("ask somebody else besides"),
    OnTimeout.REJECT: msgid("reject the order"),
}

SILENCES: Final[Mapping[str, str]] = {
    OnSilence.NOTIFY: msgid("whoever sent it back is told"),
    OnSilence.REJECT: msgid("the order is rejected"),
}

LIMITS: Final[Mapping[str, str]] = {
    "": msgid("everybody named"),
    "total": msgid("whose approval limit covers the order"),
    "amount": msgid("whose approval limit is at least"),
}

EDITABLE: Final[Mapping[str, str]] = {
    "quantity": msgid("quantities"),
    "requested_date": msgid("delivery date"),
    "ship_to": msgid("ship-to address"),
    "bill_to": msgid("bill-to address"),
    "cost_center": msgid("cost centre"),
    "comment": msgid("comment"),
}

NOBODY: Final[Mapping[str, str]] = {
    "approve": msgid("the order is approved"),
    "hold": msgid("the order is held for a person"),
}

LATER_DATES: Final[Mapping[str, str]] = {
    LaterDate.NONE: msgid("nothing"),
    LaterDate.NOTIFY: msgid("the approvers are told"),
    LaterDate.NEW_RUN: msgid("the order is approved anew"),
}

AREAS: Final[Mapping[str, str]] = {
    "order": msgid("Order"),
    "requester": msgid("Requester"),
    "cost_center": msgid("Cost centre"),
    "customer": msgid("Customer"),
    "line": msgid("Line"),
}
"""What stands before the first dot of a field's key: fields are offered in these groups."""
TYPES: Final[Mapping[str, str]] = {
    Type.TEXT: msgid("Text"),
    Type.CODE: msgid("Code"),
    Type.DECIMAL: msgid("Number"),
    Type.INTEGER: msgid("Whole number"),
    Type.MONEY: msgid("Amount of money"),
    Type.DATE: msgid("Date"),
    Type.BOOL: msgid("Yes or no"),
}
OWN_AREA: Final = msgid("Fields of the customer's own")

FAULTS: Final[Mapping[str, str]] = {
    "flow.too_big": msgid("The rules are too long to be kept."),
    "flow.not_json": msgid("This is no JSON."),
    "flow.not_an_object": msgid("Here something of another kind is expected."),
    "flow.not_a_list": msgid("Here a list is expected."),
    "flow.bad_value": msgid("This value is not possible here."),
    "flow.empty": msgid("Every order would be approved unseen: ask somebody, or hold the order when nobody is asked."),
    "flow.too_many_steps": msgid("There are too many steps."),
    "flow.final_approver_missing": msgid("Say who decides when no manager's limit covers the order."),
    "flow.key_twice": msgid("Another one has this key."),
    "flow.text_missing": msgid("Fill in a text of 1 to 200 characters."),
    "flow.empty_stage": msgid("A stage needs at least one step."),
    "flow.escalate_to_missing": msgid("Say who is asked besides when time is up."),
    "flow.due_hours_missing": msgid("Say after how many working hours."),
    "flow.no_approver": msgid("Say who is asked."),
    "flow.too_many_approvers": msgid("More people are asked than is possible."),
    "flow.many_approvers": msgid("Many people are asked; orders move faster with fewer."),
    "flow.quorum_too_high": msgid("More must say yes than there are."),
    "flow.nobody_besides_requester": msgid("Nobody is left to ask when one of them ordered: say who is asked besides."),
    "flow.nobody_besides_editor": msgid(
        "Whoever changes the order does not decide on it, and too few are left then: say who is asked besides."
    ),
    "flow.never_due": msgid("Nobody notices when this step is not decided: say when it is due."),
    "flow.allows_self": msgid("Requesters decide on their own orders here."),
    "flow.limit_too_high": msgid("None of them has so high an approval limit."),
    "flow.nobody_has_limit": msgid("None of them has an approval limit in a currency of the customer."),
    "flow.nobody_there": msgid("Nobody active answers to this name."),
    "flow.shadowed": msgid("These rules are never reached: others are tried before and fit every order."),
    "flow.shadows": msgid("These rules fit every order, so that others are never reached."),
    "flow.nobody_in_group": msgid("No customer is in this group."),
    "example.failed": msgid("An example of these rules does not hold any more:"),
    "example.not_a_list": msgid("Here a list of at most 50 examples is expected."),
    "example.twice": msgid("Another example is of the same order."),
    "example.bad_number": msgid("Give the number as a text in quotes."),
    "example.bad_revision": msgid("Give the number of a revision of the order, such as 1."),
    "example.bad_outcome": msgid("Give one of these: passes, asked, held, blocked."),
    "example.bad_step": msgid("Give the key of a step, and only where people are asked."),
    "people.no_limit": msgid("Somebody has no approval limit in a currency of the customer and is not asked there."),
    "people.delegate_loop": msgid("Stand-ins lead in a circle."),
    "rule.unknown_key": msgid("This does not belong here."),
    "rule.not_a_condition": msgid("Say under which condition."),
    "rule.too_deep": msgid("Conditions stand too deep inside of each other."),
    "rule.empty_group": msgid("The group needs at least one condition."),
    "rule.nested_lines": msgid("A condition on lines cannot stand inside another one."),
    "rule.not_summable": msgid("Only an amount of money of a line can be summed."),
    "rule.too_many_leaves": msgid("There are too many conditions."),
    "rule.currency_not_here": msgid("Only an amount of money has a currency."),
    "rule.value_not_here": msgid("No value belongs here."),
    "rule.operator_not_allowed": msgid("This field cannot be compared like this."),
    "rule.types_differ": msgid("These two fields cannot be compared."),
    "rule.field_missing": msgid("Choose a field."),
    "rule.unknown_field": msgid("There is no such field: choose one."),
    "rule.line_field_outside": msgid("This field belongs to a line: put it into a group for lines."),
    "rule.not_a_range": msgid("Give two values, the lowest first."),
    "rule.not_a_list": msgid("Give at least one value, one in each line, at most 100."),
    "rule.bad_value": msgid("This is no value for this field; write it like the example."),
    "rule.currency_missing": msgid("An amount of money needs a currency."),
    "rule.unknown_currency": msgid("There is no such currency."),
    "rule.contradiction": msgid("No order can ever fulfil this."),
    "rule.tautology": msgid("Every order fulfils this."),
}
"""By the code of a fault, in the reader's language; the core's own sentence is in English and says more."""
