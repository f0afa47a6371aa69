"""A flow: one customer's rules for one order, as a definition that is read strictly and judged in one pass.

Order of judgement: does the flow fit (`match`)? Is the order forbidden (`block`)? May it pass by itself
(`auto_approve`)? Else people are asked, stage after stage. An unknown answer never helps an order along: it holds the
order (match, block), gives no automatic approval, and makes a step necessary."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.approval.conditions import Condition, ConditionReader, keys_of, write
from app.approval.evaluate import Answer, Judgement, Reason, judge
from app.approval.subject import Subject
from schemas.faults import Findings

MOST_STEPS: Final = 30
MOST_BYTES: Final = 64 * 1024


class Rejects(StrEnum):
    """Whether one no closes the run, or only a no that leaves too few for the quorum."""

    FIRST = "first"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Rule:
    """`key` is stable within the flow; `text` is what people read, in the author's words."""

    key: str
    text: str
    when: Condition


@dataclass(frozen=True, slots=True)
class Approver:
    """Who is asked: one person by login name, or everybody who holds a role for this customer."""

    user: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """`quorum` is how many of those asked must say yes; None stands for all of them."""

    key: str
    name: str
    approver: Approver
    condition: Condition | None = None
    quorum: int | None = 1
    rejects: Rejects = Rejects.FIRST


@dataclass(frozen=True, slots=True)
class Flow:
    match: Condition | None = None
    block: tuple[Rule, ...] = ()
    auto_approve: tuple[Rule, ...] = ()
    stages: tuple[tuple[Step, ...], ...] = ()
    hold_when_nobody_is_asked: bool = False


