"""The cXML requests that are offered here, one entry each: how it is read and which flow takes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.flows.arrival import Effect
from app.flows.consider_order import Considered, consider
from app.flows.cxml_answers import Stamp
from app.flows.open_punchout import open_punchout
from app.flows.order_book import OrderBook
from app.flows.take_order import Status as Taken
from app.flows.take_order import goes_straight_through, take_order
from app.gateway import Gateway
from app.partners.identify import Caller
from app.storage.batch import Writing, session_of
from protocols.cxml import order_request, profile, punchout_setup, punchout_setup_response, status_update
from protocols.cxml.envelope import Opened
from schemas.order import Change

PROTOCOL: Final = "cxml"
PATH: Final = "/cxml"


@dataclass(frozen=True, slots=True)
class Taking:
    """The moment in which a document is taken: everything a flow needs of it.

    tx           the transaction that keeps the document's key, its effect and its answer.
    exchange_id  the exchange that brought it.
    stamp        id and time of the answer."""

    tx: Writing
    exchange_id: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Take:
    """
    effect     raises Refusal to undo what it did.
    rows_only  it only puts rows, so that it may be batched.
    """

    effect: Callable[[Taking], Effect]
    rows_only: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """
    read  the whole document of this caller, into what takes it; what can be found out beforehand is. Raises Refused
          with all of its faults.
    once  it has an effect, so that the same document again is answered and not taken.
    """

    read: Callable[[Opened, Gateway, Caller], Take]
    once: bool = True


def _profile(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    opened.raise_if_refused()

    def take(moment: Taking) -> Effect:
        url = gateway.settings.url + PATH
        offered = tuple(profile.Transaction(name=name, url=url) for name in REQUESTS)
        said = profile.Profile(effective=caller.partner.created_at, transactions=offered)
        stamp = moment.stamp
        body = profile.write(said, payload_id=stamp.payload_id, at=stamp.at, version=stamp.version)
        return Effect(answer=stamp.document(body))

    return Take(take, rows_only=True)


def _punchout_setup(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    request = punchout_setup.read(opened)

    def take(moment: Taking) -> Effect:
        stamp = moment.stamp
        invited = open_punchout(session_of(moment.tx), gateway, caller, request, moment.exchange_id)
        body = punchout_setup_response.write(
            invited.start_url, payload_id=stamp.payload_id, at=stamp.at, version=stamp.version
        )
        return Effect(answer=stamp.document(body), caused_kind="punchout_session", caused_id=invited.session_id)

    return Take(take)


def _order(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    order = order_request.read(opened)
    considered: Considered | None = None
    if order.change is Change.NEW:
        with gateway.database.read() as session:
            book = OrderBook(session, gateway.memories)
            considered = consider(book, caller.customer, order, PROTOCOL, gateway.clock.now())

    def take(moment: Taking) -> Effect:
        taken = take_order(moment.tx, gateway, caller, order, moment.exchange_id, considered)
        answer = moment.stamp.response(_ORDER_CODES[taken.status], taken.reason)
        return Effect(answer=answer, caused_kind="order", caused_id=taken.order_id)

    return Take(take, rows_only=goes_straight_through(caller, order, considered))


_ORDER_CODES: Final = {Taken.ACCEPTED: 200, Taken.LATER: 201}


def _status_update(opened: Opened, _gateway: Gateway, _caller: Caller) -> Take:
    """What a buyer says of a document of ours is recorded with its exchange; it changes nothing by itself."""
    status_update.read(opened)
    return Take(lambda moment: Effect(answer=moment.stamp.response(200)), rows_only=True)


REQUESTS: Final[Mapping[str, Request]] = {
    "ProfileRequest": Request(_profile, once=False),
    "PunchOutSetupRequest": Request(_punchout_setup),
    "OrderRequest": Request(_order),
    "StatusUpdateRequest": Request(_status_update),
}
"""By the name of the payload element; the Profile lists exactly these."""
