"""A flow's definition as JSON: read strictly, every fault at once, and written back as canonical text.

`{"match", "block", "warn", "auto_approve", "stages": [{"steps": [...]}], "when_nobody_is_asked", "merge_consecutive",
"final_approver", "tolerance", "later_date", "link_limit", "send_back"}`. What has its default is not written, so that
the checksum of a definition does not change with the keys that come after it."""

import hashlib
import json
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar

from app.approval.condition_reader import ConditionReader, decimal_of, keys_of, nearest
from app.approval.conditions import write
from app.approval.fields import FIELDS, Catalogue
from app.approval.flow import (
    EDITABLE,
    OWNERS,
    REQUESTER,
    Approver,
    By,
    Flow,
    LaterDate,
    OnSilence,
    OnTimeout,
    Rejects,
    Rule,
    SendBack,
    Step,
    Tolerance,
)
from schemas.faults import Findings
from schemas.money import CURRENCIES, Money

MOST_STEPS: Final = 30
MOST_BYTES: Final = 64 * 1024
MOST_HOURS: Final = 2_000

S = TypeVar("S", bound=StrEnum)

_RULES: Final = ("block", "warn", "auto_approve")
FLOW_KEYS: Final = (
    "match",
    *_RULES,
    "stages",
    "when_nobody_is_asked",
    "merge_consecutive",
    "final_approver",
    "tolerance",
    "later_date",
    "link_limit",
    "send_back",
)
STEP_KEYS: Final = (
    "key",
    "name",
    "approver",
    "condition",
    "quorum",
    "reject",
    "min_limit",
    "due_hours",
    "remind_hours",
    "on_timeout",
    "escalate_to",
    "may_edit",
    "allow_self",
    "self_limit",
    "watchers",
)


