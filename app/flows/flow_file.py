"""Approval rules as a file: `{"definition": ..., "examples": [...]}`, or the definition alone, which says nothing of
examples.

An example names its order by the customer's number, the order's own and the revision, and does not carry it: orders
hold names and prices that do not belong into a file of rules, and that an erasure must reach. So an example means
something where the same order is, here or in a system that was restored from here; elsewhere it is told as not found,
and left out."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlmodel import Session

from app.approval import definition as definitions
from app.approval.fields import FIELDS, Catalogue
from app.approval.flow import Flow
from app.approval.simulation import Outcome
from app.flows import flow_examples
from app.flows.flow_examples import Wanted
from app.storage.approvals import FlowRow
from schemas.faults import Findings, Rejected, shortened

_KEYS: Final = ("definition", "examples")
_OF_EXAMPLE: Final = ("customer", "order", "revision", "outcome", "step")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class FlowFile:
    """`examples`: None where the file says nothing of them."""

    flow: Flow
    examples: tuple[Wanted, ...] | None


def write(session: Session, row: FlowRow, definition: str) -> bytes:
    """With the examples that are kept with the rules now."""
    examples = [_data(wanted) for _, wanted in flow_examples.listed(session, row)]
    return _json(definition, examples)


def written(file: FlowFile) -> bytes:
    """As it was read."""
    examples = None if file.examples is None else [_data(one) for one in file.examples]
    return _json(definitions.to_json(file.flow), examples)


def _json(definition: str, examples: list[dict[str, Any]] | None) -> bytes:
    told = {} if examples is None else {"examples": examples}
    return msgspec.json.format(msgspec.json.encode({"definition": msgspec.Raw(definition.encode()), **told}), indent=2)


def _data(wanted: Wanted) -> dict[str, Any]:
    said = {name: getattr(wanted, name) for name in _OF_EXAMPLE}
    return {name: value for name, value in said.items() if value is not None}


def read(body: bytes, fields: Catalogue = FIELDS) -> FlowFile:
    """`fields`: what the rules may ask about. Raises schemas.faults.Rejected with everything that is wrong with
    definition and examples."""
    try:
        parts = (
            msgspec.json.decode(body, type=dict[str, msgspec.Raw]) if len(body) <= 4 * definitions.MOST_BYTES else {}
        )
    except msgspec.DecodeError:
        parts = {}
    if "definition" not in parts:
        return FlowFile(definitions.read(body, fields), None)
    findings = Findings()
    for name in parts:
        if name not in _KEYS:
            findings.add("rule.unknown_key", name, f"does not belong here; there are {', '.join(_KEYS)}")
    examples = _examples(msgspec.json.decode(parts["examples"]), findings) if "examples" in parts else None
    flow = None
    try:
        flow = definitions.read(bytes(parts["definition"]), fields)
    except Rejected as rejected:
        findings.extend(rejected.faults)
    findings.raise_if_any()
    assert flow is not None
    return FlowFile(flow, examples)


def _examples(data: object, findings: Findings) -> tuple[Wanted, ...]:
    if not isinstance(data, list) or len(data) > flow_examples.MOST:
        findings.add("example.not_a_list", "examples", f"must be a list of at most {flow_examples.MOST} examples")
        return ()
    found: list[Wanted] = []
    for place, one in enumerate(data):
        at = f"examples[{place}]"
        wanted = _example(one, at, findings)
        if wanted is not None and any(wanted.key == other.key for other in found):
            findings.add("example.twice", at, "another example is of the same order", shortened(wanted.order))
        elif wanted is not None:
            found.append(wanted)
    return tuple(found)


def _example(data: object, at: str, findings: Findings) -> Wanted | None:
    if not isinstance(data, dict):
        findings.add("flow.not_an_object", at, f"must be an object with {', '.join(_OF_EXAMPLE)}")
        return None
    wrong = [
        (name, "rule.unknown_key", f"there are {', '.join(_OF_EXAMPLE)}") for name in data if name not in _OF_EXAMPLE
    ]
    customer, order, revision, outcome, step = (data.get(name) for name in _OF_EXAMPLE)
    unnumbered = [name for name in ("customer", "order") if not _is_text(data.get(name))]
    wrong += [(name, "example.bad_number", f"must be a text of at most {_LONGEST} characters") for name in unnumbered]
    if isinstance(revision, bool) or not isinstance(revision, int) or not 0 < revision < 1_000_000:
        wrong.append(("revision", "example.bad_revision", "must be the number of a revision, such as 1"))
    if not isinstance(outcome, str) or outcome not in list(Outcome):
        wrong.append(("outcome", "example.bad_outcome", f"must be one of {', '.join(Outcome)}"))
    if step is not None and (not _is_text(step) or outcome != Outcome.ASKED):
        wrong.append(("step", "example.bad_step", "must be the key of a step, and only where people are asked"))
    for name, code, message in wrong:
        told = data.get(name)
        findings.add(code, f"{at}.{name}", message, None if told is None else shortened(str(told)))
    return None if wrong else Wanted(str(customer), str(order), int(revision or 0), str(outcome), step)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()
