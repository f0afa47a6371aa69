"""Why somebody was asked, in sentences of the reader's language with its numbers and dates."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from app.approval.conditions import Wanted
from app.approval.evaluate import Answer, Reason
from app.approval.explanation import Why, from_data
from app.approval.operators import Operator
from app.formats import Formats, formats
from app.web.language import msgid, translations
from app.web.orders.words import FIELD_NAMES
from schemas.money import Money

MOST_LINES: Final = 3
MOST_SAID: Final = 60
"""Characters of a text of the buyer's that cannot be read."""

_HOLDS: Final[Mapping[Operator, str]] = {
    Operator.EQUAL: msgid("%(field)s is %(actual)s"),
    Operator.UNEQUAL: msgid("%(field)s is %(actual)s, not %(wanted)s"),
    Operator.ABOVE: msgid("%(field)s %(actual)s is more than %(wanted)s"),
    Operator.BELOW: msgid("%(field)s %(actual)s is less than %(wanted)s"),
    Operator.AT_LEAST: msgid("%(field)s %(actual)s is at least %(wanted)s"),
    Operator.AT_MOST: msgid("%(field)s %(actual)s is at most %(wanted)s"),
    Operator.BETWEEN: msgid("%(field)s %(actual)s is between %(wanted)s"),
    Operator.IN: msgid("%(field)s %(actual)s is one of %(wanted)s"),
    Operator.NOT_IN: msgid("%(field)s %(actual)s is none of %(wanted)s"),
    Operator.STARTS_WITH: msgid("%(field)s %(actual)s begins with %(wanted)s"),
    Operator.CONTAINS: msgid("%(field)s contains %(wanted)s"),
    Operator.IS_EMPTY: msgid("%(field)s is not given"),
    Operator.IS_TRUE: msgid("it is so: %(field)s"),
    Operator.IS_FALSE: msgid("it is not so: %(field)s"),
}
_HOLDS_NOT: Final[Mapping[Operator, str]] = {
    Operator.EQUAL: msgid("%(field)s is %(actual)s, not %(wanted)s"),
    Operator.UNEQUAL: msgid("%(field)s is %(actual)s"),
    Operator.ABOVE: msgid("%(field)s %(actual)s is not more than %(wanted)s"),
    Operator.BELOW: msgid("%(field)s %(actual)s is not less than %(wanted)s"),
    Operator.AT_LEAST: msgid("%(field)s %(actual)s is less than %(wanted)s"),
    Operator.AT_MOST: msgid("%(field)s %(actual)s is more than %(wanted)s"),
    Operator.BETWEEN: msgid("%(field)s %(actual)s is not between %(wanted)s"),
    Operator.IN: msgid("%(field)s %(actual)s is none of %(wanted)s"),
    Operator.NOT_IN: msgid("%(field)s %(actual)s is one of %(wanted)s"),
    Operator.STARTS_WITH: msgid("%(field)s %(actual)s does not begin with %(wanted)s"),
    Operator.CONTAINS: msgid("%(field)s does not contain %(wanted)s"),
    Operator.IS_EMPTY: msgid("%(field)s is given"),
    Operator.IS_TRUE: msgid("it is not so: %(field)s"),
    Operator.IS_FALSE: msgid("it is so: %(field)s"),
}
_UNKNOWN: Final = msgid("%(field)s is not known, so it cannot be compared with %(wanted)s")
_UNREADABLE: Final = msgid(
    "%(field)s is “%(said)s” in the order, which is no such value, so it cannot be compared with %(wanted)s"
)
_NO_RATE: Final = msgid(
    "%(field)s %(actual)s cannot be compared with %(wanted)s: there is no recent rate from %(base)s to %(target)s"
)
_WHY: Final[Mapping[str, str]] = {
    Why.ASKED: msgid("People were asked by the rules “%(flow)s”."),
    Why.NOBODY_ASKED: msgid("Nobody was asked: the rules “%(flow)s” need nobody for this order."),
    Why.AUTO_APPROVED: msgid("Nobody was asked: the rule “%(rule)s” of “%(flow)s” approved it."),
    Why.BLOCKED: msgid("The rule “%(rule)s” of “%(flow)s” forbids this order."),
    Why.CANNOT_TELL: msgid("Held: whether the rules “%(flow)s” apply cannot be told."),
    Why.NO_FLOW: msgid("No approval rules fit this order."),
    Why.NOBODY_THERE: msgid("Held: a step of the rules “%(flow)s” has nobody, or too few, who may decide."),
    Why.OVERRIDDEN: msgid("An administrator decided in place of the approvers."),
}


def _short(text: str) -> str:
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}…"


class Speaker:
    """Puts reasons into words of one language."""

    def __init__(self, language: str) -> None:
        self.text: Callable[[str], str] = translations(language).gettext
        self.formats: Formats = formats(language)

    def why(self, explanation: Mapping[str, Any]) -> str:
        """The first sentence about a run; "" for a run that says nothing."""
        template = _WHY.get(str(explanation.get("why", "")))
        if template is None:
            return ""
        return self.text(template) % {"flow": explanation.get("flow") or "", "rule": explanation.get("rule") or ""}

    def reasons(self, kept: list[dict[str, Any]]) -> list[str]:
        return [self._reason(from_data(data)) for data in kept]

    def _reason(self, reason: Reason) -> str:
        words = {
            "field": reason.label or self.text(FIELD_NAMES.get(reason.field, reason.field)),
            "actual": self._value(reason.actual),
            "wanted": self._value(reason.wanted),
        }
        currencies = reason.currencies
        if reason.answer is Answer.UNKNOWN and currencies is not None:
            base, target = currencies
            said = self.text(_NO_RATE) % {**words, "base": base, "target": target}
        elif reason.answer is Answer.UNKNOWN and reason.said is not None:
            said = self.text(_UNREADABLE) % {**words, "said": _short(reason.said)}
        elif reason.answer is Answer.UNKNOWN:
            said = self.text(_UNKNOWN) % words
        else:
            said = self.text((_HOLDS if reason.answer is Answer.YES else _HOLDS_NOT)[reason.operator]) % words
        if not reason.lines:
            return said
        return self.text(msgid("%(lines)s: %(said)s")) % {"lines": self._lines(reason.lines), "said": said}

    def _lines(self, numbers: tuple[int, ...]) -> str:
        shown = ", ".join(str(number) for number in numbers[:MOST_LINES])
        named = self.text(msgid("line %(lines)s") if len(numbers) == 1 else msgid("lines %(lines)s")) % {"lines": shown}
        more = len(numbers) - MOST_LINES
        return self.text(msgid("%(named)s and %(num)d more")) % {"named": named, "num": more} if more > 0 else named

    def _value(self, value: Wanted) -> str:
        match value:
            case tuple():
                return ", ".join(self._value(item) for item in value)
            case None:
                return "–"
            case Money():
                return self.formats.money(value)
            case bool():
                return self.text(msgid("yes")) if value else self.text(msgid("no"))
            case Decimal() | int():
                return self.formats.number(value)
            case date():
                return self.formats.date(value)
            case str():
                return value
