"""The way in: a document is in the ledger, sealed and committed, before anything reads it for meaning.

Only a bounded look at its envelope comes first, to tell known senders from unknown. What an unknown sender sends goes
to a capped quarantine, so that it cannot fill the disk. What does not get this far (too often, too large, no room) is
answered and leaves nothing behind.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import metrics
from app.errors import No, Refusal, kill_point
from app.flows.arrival import Answer, Arrival, Receiver
from app.flows.cxml_answers import refusal_answer, refusal_of
from app.flows.cxml_requests import PROTOCOL
from app.flows.receive import RECEIVERS, failed, receive
from app.flows.receive_cxml import NOT_KNOWN, proves
from app.gateway import Gateway
from app.partners.identify import connection_of
from app.partners.traffic import posts_per_minute
from app.seal import SealedBody, Secret
from app.storage import ledger
from app.storage.batch import Writing, session_of
from app.storage.database import is_gone
from app.storage.exchanges import Direction, ExchangeState
from app.storage.intake_writer import Busy, Unwritten
from app.storage.partners import PartnerRow
from app.transports.http.bodies import Room
from app.transports.rates import Rates
from app.transports.turns import Turns
from protocols.cxml.envelope import Envelope, peek
from protocols.cxml.settings import CxmlSettings
from protocols.xml_source import Repairs
from schemas.faults import Malformed

JUDGES: Final = 4
"""Documents that are looked at and judged at the same time: more would only share the same processor."""

WRONG_PER_MINUTE: Final = 30
"""Wrong credentials from one address; of more than that nothing is kept. The right ones still come through: behind one
address there may be many partners."""

SHORTEST_NO: Final = 0.1
"""Seconds that every "not known" takes, whatever was found out on the way."""

STRANGERS: Final = "strangers"
"""All unknown senders take one turn together."""

_LENIENT: Final = CxmlSettings(repairs=Repairs(unescaped=True, encoding=True))
"""For the look at the envelope, before it is known what was agreed with its sender."""

NO_HEAD: Final = Envelope(payload_id=None, sent_at=None)

COME_BACK: Final = 30
"""Seconds after which a sender may try again when nothing could be written."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came over a wire, not looked at. `remote` is the address it came from."""

    realm: str
    transport: str
    body: bytes = field(repr=False)
    media_type: str | None
    remote: str
    at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """`partner` is absent for what is to be quarantined; `refusal` says why. `held`: see Arrival."""

    head: Envelope
    held: tuple[Secret, ...]
    partner: PartnerRow | None
    refusal: Refusal | None
    row_id: str
    sha256: str
    sealed: SealedBody


