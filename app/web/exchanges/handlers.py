"""The list of exchanges and the view of one message."""

from typing import Final

from sqlalchemy import union
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.gateway import Gateway
from app.partners.secrets import Purpose, secrets_of
from app.seal import Unsealable
from app.storage.base import unindexed
from app.storage.exchanges import ExchangeRow, control_id_begins
from app.storage.ledger import BodyErased, body_of
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow
from app.web.exchanges.shown import Shown, show
from app.web.orders import words
from app.web.people.sessions import gateway_of, people_page, signed_in

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
    gateway, person = gateway_of(request), signed_in(request).person
    exchange_id = request.path_params["exchange_id"]
    shown: Shown | None = None
    with gateway.database.read() as session:
        row = session.exec(_visible(person).where(ExchangeRow.id == exchange_id)).first()
        if row is None:
            raise HTTPException(404)
        partner = session.get(PartnerRow, row.partner_id) if row.partner_id else None
        try:
            hidden = _secrets(session, gateway, partner) if partner else []
            shown = show(body_of(session, gateway.keys, exchange_id), row.media_type, row.protocol, hidden)
        except (BodyErased, Unsealable):
            shown = None
    context = {"row": row, "partner": partner, "shown": shown, "words": words}
    return people_page(request, "exchanges/message.html", context)


def _secrets(session: Session, gateway: Gateway, partner: PartnerRow) -> list[str]:
    now = gateway.clock.now()
    found = (secrets_of(session, gateway.keys, partner, purpose, now) for purpose in Purpose)
    return [secret.reveal() for secrets in found for secret in secrets]
