"""Approval rules while they are written: flows, their drafts, and versions that retire. To publish is
`app.flows.publish_flow`."""

import re
import unicodedata
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlmodel import Session, select

from app.errors import No, Refusal
from app.flows.flow_record import record
from app.flows.publish_flow import Published, publish_flow
from app.gateway import Gateway
from app.storage import flow_drafts
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.flow_drafts import FlowDraftRow
from app.storage.people import PersonRow

NEW: Final = (
    '{"block":[],"auto_approve":[],"stages":[{"steps":[{"key":"step-1","name":"","approver":{"role":"approver"},'
    '"quorum":1,"reject":"first"}]}],"when_nobody_is_asked":"hold"}'
)
"""What a flow begins as: one step to be filled in."""

SITTING: Final = timedelta(hours=1)
"""The record tells once in this time that somebody works on a draft, not every press of a button."""

PRIORITIES: Final = (1, 99)


def create_flow(
    tx: Session,
    gateway: Gateway,
    by: PersonRow,
    *,
    name: str,
    customer_id: str | None,
    priority: int,
    customer_group: str | None = None,
) -> FlowRow:
    """With an empty draft. Raises Refusal."""
    row = FlowRow(
        id=gateway.ids(),
        realm=by.realm,
        key=_free_key(tx, by.realm, name),
        name=_name(name),
        customer_id=customer_id,
        priority=_priority(priority),
        customer_group=_group(customer_group),
    )
    tx.add(row)
    tx.flush()
    grouped = {"group": row.customer_group} if row.customer_group is not None else {}
    record(tx, gateway, by, "flow_created", row, customer=customer_id, priority=row.priority, **grouped)
    begin_draft(tx, gateway, by, row, None)
    return row


def change_flow(tx: Session, gateway: Gateway, by: PersonRow, flow: FlowRow, *, name: str, priority: int) -> None:
    """Raises Refusal."""
    flow.name, flow.priority = _name(name), _priority(priority)
    tx.add(flow)
    record(tx, gateway, by, "flow_changed", flow, name=flow.name, priority=flow.priority)


def begin_draft(
    tx: Session, gateway: Gateway, by: PersonRow, flow: FlowRow, version: FlowVersionRow | None
) -> FlowDraftRow:
    """From a version, or an empty one. Raises Refusal when the flow has a draft."""
    if flow_drafts.of_flow(tx, flow.id) is not None:
        raise Refusal(No.CONFLICT, "These rules have a draft already: go on with it, or discard it first.")
    row = FlowDraftRow(
        id=gateway.ids(),
        realm=flow.realm,
        flow_id=flow.id,
        definition=version.definition if version else NEW,
        based_on=version.number if version else None,
        author_id=by.id,
        changed_by=by.id,
        changed_at=gateway.clock.now(),
    )
    tx.add(row)
    tx.flush()
    record(tx, gateway, by, "flow_draft_begun", flow, based_on=row.based_on)
    return row


def save_draft(
    tx: Session, gateway: Gateway, by: PersonRow, flow: FlowRow, *, seen: int, definition: dict[str, Any]
) -> bool:
    """False, and nothing is written, when somebody else has saved the draft since version `seen`. Raises Refusal when
    there is none."""
    draft = draft_of(tx, flow)
    text = msgspec.json.encode(definition).decode()
    if draft.version == seen and msgspec.json.decode(draft.definition) == definition:
        return True
    at = gateway.clock.now()
    goes_on = draft.changed_by == by.id and draft.version > 1 and at - draft.changed_at < SITTING
    if not flow_drafts.saved(tx, draft, seen=seen, definition=text, by=by.id, at=at):
        return False
    if not goes_on:
        record(tx, gateway, by, "flow_draft_changed", flow)
    return True


def discard_draft(tx: Session, gateway: Gateway, by: PersonRow, flow: FlowRow) -> None:
    tx.delete(draft_of(tx, flow))
    record(tx, gateway, by, "flow_draft_discarded", flow)


def publish_draft(tx: Session, gateway: Gateway, by: PersonRow, flow: FlowRow, *, seen: int) -> Published:
    """The draft as a version; then it is no draft any more. Raises schemas.faults.Rejected with what is wrong with it,
    and Refusal when somebody else has saved it since version `seen`, or where the one who publishes must not be the one
    who wrote it."""
    draft = draft_of(tx, flow)
    tx.refresh(draft, with_for_update=True)
    if gateway.settings.rules_by_two and by.id in (draft.author_id, draft.changed_by):
        raise Refusal(No.FORBIDDEN, "You wrote these rules: somebody else must publish them. The draft is kept.")
    if draft.version != seen:
        raise Refusal(
            No.CONFLICT, "Somebody else has changed the draft meanwhile: read it again before you publish it."
        )
    published = publish_flow(
        tx,
        gateway,
        realm=flow.realm,
        key=flow.key,
        name=flow.name,
        definition=draft.definition,
        customer_id=flow.customer_id,
        customer_group=flow.customer_group,
        by=by,
    )
    version = published.version
    version.author_id = version.author_id or draft.author_id
    tx.add(version)
    tx.delete(draft)
    return published


def retire(tx: Session, gateway: Gateway, by: PersonRow, flow: FlowRow, version: FlowVersionRow) -> None:
    """No order meets these rules from now on; runs that began with them end with them. Raises Refusal."""
    if version.state != VersionState.ACTIVE:
        raise Refusal(No.CONFLICT, "Only the active version can be retired.")
    version.state = VersionState.RETIRED
    tx.add(version)
    record(tx, gateway, by, "flow_retired", flow, flow_version_id=version.id, version=version.number)


def draft_of(tx: Session, flow: FlowRow) -> FlowDraftRow:
    draft = flow_drafts.of_flow(tx, flow.id)
    if draft is None:
        raise Refusal(No.UNKNOWN_REFERENCE, "These rules have no draft: it was published or discarded meanwhile.")
    return draft


def _name(name: str) -> str:
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise Refusal(No.UNACCEPTABLE, "Rules have a name of 1 to 200 characters.")
    return name.strip()


def _group(name: str | None) -> str | None:
    if name is not None and (not name.strip() or len(name) > 100 or not name.isprintable()):
        raise Refusal(No.UNACCEPTABLE, "Name the group of customers that the rules are for.")
    return name.strip() if name is not None else None


def _priority(priority: int) -> int:
    lowest, highest = PRIORITIES
    if not lowest <= priority <= highest:
        raise Refusal(
            No.UNACCEPTABLE, f"A priority is a number from {lowest} to {highest}; the highest is tried first."
        )
    return priority


def _free_key(tx: Session, realm: str, name: str) -> str:
    """A short name that no other flow has."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50] or "rules"
    taken = set(tx.exec(select(FlowRow.key).where(FlowRow.realm == realm)))
    numbered = (f"{slug}-{number}" for number in range(2, len(taken) + 3))
    return slug if slug not in taken else next(key for key in numbered if key not in taken)
