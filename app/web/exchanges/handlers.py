"""The list of exchanges and the view of one message."""

from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import union
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.partners.masking import hidden_of
from app.seal import Unsealable
from app.storage import audit
from app.storage.base import unindexed
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow, control_id_begins
from app.storage.ledger import BodyErased, body_of
from app.storage.orders import OrderRevisionRow
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow
from app.web.exchanges.shown import LONGEST, hide, masked, show
from app.web.orders import words
from app.web.people.sessions import gateway_of, people_page, signed_in
from app.web.spreadsheet import named

PAGE: Final = 50


def exchange_list(request: Request) -> Response:
    person, query = signed_in(request).person, request.query_params
    chosen = {name: query.get(name, "").strip()[:200] for name in ("q", "direction", "state", "partner", "before")}
    with gateway_of(request).database.read() as session:
        rows = _listed(session, person, chosen)
        partners = {
            row.id: row.name for row in session.exec(select(PartnerRow).where(PartnerRow.realm == person.realm))
        }
    context = {
        "rows": rows[:PAGE],
        "before": rows[PAGE - 1].id if len(rows) > PAGE else None,
        "partners": partners,
        "words": words,
        "chosen": chosen,
    }
    return people_page(request, "exchanges/list.html", context)


def _listed(session: Session, person: PersonRow, chosen: dict[str, str]) -> list[ExchangeRow]:
    query = _visible(person, newest=not chosen["partner"]).order_by(col(ExchangeRow.id).desc()).limit(PAGE + 1)
    if text := chosen["q"]:
        # Look-ups by index: ordered by id, the planner would rather read the ledger from its end.
        ways = (
            control_id_begins(session, text),
            col(ExchangeRow.id) == text,
            col(ExchangeRow.correlation_id) == text,
            col(ExchangeRow.request_id) == text,
        )
        query = query.where(col(ExchangeRow.id).in_(union(*(select(ExchangeRow.id).where(way) for way in ways))))
    if chosen["direction"]:
        query = query.where(ExchangeRow.direction == chosen["direction"])
    if chosen["state"]:
        query = query.where(ExchangeRow.state == chosen["state"])
    if chosen["partner"]:
        query = query.where(ExchangeRow.partner_id == chosen["partner"])
    if chosen["before"]:
        query = query.where(col(ExchangeRow.id) < chosen["before"])
    return list(session.exec(query))


def _visible(person: PersonRow, *, newest: bool = False) -> SelectOfScalar[ExchangeRow]:
    """Whoever serves some customers only sees what is known to be theirs. `newest`: for a page of all of them."""
    realm = unindexed(ExchangeRow.realm) if newest else col(ExchangeRow.realm)
    query = select(ExchangeRow).where(realm == person.realm)
    return query if person.customers is None else query.where(col(ExchangeRow.customer_id).in_(person.customers))


def message(request: Request) -> Response:
    """As it came, taken apart, as it was understood and as the ERP gets it, beside each other."""
    gateway, shown = gateway_of(request), None
    with gateway.database.read() as session:
        row, partner, hidden = _found(request, session)
        try:
            shown = show(body_of(session, gateway.keys, row.id), row.media_type, row.protocol, hidden)
        except (BodyErased, Unsealable):
            shown = None
        context = {
            "row": row,
            "partner": partner,
            "shown": shown,
            "for_erp": _for_erp(session, row, hidden),
            "words": words,
        }
    return people_page(request, "exchanges/message.html", context)


def _found(request: Request, session: Session) -> tuple[ExchangeRow, PartnerRow | None, tuple[bytes, ...]]:
    """The message of the path with its partner and the secrets to be masked in it. Raises HTTPException 404."""
    visible = _visible(signed_in(request).person).where(ExchangeRow.id == request.path_params["exchange_id"])
    row = session.exec(visible).first()
    if row is None:
        raise HTTPException(404)
    partner = session.get(PartnerRow, row.partner_id) if row.partner_id else None
    return row, partner, hidden_of(session, gateway_of(request).keys, partner) if partner else ()


@dataclass(frozen=True, slots=True)
class ForErp:
    """What the ERP gets for a message about an order."""

    revision: int
    text: str
    deliveries: list[DeliveryRow]


def _for_erp(session: Session, row: ExchangeRow, hidden: tuple[bytes, ...]) -> list[ForErp]:
    if row.caused_kind != "order" or row.caused_id is None:
        return []
    revisions = session.exec(
        select(OrderRevisionRow)
        .where(OrderRevisionRow.order_id == row.caused_id, OrderRevisionRow.exchange_id == row.id)
        .order_by(col(OrderRevisionRow.number))
    )
    found = []
    for revision in revisions.all():
        deliveries = select(DeliveryRow).where(
            DeliveryRow.order_id == row.caused_id, DeliveryRow.revision == revision.number
        )
        text = msgspec.json.format(revision.checked, indent=2) if revision.checked else ""
        found.append(ForErp(revision.number, hide(text, hidden)[:LONGEST], list(session.exec(deliveries))))
    return found


def download(request: Request) -> Response:
    """The whole message without its secrets."""
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        row, _, hidden = _found(request, session)
        try:
            body = masked(body_of(session, gateway.keys, row.id), row.media_type, row.protocol, hidden)
        except (BodyErased, Unsealable):
            body = None
    if body is None:
        raise HTTPException(404)
    return Response(body, media_type="text/plain; charset=utf-8", headers=named(f"message-{row.id}.txt"))


def download_raw(request: Request) -> Response:
    """The bytes as they came or went, secrets included; who took them is in the record."""
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        row, _, _ = _found(request, session)
        try:
            body = body_of(session, gateway.keys, row.id)
        except (BodyErased, Unsealable):
            raise HTTPException(404) from None

    def record(tx: Session) -> None:
        audit.record(
            tx,
            realm=row.realm,
            at=gateway.clock.now(),
            actor=audit.by(person.id),
            channel="page",
            event="message_downloaded",
            order_id=row.caused_id if row.caused_kind == "order" else None,
            data={"exchange": row.id, "sha256": row.sha256},
        )

    gateway.database.write(record)
    return Response(body, media_type="application/octet-stream", headers=named(f"message-{row.id}.bin"))
