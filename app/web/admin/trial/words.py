"""What rules make of an order, in words."""

from collections.abc import Callable, Mapping
from typing import Final

from app.approval.explanation import Why
from app.approval.simulation import Judged, Outcome
from app.formats import Formats
from app.web.language import msgid
from app.web.orders.words import FIELD_NAMES

Translate = Callable[[str], str]

OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.PASSES: msgid("passes by itself"),
    Outcome.ASKED: msgid("people are asked"),
    Outcome.HELD: msgid("held"),
    Outcome.BLOCKED: msgid("forbidden"),
}
WHY: Final[Mapping[str, str]] = {
    Why.CANNOT_TELL: msgid("it cannot be told whether the rules apply"),
    Why.NO_FLOW: msgid("no rules fit"),
    Why.NOBODY_THERE: msgid("nobody, or too few, may decide"),
    Why.NOBODY_ASKED: msgid("nobody needs to be asked"),
}


def told(judged: Judged, translate: Translate) -> str:
    """In one line: the outcome with what made it so, or the steps with their people."""
    outcome = translate(OUTCOMES[judged.outcome])
    if judged.outcome is Outcome.ASKED:
        return f"{outcome}: {steps(judged)}"
    because = judged.rule or (translate(WHY[judged.why]) if judged.why in WHY else "")
    return f"{outcome} ({because})" if because else outcome


def steps(judged: Judged) -> str:
    """`Purchasing lead: Ana, Bob → Board: Eve`."""
    taken = (" + ".join(f"{one.name}: {', '.join(one.people)}" for one in stage) for stage in judged.stages if stage)
    return " → ".join(taken)


def unknown(judged: Judged, translate: Translate) -> str:
    """The fields that were asked about and are not known."""
    own = {reason["field"]: reason["label"] for reason in judged.reasons if "label" in reason}
    return ", ".join(own.get(key) or translate(FIELD_NAMES.get(key, key)) for key in judged.unknown)


def hours(value: float | None, formats: Formats) -> str:
    return "–" if value is None else formats.compact(value)
