"""What the rules of a draft say, in sentences of the reader's language: from the same data that the form shows,
finished or not. What is still to be filled in is an ellipsis."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.approval.condition_reader import decimal_of
from app.approval.fields import FIELDS, Catalogue
from app.approval.operators import WITHOUT_VALUE, Operator, Type
from app.formats import Formats, formats
from app.storage.people import Role
from app.web.admin.flow_editor import labels
from app.web.language import msgid, translations
from app.web.orders.words import FIELD_NAMES, ROLES
from schemas.money import CURRENCIES, Money

_OPEN: Final = "…"


_OPPOSITE: Final = {
    one: other
    for pair in ((">", "<="), ("<", ">="), ("=", "!="), ("in", "not_in"), ("is_true", "is_false"))
    for one, other in (pair, pair[::-1])
}


def _opposite(condition: object) -> dict[str, Any] | None:
    """A single comparison turned round, as far as one operator says it: two negations in one sentence are hard to
    read. Of what is not known neither holds, so that it is the same condition."""
    if isinstance(condition, dict) and "field" in condition and condition.get("op") in _OPPOSITE:
        return {**condition, "op": _OPPOSITE[condition["op"]]}
    return None


class Phrases:
    """`people` are names by login, which sentences use where they know them; `fields` what conditions ask about."""

    def __init__(self, language: str, people: Mapping[str, str], fields: Catalogue = FIELDS) -> None:
        self.text: Callable[[str], str] = translations(language).gettext
        self.formats: Formats = formats(language)
        self.people = people
        self.fields = fields

    def match(self, data: Mapping[str, Any]) -> str:
        if "match" not in data:
            return self.text(msgid("These rules are for every order."))
        return self.text(msgid("These rules are for an order when %(when)s.")) % {"when": self.when(data["match"])}

    def rule(self, kind: str, data: Mapping[str, Any]) -> str:
        """Of a rule that blocks, warns or approves."""
        said = {
            "block": msgid("An order is refused when %(when)s."),
            "warn": msgid("A warning is shown when %(when)s."),
            "auto_approve": msgid("An order is approved without asking when %(when)s."),
        }
        return self.text(said[kind]) % {"when": self.when(data.get("when"))}

    def step(self, data: Mapping[str, Any]) -> str:
        who = self.who(data.get("approver"))
        if "condition" in data:
            words = {"who": who, "when": self.when(data["condition"])}
            said = self.text(msgid("Asked: %(who)s, when %(when)s.")) % words
        else:
            said = self.text(msgid("Asked for every order: %(who)s.")) % {"who": who}
        quorum = data.get("quorum")
        if quorum == "all":
            return f"{said} {self.text(msgid('All of them must say yes.'))}"
        if isinstance(quorum, int) and quorum > 1:
            return f"{said} {self.text(msgid('%(number)s of them must say yes.')) % {'number': quorum}}"
        return said

    def who(self, approver: object) -> str:
        kind, name = next(iter(approver.items()), ("", "")) if isinstance(approver, dict) else ("", "")
        if kind in labels.ASKED:
            called = {"user": self.people.get(str(name).casefold()), "role": self._role(str(name))}.get(kind)
            return self.text(labels.ASKED[kind]) % {"name": called or name or _OPEN}
        fixed = labels.APPROVERS.get(f"{kind}:{name}")
        return self.text(fixed) if fixed else _OPEN

    def _role(self, name: str) -> str | None:
        return self.text(ROLES[name]) if name in list(Role) else None

    def when(self, condition: object) -> str:
        """A condition as the second half of a sentence."""
        if not isinstance(condition, dict):
            return _OPEN
        for name, joined in (("all", msgid("%(one)s and %(other)s")), ("any", msgid("%(one)s or %(other)s"))):
            if name in condition:
                return self._joined(condition[name], self.text(joined))
        inner = {
            "not": msgid("it is not so that %(inner)s"),
            "any_line": msgid("at least one line has this: %(inner)s"),
            "every_line": msgid("every line has this: %(inner)s"),
        }
        for name, said in inner.items():
            if name in condition:
                if name == "not" and (opposite := _opposite(condition["not"])) is not None:
                    return self.when(opposite)
                return self.text(said) % {"inner": self._enclosed(condition[name])}
        if "count_lines" in condition:
            counted = condition["count_lines"]
            what = self.text(msgid("number of lines (%(where)s)")) % {"where": self.when(counted.get("where"))}
            return self._compared(what, Type.INTEGER, counted)
        if "sum_lines" in condition:
            summed = condition["sum_lines"]
            words = {"field": self._field(summed.get("field")), "where": self.when(summed.get("where"))}
            return self._compared(self.text(msgid("sum of %(field)s (%(where)s)")) % words, Type.MONEY, summed)
        field = self.fields.get(str(condition.get("field")))
        return self._compared(self._field(condition.get("field")), field.type if field else Type.TEXT, condition)

    def _joined(self, parts: object, joined: str) -> str:
        said = [self._enclosed(part) for part in parts] if isinstance(parts, list) else []
        sentence = said[0] if said else _OPEN
        for other in said[1:]:
            sentence = joined % {"one": sentence, "other": other}
        return sentence

    def _enclosed(self, part: object) -> str:
        """In brackets where "and" and "or" would mix."""
        said = self.when(part)
        several = isinstance(part, dict) and any(
            isinstance(part.get(name), list) and len(part[name]) > 1 for name in ("all", "any")
        )
        return f"({said})" if several else said

    def _field(self, key: object) -> str:
        if isinstance(key, str) and key in FIELD_NAMES:
            return self.text(FIELD_NAMES[key])
        own = self.fields.get(str(key))
        return own.label if own is not None else str(key or _OPEN)

    def _compared(self, field: str, type_: Type, data: Mapping[str, Any]) -> str:
        operator = data.get("op")
        if operator not in list(Operator):
            return f"{field} {_OPEN}"
        compared = labels.DATES_COMPARED if type_ is Type.DATE else labels.COMPARED
        return self.text(compared[operator]) % {"field": field, "wanted": self._wanted(type_, operator, data)}

    def _wanted(self, type_: Type, operator: str, data: Mapping[str, Any]) -> str:
        if operator in WITHOUT_VALUE:
            return ""
        if "other_field" in data:
            return self._field(data["other_field"])
        value = data.get("value")
        values = value if isinstance(value, list) else [value]
        said = [self._value(type_, one, data.get("currency")) for one in values] or [_OPEN]
        if operator == Operator.BETWEEN and len(said) == 2:
            return self.text(msgid("%(one)s and %(other)s")) % {"one": said[0], "other": said[1]}
        return ", ".join(said)

    def _value(self, type_: Type, value: object, currency: object) -> str:
        """As it was typed where it is no value of the type."""
        try:
            match type_:
                case Type.MONEY if currency in CURRENCIES:
                    return self.formats.money(Money(amount=decimal_of(value), currency=str(currency)))
                case Type.DECIMAL | Type.INTEGER | Type.MONEY:
                    return self.formats.number(Decimal(decimal_of(value)))
                case Type.DATE:
                    return self.formats.date(date.fromisoformat(str(value)))
                case _:
                    pass
        except (ValueError, InvalidOperation):
            pass
        return str(value or _OPEN)
