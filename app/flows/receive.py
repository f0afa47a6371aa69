"""What becomes of a recorded document: judged, taken once, answered, and the answer kept.

A document is judged outside of any transaction: who sent it, what it says, all that is wrong with it. Then its key,
its effect and its answer are written in one transaction, so that a document that was answered was taken, and one that
meets the same key again is given the very bytes of that answer: also while the first is still on its way, and after a
restart. Only what was taken holds its key; a document that was refused may be corrected and sent again under it.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

import anyio.to_thread
import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app import metrics
from app.errors import No, Refusal, kill_point
from app.flows import cxml_requests, receive_cxml
from app.flows.arrival import Answer, Arrival, Judged, Receiver
from app.gateway import Gateway, alert
from app.storage import ledger
from app.storage.batch import Writing, session_of
from app.storage.exchanges import Direction, DocumentKeyRow, ExchangeRow, ExchangeState
from app.storage.intake_writer import Busy, Unwritten
from protocols.cxml.kinds import WRAPPERS, known
from schemas.faults import Fault

RECEIVERS: Final[Mapping[str, Receiver]] = {cxml_requests.PROTOCOL: receive_cxml.CxmlReceiver()}

InThread: TypeAlias = Callable[[Callable[[], Judged]], Awaitable[Judged]]

_log = structlog.get_logger(__name__)


async def receive(
    gateway: Gateway, arrival: Arrival, receiver: Receiver, *, in_thread: InThread = anyio.to_thread.run_sync
) -> Answer:
    """The answer to a recorded document. `in_thread` runs its judgement when it is this sender's turn.

    Raises Busy, Unwritten and what `database.is_gone` knows when nothing could be written; any other exception is a
    bug of ours (see `failed`)."""
    write = partial(gateway.database.awrite, owner=arrival.partner.id)
    judged: Judged | None = None
    try:
        with metrics.INTAKE_SECONDS.labels("judge").time():
            judged = await in_thread(partial(receiver.judge, gateway, arrival))
        kill_point("receive.judged")
        with metrics.INTAKE_SECONDS.labels("take").time():
            take = partial(_take, gateway, arrival, receiver, judged)
            state, answer = await write(take, batched=judged.rows_only)
        faults = judged.findings
    except Refusal as refusal:
        state, answer, faults = ExchangeState.REFUSED, receiver.refuse(gateway, arrival, refusal), refusal.faults
        whose = {"customer_id": judged.caller.customer.id} if judged else {}
        await write(lambda tx: _record_answer(tx, gateway, arrival, answer, state, faults, **whose), batched=True)
    kill_point("receive.committed")
    _count(arrival, state, faults)
    return answer


async def failed(gateway: Gateway, arrival: Arrival | None, receiver: Receiver) -> Answer:
    """The answer to a document that met a bug, called while its exception is handled: alerts a person, and marks the
    exchange where there is one already."""
    exchange_id = arrival.exchange_id if arrival else None
    whose = {"partner": arrival.partner.id, "correlation_id": arrival.correlation_id} if arrival else {}
    alert("receive.failed", exchange=exchange_id, exc_info=True, **whose)
    answer = receiver.fail(gateway)
    if arrival is not None:
        _count(arrival, ExchangeState.FAILED, ())
        with suppress(Busy, Unwritten, SQLAlchemyError):
            await gateway.database.awrite(
                lambda tx: _record_answer(tx, gateway, arrival, answer, ExchangeState.FAILED, ()),
                owner=arrival.partner.id,
            )
    return answer


def _take(
    gateway: Gateway, arrival: Arrival, receiver: Receiver, judged: Judged, tx: Writing
) -> tuple[ExchangeState, Answer]:
    """Key, effect and answer, in one transaction."""
    key, answer_id = judged.key, gateway.ids()
    if key is not None:
        holder = ledger.claim(
            tx,
            realm=arrival.realm,
            partner_id=arrival.partner.id,
            key=key,
            exchange_id=arrival.exchange_id,
            answer_id=answer_id,
            at=arrival.at,
        )
        if holder is not None:
            return _again(session_of(tx), gateway, arrival, receiver, key, holder)
    effect = judged.take(tx)
    _record_answer(
        tx,
        gateway,
        arrival,
        effect.answer,
        ExchangeState.ACCEPTED,
        judged.findings,
        answer_id=answer_id,
        customer_id=judged.caller.customer.id,
        caused_kind=effect.caused_kind,
        caused_id=effect.caused_id,
    )
    kill_point("receive.before_commit")
    return ExchangeState.ACCEPTED, effect.answer


def _again(
    session: Session,
    gateway: Gateway,
    arrival: Arrival,
    receiver: Receiver,
    key: ledger.DocumentKey,
    holder: DocumentKeyRow,
) -> tuple[ExchangeState, Answer]:
    """The stored answer for the same bytes; for other bytes a conflict, in which both documents are kept."""
    if holder.body_sha256 == key.body and holder.answer_id is not None:
        stored = session.get_one(ExchangeRow, holder.answer_id)
        try:
            body = ledger.body_of(session, gateway.keys, stored.id)
        except ledger.BodyErased:
            raise Refusal(No.CONFLICT, "This document was taken before; its answer is no longer kept.") from None
        ledger.change_exchange(session, arrival.exchange_id, state=ExchangeState.DUPLICATE, answered_by=stored.id)
        status, media_type = stored.status or 200, stored.media_type or "application/octet-stream"
        return ExchangeState.DUPLICATE, Answer(body=body, media_type=media_type, status=status)
    reason = (
        "Another document was taken under this id before. If this is a new document, send it under an id of its own; "
        "both are kept."
    )
    answer = receiver.refuse(gateway, arrival, Refusal(No.CONFLICT, reason))
    _record_answer(session, gateway, arrival, answer, ExchangeState.CONFLICT, ())
    return ExchangeState.CONFLICT, answer


def _record_answer(
    tx: Writing,
    gateway: Gateway,
    arrival: Arrival,
    answer: Answer,
    state: ExchangeState,
    faults: tuple[Fault, ...],
    *,
    answer_id: str | None = None,
    **of_request: Any,
) -> None:
    """The answer as an exchange of its own, linked both ways; the request's row gets its outcome."""
    answer_id = answer_id or gateway.ids()
    ledger.put_exchange(
        tx,
        {
            "id": answer_id,
            "realm": arrival.realm,
            "direction": Direction.OUT,
            "partner_id": arrival.partner.id,
            "customer_id": of_request.get("customer_id"),
            "transport": arrival.transport,
            "protocol": arrival.protocol,
            "state": ExchangeState.ANSWER,
            "test": arrival.head.test,
            "media_type": answer.media_type,
            "status": answer.status,
            "faults": [],
            "correlation_id": arrival.correlation_id,
            "answers": arrival.exchange_id,
            "at": gateway.clock.now(),
            "size": len(answer.body),
            "sha256": hashlib.sha256(answer.body).hexdigest(),
        },
        ledger.seal_exchange(gateway.keys, answer_id, answer.body),
    )
    ledger.change_exchange(
        tx,
        arrival.exchange_id,
        state=state,
        faults=[msgspec.to_builtins(fault) for fault in faults],
        answered_by=answer_id,
        **of_request,
    )


def _count(arrival: Arrival, state: ExchangeState, faults: tuple[Fault, ...]) -> None:
    kind = arrival.head.kind
    if not any(known(wrapper, kind) for wrapper in WRAPPERS):
        kind = "other"
    partner = metrics.PARTNERS(arrival.partner.id)
    metrics.EXCHANGES.labels(arrival.protocol, kind, state).inc()
    metrics.PARTNER_EXCHANGES.labels(partner, state).inc()
    metrics.PARTNER_FAULTS.labels(partner).inc(len(faults))
    for fault in faults:
        metrics.FAULTS.labels(arrival.protocol, fault.code).inc()
    _log.info("exchange", exchange=arrival.exchange_id, kind=kind, state=state, faults=len(faults))
