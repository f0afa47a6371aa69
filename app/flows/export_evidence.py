"""Everything that proves what happened to one order, in one file: documents, decisions, attempts, in their order."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import version
from typing import IO, Any

from sqlmodel import Session

from app.gateway import Gateway
from app.partners.masking import hidden_of, without
from app.seal import Unsealable
from app.storage import audit, ledger, people
from app.storage.base import Row
from app.storage.customers import CustomerRow
from app.storage.evidence_file import AUDIT, EvidenceFile, ExchangeEntry, Manifest
from app.storage.exchanges import ExchangeRow
from app.storage.order_trail import Trail, trail_of
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from protocols.cxml.attachments import safe_name
from protocols.registry import named


def export_evidence(
    gateway: Gateway, order_id: str, file: IO[bytes], *, raw: bool, actor: str, channel: str
) -> Manifest:
    """Writes the ZIP and records who took it. `raw` adds the bytes exactly as they came and went, secrets included, for
    those who have that right. Raises LookupError without such an order."""
    with gateway.database.read() as session:
        order = session.get(OrderRow, order_id)
        if order is None:
            raise LookupError(f"there is no order {order_id}")
        manifest = _written(session, gateway, trail_of(session, order), file, raw=raw)
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any seekable file will do

    def record(tx: Session) -> None:
        audit.record(
            tx,
            realm=order.realm,
            at=manifest.made_at,
            actor=actor,
            channel=channel,
            event="evidence_exported",
            order_id=order_id,
            data={"sha256": sha256, "raw": raw},
        )

    gateway.database.write(record)
    file.seek(0)
    return manifest


def _written(session: Session, gateway: Gateway, trail: Trail, file: IO[bytes], *, raw: bool) -> Manifest:
    made = EvidenceFile(file)
    order = trail.order
    partner = session.get_one(PartnerRow, order.partner_id)
    made.add_json(
        "order.json",
        {
            **_plain(order),
            "partner": partner.name,
            "customer": session.get_one(CustomerRow, order.customer_id).number,
            "people": people.named(session, order.realm, (task.assignee_id for task in trail.tasks)),
        },
    )
    for number, revision in enumerate(trail.revisions, 1):
        made.add(f"documents/{number:02}-received.json", revision.received.encode())
        if revision.checked is not None:
            made.add(f"documents/{number:02}-checked.json", revision.checked.encode())
    for name in ("revisions", "holds", "runs", "tasks", "deliveries", "dispatches", "attempts"):
        made.add_json(f"{name}.json", [_plain(row) for row in getattr(trail, name)])
    made.add_json(AUDIT, [_plain(row) for row in trail.audit])
    made.add_json("timeline.json", timeline(trail))
    hidden = () if raw else hidden_of(session, gateway.keys, partner)
    exchanges = [
        _exchange(session, gateway, made, number, row, hidden, raw=raw) for number, row in enumerate(trail.exchanges, 1)
    ]
    manifest = Manifest(
        product=version("crossdock"),
        made_at=gateway.clock.now(),
        order_id=order.id,
        order_number=order.number,
        redacted=not raw,
        exchanges=exchanges,
        members=made.members,
    )
    made.finish(manifest)
    return manifest


def _plain(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.model_dump().items() if name not in ("received", "checked")}


def _exchange(
    session: Session,
    gateway: Gateway,
    made: EvidenceFile,
    number: int,
    row: ExchangeRow,
    hidden: Iterable[bytes],
    *,
    raw: bool,
) -> ExchangeEntry:
    folder = f"exchanges/{number:02}-{row.direction}-{safe_name(row.kind or row.state, 'message')}"
    members = [made.add_json(f"{folder}/exchange.json", _plain(row))]
    kept, withheld = None, None
    try:
        body = ledger.body_of(session, gateway.keys, row.id)
        members += _shown(made, folder, row, body, hidden)
        if len(members) == 1:
            withheld = "what of it is secret cannot be told, so only the raw form can be had"
        if raw:
            kept = made.add(f"{folder}/raw.bin", body)
            members.append(kept)
            withheld = None
    except ledger.BodyErased:
        withheld = "erased"
    except Unsealable as error:
        withheld = str(error)
    return ExchangeEntry(
        id=row.id,
        direction=row.direction,
        kind=row.kind,
        state=row.state,
        at=row.at,
        control_id=row.control_id,
        size=row.size,
        sha256=row.sha256,
        members=members,
        raw=kept,
        withheld=withheld,
    )


def _shown(made: EvidenceFile, folder: str, row: ExchangeRow, body: bytes, hidden: Iterable[bytes]) -> Iterator[str]:
    protocol = named(row.protocol)
    shown = protocol.shown(body, row.media_type) if protocol else None
    if shown is None:
        return
    yield made.add(f"{folder}/document.xml", without(shown.document, hidden))
    for number, part in enumerate(shown.parts, 1):
        yield made.add(f"{folder}/file-{number:02}-{safe_name(part.name, 'file')}", part.data)


def timeline(trail: Trail) -> list[dict[str, Any]]:
    """What happened, in the order of time: `{at, what, source, id}`."""
    return sorted(_happened(trail), key=lambda entry: (entry["at"], entry["id"]))


def _happened(trail: Trail) -> Iterator[dict[str, Any]]:
    def entry(at: datetime | None, what: str, source: str, row_id: object) -> Iterator[dict[str, Any]]:
        if at is not None:
            yield {"at": at, "what": what, "source": source, "id": str(row_id)}

    for exchange in trail.exchanges:
        verb = "received" if exchange.direction == "in" else "sent"
        yield from entry(exchange.at, f"{verb} {exchange.kind or 'answer'}: {exchange.state}", "exchange", exchange.id)
    for revision in trail.revisions:
        yield from entry(revision.at, f"revision {revision.number}: {revision.change}", "revision", revision.id)
    for hold in trail.holds:
        yield from entry(hold.opened_at, f"case opened: {hold.code}", "hold", hold.id)
        yield from entry(hold.settled_at, f"case {hold.state}: {hold.choice or hold.code}", "hold", hold.id)
    for run in trail.runs:
        yield from entry(run.began_at, "approval began", "run", run.id)
        yield from entry(run.ended_at, f"approval ended: {run.state}", "run", run.id)
    for task in trail.tasks:
        yield from entry(task.opened_at, f"asked: {task.step}", "task", task.id)
        yield from entry(task.decided_at, f"task {task.state}: {task.step}", "task", task.id)
    for delivery in trail.deliveries:
        yield from entry(delivery.created_at, f"queued for {delivery.erp}: {delivery.kind}", "delivery", delivery.id)
        yield from entry(delivery.closed_at, f"delivery {delivery.state}", "delivery", delivery.id)
    for dispatch in trail.dispatches:
        yield from entry(dispatch.created_at, f"owed to the buyer: {dispatch.kind}", "dispatch", dispatch.id)
        yield from entry(dispatch.closed_at, f"answer {dispatch.state}: {dispatch.kind}", "dispatch", dispatch.id)
    for attempt in trail.attempts:
        yield from entry(attempt.started_at, f"{attempt.act} began", "attempt", attempt.id)
        yield from entry(attempt.ended_at, f"{attempt.act} ended: {attempt.outcome}", "attempt", attempt.id)
    for row in trail.audit:
        yield from entry(row.at, f"{row.actor}: {row.event}", "audit", row.sequence)