def read(definition: str | bytes, fields: Catalogue = FIELDS) -> Flow:
    """Raises schemas.faults.Rejected with everything that is wrong with the definition. `fields`: what its conditions
    may ask about, the customer's own fields among them."""
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
    flow = _Reader(findings, fields).flow(data)
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
    def __init__(self, findings: Findings, fields: Catalogue) -> None:
        self.findings = findings
        self.conditions = ConditionReader(findings, fields)
        self.steps: set[str] = set()

    def flow(self, data: object) -> Flow:
        if not isinstance(data, dict):
            self.findings.add("flow.not_an_object", "definition", "must be an object")
            return Flow()
        keys_of(data, FLOW_KEYS, "definition", self.findings)
        match = self.conditions.read(data["match"], "match") if "match" in data else None
        block, warn, auto = (self._rules(data.get(name, []), name) for name in _RULES)
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
        final = self._approver(data["final_approver"], "final_approver") if "final_approver" in data else None
        if final is None and any(step.approver.by is By.HIERARCHY for stage in stages for step in stage):
            message = "a hierarchy may end without a limit that covers the order: name who decides then"
            self.findings.add("flow.final_approver_missing", "final_approver", message)
        return Flow(
            match=match,
            block=block,
            warn=warn,
            auto_approve=auto,
            stages=stages,
            hold_when_nobody_is_asked=nobody == "hold",
            merge_consecutive=self._yes_no(data, "merge_consecutive", ""),
            final_approver=final,
            tolerance=self._tolerance(data["tolerance"]) if "tolerance" in data else Tolerance(),
            later_date=self._choice(data, "later_date", "", LaterDate, LaterDate.NOTIFY),
            link_limit=self._money(data["link_limit"], "link_limit") if "link_limit" in data else None,
            send_back=self._send_back(data["send_back"]) if "send_back" in data else None,
        )

    def _send_back(self, data: object) -> SendBack:
        if not isinstance(data, dict):
            self.findings.add("flow.not_an_object", "send_back", "must be an object, which may hold due_hours")
            return SendBack()
        keys_of(data, ("due_hours", "on_timeout"), "send_back", self.findings)
        hours = self._hours(data, "due_hours", "send_back")
        on_timeout = self._choice(data, "on_timeout", "send_back.", OnSilence, OnSilence.NOTIFY)
        if on_timeout is OnSilence.REJECT and "due_hours" not in data:
            self.findings.add("flow.due_hours_missing", "send_back.due_hours", "say after how many working hours")
        return SendBack(hours, on_timeout)

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

    def _yes_no(self, data: dict[str, Any], key: str, at: str) -> bool:
        value = data.get(key, False)
        if not isinstance(value, bool):
            self.findings.add("flow.bad_value", f"{at}{key}", "must be true or false", repr(value))
        return value is True

    def _choice(self, data: dict[str, Any], key: str, at: str, kind: type[S], default: S) -> S:
        value = data.get(key, default.value)
        if value in list(kind):
            return kind(value)
        listed = ", ".join(f"'{choice}'" for choice in kind)
        self.findings.add("flow.bad_value", f"{at}{key}", f"must be one of {listed}", str(value))
        return default

    def _hours(self, data: dict[str, Any], key: str, at: str) -> int | None:
        value = data.get(key)
        if value is None and key not in data:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_HOURS:
            message = f"must be a whole number of working hours from 1 to {MOST_HOURS}"
            self.findings.add("flow.bad_value", f"{at}.{key}", message, repr(value))
            return None
        return value

    def _money(self, data: object, at: str) -> Money | None:
        """Noted and None for what is no amount with a currency."""
        if isinstance(data, dict) and data.keys() == {"amount", "currency"} and data["currency"] in CURRENCIES:
            try:
                return Money(amount=decimal_of(data["amount"]), currency=data["currency"])
            except (ValueError, InvalidOperation):
                pass
        message = 'must be an amount with its currency: {"amount": "5000.00", "currency": "EUR"}'
        self.findings.add("flow.bad_value", at, message, repr(data))
        return None

    def _tolerance(self, data: object) -> Tolerance:
        if not isinstance(data, dict):
            self.findings.add("flow.not_an_object", "tolerance", "must be an object with percent, amount or both")
            return Tolerance()
        keys_of(data, ("percent", "amount"), "tolerance", self.findings)
        amount = self._money(data["amount"], "tolerance.amount") if "amount" in data else None
        try:
            percent = decimal_of(data.get("percent", "0"))
        except (ValueError, InvalidOperation):
            percent = Decimal(-1)
        if not 0 <= percent <= 100:
            message = 'must be a number from 0 to 100 as text, such as "5"'
            self.findings.add("flow.bad_value", "tolerance.percent", message, repr(data.get("percent")))
        return Tolerance(percent, amount)

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
        keys_of(data, STEP_KEYS, at, self.findings)
        key, name = self._word(data, "key", at), self._word(data, "name", at)
        if key in self.steps:
            self.findings.add("flow.key_twice", f"{at}.key", "another step has this key", key)
        self.steps.add(key)
        approver = self._approver(data.get("approver"), f"{at}.approver")
        condition = self.conditions.read(data["condition"], f"{at}.condition") if "condition" in data else None
        rejects = self._choice(data, "reject", f"{at}.", Rejects, Rejects.FIRST)
        quorum = self._quorum(data.get("quorum", "any"), approver, at)
        step = Step(
            key=key,
            name=name,
            approver=approver,
            condition=condition,
            quorum=quorum,
            rejects=rejects,
            min_limit=self._money(data["min_limit"], f"{at}.min_limit") if self._is_amount(data) else None,
            covers_total=data.get("min_limit") == "total",
            due_hours=self._hours(data, "due_hours", at),
            remind_hours=self._hours(data, "remind_hours", at),
            on_timeout=self._choice(data, "on_timeout", f"{at}.", OnTimeout, OnTimeout.NOTIFY),
            escalate_to=self._approver(data["escalate_to"], f"{at}.escalate_to") if "escalate_to" in data else None,
            may_edit=self._editable(data.get("may_edit", []), f"{at}.may_edit"),
            allow_self=self._yes_no(data, "allow_self", f"{at}."),
            self_limit=self._money(data["self_limit"], f"{at}.self_limit") if "self_limit" in data else None,
            watchers=tuple(
                self._approver(item, f"{at}.watchers[{i}]")
                for i, item in enumerate(self._list(data.get("watchers", []), f"{at}.watchers"))
            ),
        )
        self._fits_together(step, at)
        return step

    def _is_amount(self, data: dict[str, Any]) -> bool:
        return "min_limit" in data and data["min_limit"] != "total"

    def _fits_together(self, step: Step, at: str) -> None:
        if step.on_timeout is OnTimeout.ESCALATE and step.escalate_to is None:
            self.findings.add("flow.escalate_to_missing", f"{at}.escalate_to", "say to whom it escalates")
        if step.on_timeout is not OnTimeout.NOTIFY and step.due_hours is None:
            self.findings.add("flow.due_hours_missing", f"{at}.due_hours", "say after how many working hours")
        if step.remind_hours and step.due_hours and step.remind_hours >= step.due_hours:
            self.findings.add("flow.bad_value", f"{at}.remind_hours", "must be less than due_hours")
        if step.self_limit is not None and not step.allow_self:
            self.findings.add("flow.bad_value", f"{at}.self_limit", "needs allow_self true")

    def _quorum(self, quorum: object, approver: Approver, at: str) -> int | None:
        if quorum == "any":
            return 1
        if quorum == "all":
            return None
        if isinstance(quorum, bool) or not isinstance(quorum, int) or not 1 <= quorum <= MOST_STEPS:
            message = f"must be 'any', 'all' or a number from 1 to {MOST_STEPS}"
            self.findings.add("flow.bad_value", f"{at}.quorum", message, repr(quorum))
            return None
        if approver.personal and approver.name and quorum > 1:
            self.findings.add("flow.bad_value", f"{at}.quorum", "one person cannot be several", str(quorum))
        return quorum

    def _editable(self, data: object, at: str) -> tuple[str, ...]:
        names = self._list(data, at)
        for i, name in enumerate(names):
            if name not in EDITABLE:
                message = f"an approver cannot change this{nearest(str(name), EDITABLE)}"
                self.findings.add("flow.bad_value", f"{at}[{i}]", message, str(name))
        return tuple(name for name in names if name in EDITABLE)

    def _approver(self, data: object, at: str) -> Approver:
        if isinstance(data, dict) and len(data) == 1:
            kind, name = next(iter(data.items()))
            if kind in list(By) and isinstance(name, str) and name.strip() and len(name) <= 200:
                by = By(kind)
                known = {By.FIELD: OWNERS, By.MANAGER: (REQUESTER,), By.HIERARCHY: (REQUESTER,)}.get(by)
                if known is None or name in known:
                    return Approver(by, name)
                listed = ", ".join(f"'{one}'" for one in known)
                self.findings.add("flow.no_approver", at, f"'{by}' takes one of {listed}", name)
                return _NOBODY
        kinds = ", ".join(f"'{kind}'" for kind in By)
        message = f'must be an object of one key, such as {{"user": "login name"}}; the keys are {kinds}'
        self.findings.add("flow.no_approver", at, message)
        return _NOBODY