class Ruling(StrEnum):
    NOT_THIS_FLOW = "not_this_flow"
    CANNOT_TELL = "cannot_tell"
    BLOCKED = "blocked"
    AUTO_APPROVED = "auto_approved"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rule` is the rule that decided, where one did; `reasons` are its comparisons."""

    ruling: Ruling
    reasons: tuple[Reason, ...] = ()
    rule: Rule | None = None


def verdict(flow: Flow, subject: Subject) -> Verdict:
    if flow.match is not None:
        fits = judge(flow.match, subject)
        if fits.answer is not Answer.YES:
            ruling = Ruling.NOT_THIS_FLOW if fits.answer is Answer.NO else Ruling.CANNOT_TELL
            return Verdict(ruling, fits.reasons)
    blocked = [(rule, judge(rule.when, subject)) for rule in flow.block]
    for wanted, ruling in ((Answer.YES, Ruling.BLOCKED), (Answer.UNKNOWN, Ruling.CANNOT_TELL)):
        for rule, judged in blocked:
            if judged.answer is wanted:
                return Verdict(ruling, judged.reasons, rule)
    for rule in flow.auto_approve:
        judged = judge(rule.when, subject)
        if judged.answer is Answer.YES:
            return Verdict(Ruling.AUTO_APPROVED, judged.reasons, rule)
    return Verdict(Ruling.ASK)


def required(stage: Sequence[Step], subject: Subject) -> tuple[tuple[Step, Judgement], ...]:
    """The steps of a stage that must be taken, each with why. A step without a condition always must."""
    judged = ((step, judge(step.condition, subject) if step.condition else _ALWAYS) for step in stage)
    return tuple((step, judgement) for step, judgement in judged if judgement.answer is not Answer.NO)


_ALWAYS = Judgement(Answer.YES, ())


def read(definition: str | bytes) -> Flow:
    """Raises schemas.faults.Rejected with everything that is wrong with the definition."""
    findings = Findings()
    body = definition.encode() if isinstance(definition, str) else definition
    if len(body) > MOST_BYTES:
        findings.add("flow.too_big", "definition", f"may have at most {MOST_BYTES} bytes", str(len(body)))
        findings.raise_if_any()
    try:
        data = json.loads(body, object_pairs_hook=_no_twins, parse_float=_Fraction, parse_constant=_Fraction)
    except (ValueError, RecursionError) as error:
        findings.add("flow.not_json", "definition", f"is no JSON: {error}")
        findings.raise_if_any()
    flow = _Reader(findings).flow(data)
    findings.raise_if_any()
    return flow


class _Fraction:
    """A JSON number with a fraction, which no reader takes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key '{next(n for n in names if names.count(n) > 1)}' stands twice in one object")
    return data


class _Reader:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.conditions = ConditionReader(findings)
        self.steps: set[str] = set()

    def flow(self, data: object) -> Flow:
        if not isinstance(data, dict):
            self.findings.add("flow.not_an_object", "definition", "must be an object")
            return Flow()
        allowed = ("match", "block", "auto_approve", "stages", "when_nobody_is_asked")
        keys_of(data, allowed, "definition", self.findings)
        match = self.conditions.read(data["match"], "match") if "match" in data else None
        block = self._rules(data.get("block", []), "block")
        auto = self._rules(data.get("auto_approve", []), "auto_approve")
        stages = tuple(
            self._stage(stage, f"stages[{i}]") for i, stage in enumerate(self._list(data.get("stages", []), "stages"))
        )
        nobody = data.get("when_nobody_is_asked", "approve")
        if nobody not in ("approve", "hold"):
            self.findings.add("flow.bad_value", "when_nobody_is_asked", "must be 'approve' or 'hold'", str(nobody))
        if not stages and not auto and nobody == "approve":
            message = "approves every order unseen: add stages, auto_approve, or when_nobody_is_asked 'hold'"
            self.findings.add("flow.empty", "definition", message)
        if len(self.steps) > MOST_STEPS:
            self.findings.add("flow.too_many_steps", "stages", f"may hold {MOST_STEPS} steps", str(len(self.steps)))
        return Flow(match, block, auto, stages, nobody == "hold")

    def _list(self, data: object, at: str) -> list[Any]:
        if isinstance(data, list):
            return data
        self.findings.add("flow.not_a_list", at, "must be a list")
        return []

    def _rules(self, data: object, at: str) -> tuple[Rule, ...]:
        rules, keys = [], set()
        for i, item in enumerate(self._list(data, at)):
            place = f"{at}[{i}]"
            if not isinstance(item, dict):
                self.findings.add("flow.not_an_object", place, "must be an object with key, text and when")
                continue
            keys_of(item, ("key", "text", "when"), place, self.findings)
            key, text = self._word(item, "key", place), self._word(item, "text", place)
            when = self.conditions.read(item.get("when"), f"{place}.when")
            if key in keys:
                self.findings.add("flow.key_twice", f"{place}.key", "another rule has this key", key)
            keys.add(key)
            if when is not None:
                rules.append(Rule(key, text, when))
        return tuple(rules)

    def _word(self, data: dict[str, Any], key: str, at: str) -> str:
        value = data.get(key)
        if isinstance(value, str) and value.strip() and len(value) <= 200:
            return value
        self.findings.add("flow.text_missing", f"{at}.{key}", "must be a text of 1 to 200 characters")
        return ""

    def _stage(self, data: object, at: str) -> tuple[Step, ...]:
        if not isinstance(data, dict):
            self.findings.add("flow.not_an_object", at, "must be an object with steps")
            return ()
        keys_of(data, ("steps",), at, self.findings)
        items = self._list(data.get("steps"), f"{at}.steps")
        if data.get("steps") == []:
            self.findings.add("flow.empty_stage", f"{at}.steps", "a stage has at least one step")
        steps = (self._step(item, f"{at}.steps[{i}]") for i, item in enumerate(items))
        return tuple(step for step in steps if step is not None)

    def _step(self, data: object, at: str) -> Step | None:
        if not isinstance(data, dict):
            self.findings.add("flow.not_an_object", at, "must be an object with key, name and approver")
            return None
        keys_of(data, ("key", "name", "approver", "condition", "quorum", "reject"), at, self.findings)
        key, name = self._word(data, "key", at), self._word(data, "name", at)
        if key in self.steps:
            self.findings.add("flow.key_twice", f"{at}.key", "another step has this key", key)
        self.steps.add(key)
        approver = self._approver(data.get("approver"), f"{at}.approver")
        condition = self.conditions.read(data["condition"], f"{at}.condition") if "condition" in data else None
        quorum, rejects = data.get("quorum", "any"), data.get("reject", Rejects.FIRST.value)
        if rejects not in list(Rejects):
            self.findings.add("flow.bad_value", f"{at}.reject", "must be 'first' or 'unreachable'", str(rejects))
            rejects = Rejects.FIRST
        if quorum == "any":
            quorum = 1
        elif quorum == "all":
            quorum = None
        elif isinstance(quorum, bool) or not isinstance(quorum, int) or not 1 <= quorum <= MOST_STEPS:
            message = f"must be 'any', 'all' or a number from 1 to {MOST_STEPS}"
            self.findings.add("flow.bad_value", f"{at}.quorum", message, repr(quorum))
            quorum = None
        elif approver.user is not None and quorum > 1:
            self.findings.add("flow.bad_value", f"{at}.quorum", "one person cannot be several", str(quorum))
        return Step(key, name, approver, condition, quorum, Rejects(rejects))

    def _approver(self, data: object, at: str) -> Approver:
        if isinstance(data, dict) and len(data) == 1:
            kind, name = next(iter(data.items()))
            if kind in ("user", "role") and isinstance(name, str) and name.strip():
                return Approver(user=name if kind == "user" else None, role=name if kind == "role" else None)
        self.findings.add("flow.no_approver", at, 'must be {"user": "login name"} or {"role": "approver"}')
        return Approver()


def to_json(flow: Flow) -> str:
    """Canonical: equal flows give equal text. `read` takes it back."""
    data: dict[str, Any] = {
        **({"match": write(flow.match)} if flow.match is not None else {}),
        "block": [_rule(rule) for rule in flow.block],
        "auto_approve": [_rule(rule) for rule in flow.auto_approve],
        "stages": [{"steps": [_step(step) for step in stage]} for stage in flow.stages],
        "when_nobody_is_asked": "hold" if flow.hold_when_nobody_is_asked else "approve",
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _rule(rule: Rule) -> dict[str, Any]:
    return {"key": rule.key, "text": rule.text, "when": write(rule.when)}


def _step(step: Step) -> dict[str, Any]:
    approver = {"user": step.approver.user} if step.approver.user else {"role": step.approver.role}
    data: dict[str, Any] = {
        "key": step.key,
        "name": step.name,
        "approver": approver,
        "quorum": "all" if step.quorum is None else step.quorum,
        "reject": step.rejects.value,
    }
    if step.condition is not None:
        data["condition"] = write(step.condition)
    return data


def checksum(flow: Flow) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(to_json(flow).encode()).hexdigest()