class Intake:
    """One a process; what it counts is about this process."""

    def __init__(self, gateway: Gateway, receivers: Mapping[str, Receiver] = RECEIVERS) -> None:
        self._gateway = gateway
        self._receivers = receivers
        per_minute = gateway.settings.posts_per_minute
        self._connections = Rates(per_minute)
        self._strangers = Rates(max(1, per_minute // 10))
        self._wrong = Rates(WRONG_PER_MINUTE)
        self._judges = Turns(JUDGES)
        self.room = Room(gateway.settings.intake_memory)

    async def take_cxml(self, posted: Posted) -> Answer:
        """Never raises: whatever was posted has an answer."""
        began = time.monotonic()
        answer = await self._answer(posted)
        if answer.no is not None:
            metrics.REFUSALS.labels(PROTOCOL, answer.no).inc()
        if answer.no is No.UNAUTHENTICATED:
            self._wrong.wait(posted.remote)
            await asyncio.sleep(max(0.0, SHORTEST_NO - (time.monotonic() - began)))
        return answer

    async def _answer(self, posted: Posted) -> Answer:
        receiver = self._receivers[PROTOCOL]
        arrival: Arrival | None = None
        try:
            with metrics.RECORDED.time():
                arrival = await self._recorded(posted)
            with metrics.ANSWERED.time():
                return await receive(
                    self._gateway, arrival, receiver, in_thread=partial(self._judges.run, arrival.partner.id)
                )
        except Refusal as refusal:
            return refusal_answer(self._gateway, refusal)
        except (Busy, Unwritten, DBAPIError, PoolTimeout) as error:
            if not isinstance(error, (Busy, Unwritten)) and not is_gone(error):
                return await failed(self._gateway, arrival, receiver)
            _log.warning("intake.unavailable", error=type(error).__name__)
            reason = "The document could not be stored at the moment. Please send it again."
            return refusal_answer(self._gateway, Refusal(No.UNAVAILABLE, reason, retry_after=COME_BACK))
        except Exception:  # noqa: BLE001 - the one place where a bug becomes an answer and an alert
            return await failed(self._gateway, arrival, receiver)

    async def _recorded(self, posted: Posted) -> Arrival:
        """The document in the ledger. Raises Refusal for what is not to get there."""
        wary = self._wrong.wait(posted.remote, take=False) > 0
        with metrics.INTAKE_SECONDS.labels("look").time():
            looked = await self._judges.run(posted.remote, partial(self._look, posted, wary))
        if wary and looked.refusal is not None and looked.refusal.no is No.UNAUTHENTICATED:
            metrics.RATES_REFUSED.labels("credentials").inc()
            raise looked.refusal
        if looked.partner is not None:
            structlog.contextvars.bind_contextvars(partner=looked.partner.id)
        if wait := self._wait(posted, looked.partner):
            metrics.RATES_REFUSED.labels("partner" if looked.partner else "stranger").inc()
            raise Refusal(No.TOO_MANY, f"Too many documents; come back in {wait} s.", retry_after=wait)
        kill_point("intake.before_record")
        with metrics.INTAKE_SECONDS.labels("record").time():
            owner = looked.partner.id if looked.partner else STRANGERS
            record = partial(self._record, posted, looked)
            await self._gateway.database.awrite(record, owner=owner, batched=looked.refusal is None)
        kill_point("intake.recorded")
        if looked.refusal is not None:
            metrics.QUARANTINED.labels(PROTOCOL).inc()
            raise looked.refusal
        assert looked.partner is not None
        return Arrival(
            exchange_id=looked.row_id,
            realm=posted.realm,
            protocol=PROTOCOL,
            transport=posted.transport,
            partner=looked.partner,
            head=looked.head,
            held=looked.held,
            body=posted.body,
            media_type=posted.media_type,
            at=posted.at,
            correlation_id=posted.correlation_id,
        )

    def _wait(self, posted: Posted, partner: PartnerRow | None) -> int:
        """Seconds after which the sender may come; 0: now."""
        if partner is None:
            return self._strangers.wait(posted.remote)
        agreed = posts_per_minute(partner, self._gateway.settings.posts_per_minute)
        return self._connections.wait(partner.id, per_minute=agreed)

    def _look(self, posted: Posted, wary: bool) -> _Looked:
        """The bounded look, and everything that the ledger needs, in a thread beside the event loop. `wary` has the
        sender prove itself before anything is kept."""
        head, refusal, found = NO_HEAD, None, None
        try:
            head = peek(posted.body, posted.media_type, settings=_LENIENT)
        except Malformed as malformed:
            refusal = refusal_of(malformed)
        else:
            names = [sender.identifier for sender in head.sender]
            with self._gateway.database.read() as session:
                found = connection_of(session, self._gateway.memories, posted.realm, names)
                if wary and found and not proves(session, self._gateway, found[0], head):
                    found = None
            refusal = None if found else Refusal(No.UNAUTHENTICATED, NOT_KNOWN)
        row_id = self._gateway.ids()
        seal = ledger.seal_exchange if refusal is None else ledger.seal_quarantined
        return _Looked(
            head=head,
            held=tuple(
                Secret(secret.reveal())
                for sender in head.sender
                for secret in (sender.secret, sender.mac and sender.mac.value)
                if secret
            ),
            partner=found[0] if found else None,
            refusal=refusal,
            row_id=row_id,
            sha256=hashlib.sha256(posted.body).hexdigest(),
            sealed=seal(self._gateway.keys, row_id, posted.body),
        )

    def _record(self, posted: Posted, looked: _Looked, tx: Writing) -> None:
        values: dict[str, Any] = {
            "id": looked.row_id,
            "realm": posted.realm,
            "transport": posted.transport,
            "protocol": PROTOCOL,
            "remote": posted.remote[:200],
            "media_type": posted.media_type[:500] if posted.media_type else None,
            "at": posted.at,
            "size": len(posted.body),
            "sha256": looked.sha256,
        }
        if looked.refusal is not None:
            settings = self._gateway.settings
            values |= {
                "reason": looked.refusal.reason[:500],
                "claimed": [msgspec.to_builtins(sender.identifier) for sender in looked.head.sender[:10]],
                "kept": min(len(posted.body), ledger.LARGEST_KEPT),
            }
            ledger.quarantine(
                session_of(tx), values, looked.sealed, rows=settings.quarantine_rows, size=settings.quarantine_bytes
            )
            return
        assert looked.partner is not None
        values |= {
            "direction": Direction.IN,
            "partner_id": looked.partner.id,
            "kind": looked.head.kind[:100],
            "control_id": (looked.head.payload_id or "")[:1_000] or None,
            "state": ExchangeState.RECEIVED,
            "test": looked.head.test,
            "faults": [],
            "correlation_id": posted.correlation_id,
        }
        ledger.put_exchange(tx, values, looked.sealed)