_NOBODY: Final = Approver(By.USER, "")
"""Stands where a fault was noted."""


def to_json(flow: Flow) -> str:
    """Canonical: equal flows give equal text. `read` takes it back."""
    data: dict[str, Any] = {
        **({"match": write(flow.match)} if flow.match is not None else {}),
        "block": _rules(flow.block),
        **({"warn": _rules(flow.warn)} if flow.warn else {}),
        "auto_approve": _rules(flow.auto_approve),
        "stages": [{"steps": [_step(step) for step in stage]} for stage in flow.stages],
        "when_nobody_is_asked": "hold" if flow.hold_when_nobody_is_asked else "approve",
        **_unless_default(flow, Flow(), "merge_consecutive", bool),
        **_unless_default(flow, Flow(), "final_approver", _approver),
        **_unless_default(flow, Flow(), "tolerance", _tolerance),
        **_unless_default(flow, Flow(), "later_date", str),
        **_unless_default(flow, Flow(), "link_limit", _money),
        **_unless_default(flow, Flow(), "send_back", _send_back),
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _unless_default(of: object, default: object, name: str, written: Callable[[Any], Any]) -> dict[str, Any]:
    value = getattr(of, name)
    return {} if value == getattr(default, name) else {name: written(value)}


def _rules(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    return [{"key": rule.key, "text": rule.text, "when": write(rule.when)} for rule in rules]


def _approver(approver: Approver) -> dict[str, str]:
    return {approver.by.value: approver.name}


def _money(money: Money) -> dict[str, str]:
    return {"amount": f"{money.amount:f}", "currency": money.currency}


def _send_back(allowed: SendBack) -> dict[str, Any]:
    default = SendBack()
    return {
        **_unless_default(allowed, default, "due_hours", int),
        **_unless_default(allowed, default, "on_timeout", str),
    }


def _tolerance(tolerance: Tolerance) -> dict[str, Any]:
    return {
        "percent": f"{tolerance.percent:f}",
        **({"amount": _money(tolerance.amount)} if tolerance.amount is not None else {}),
    }


def _step(step: Step) -> dict[str, Any]:
    default = Step(step.key, step.name, step.approver)
    data: dict[str, Any] = {
        "key": step.key,
        "name": step.name,
        "approver": _approver(step.approver),
        "quorum": "all" if step.quorum is None else step.quorum,
        "reject": step.rejects.value,
        **_unless_default(step, default, "condition", write),
        **_unless_default(step, default, "min_limit", _money),
        **({"min_limit": "total"} if step.covers_total else {}),
    }
    for name, written in _WRITTEN.items():
        data |= _unless_default(step, default, name, written)
    return data


_WRITTEN: Final[dict[str, Callable[[Any], Any]]] = {
    "due_hours": int,
    "remind_hours": int,
    "on_timeout": str,
    "escalate_to": _approver,
    "may_edit": list,
    "allow_self": bool,
    "self_limit": _money,
    "watchers": lambda watchers: [_approver(watcher) for watcher in watchers],
}


def checksum(flow: Flow) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(to_json(flow).encode()).hexdigest()
