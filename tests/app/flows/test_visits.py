"""A visit from the setup request to its end, below the pages: refusals, single use, and two at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from shop_visits import BuyerSide, add_buyer, line, stock_shop
from sqlmodel import select

from app.catalog import cart
from app.catalog.cart import Put
from app.catalog.items import Audience, find
from app.clock import SetClock
from app.errors import No, Refusal
from app.flows import return_cart as going_home
from app.flows import visit as visits
from app.flows.visit import Alive, Begun, Dead, Ended
from app.gateway import Gateway
from app.storage import ledger
from app.storage.base import LIVE
from app.storage.exchanges import ExchangeRow
from app.storage.sessions import CartLineRow, PunchoutSessionRow, ReturnedCartRow, SessionState, StartCodeRow
from protocols.cxml import punchout_order
from protocols.cxml.envelope import open_document
from protocols.cxml.settings import CxmlSettings
from schemas.item import Price
from schemas.money import Money

AUDIENCE = Audience(LIVE, "atlas")


@pytest.fixture
def buyer(gateway: Gateway) -> BuyerSide:
    stock_shop(gateway)
    return add_buyer(gateway)


def begin(gateway: Gateway, url: str, browser: str = "browser") -> Begun | Dead:
    code = url.rpartition("/")[2]
    return gateway.database.write(
        lambda tx: visits.begin(tx, gateway, code, browser=browser, speak=lambda asked: asked or "en")
    )


def token_of(gateway: Gateway, url: str) -> str:
    begun = begin(gateway, url)
    assert isinstance(begun, Begun)
    return begun.token


def found(gateway: Gateway, token: str) -> Alive | Dead:
    with gateway.database.read() as session:
        return visits.find(session, token, gateway.clock.now())


def add(gateway: Gateway, token: str, sku: str, quantity: str, key: str) -> Put:
    def work(tx: Any) -> Put:
        alive = visits.find(tx, token, gateway.clock.now(), lock=True)
        assert isinstance(alive, Alive)
        offer = find(tx, AUDIENCE, sku, gateway.clock.now())
        assert offer is not None
        return cart.put(tx, alive.visit, offer, Decimal(quantity), key)

    return gateway.database.write(work)


def go_home(gateway: Gateway, token: str, *, with_cart: bool, key: str = "key") -> str:
    def work(tx: Any) -> str:
        alive = visits.find(tx, token, gateway.clock.now(), lock=True)
        if isinstance(alive, Dead):
            return alive.why
        if not with_cart:
            return going_home.leave(tx, gateway, alive, form_key=key).url
        viewed = cart.view(tx, alive.visit, AUDIENCE, gateway.clock.now())
        return going_home.return_cart(tx, gateway, alive, viewed, form_key=key).url

    return gateway.database.write(work)


@pytest.mark.parametrize(
    ("more", "no"),
    [
        ({"operation": "source"}, No.NOT_OFFERED),
        ({"return_url": None}, No.UNACCEPTABLE),
        ({"return_url": "https://evil.example/"}, No.UNACCEPTABLE),
        ({"return_url": "javascript:alert(1)"}, No.UNACCEPTABLE),
        ({"operation": "edit"}, No.PRECONDITION),
        ({"operation": "inspect"}, No.PRECONDITION),
        ({"operation": "edit", "lines": (line("A", "1", "x" * 501),)}, No.UNACCEPTABLE),
        ({"operation": "edit", "lines": (line("A" * 101, "1"),)}, No.UNACCEPTABLE),
        ({"operation": "edit", "lines": (line("A", "1"),) * 1_001}, No.UNACCEPTABLE),
    ],
    ids=["source", "no return", "foreign return", "script", "empty edit", "empty inspect", "aux", "sku", "lines"],
)
def test_a_setup_that_cannot_be_is_refused(buyer: BuyerSide, more: dict[str, Any], no: No) -> None:
    with pytest.raises(Refusal) as caught:
        buyer.punch_out(**more)
    assert caught.value.no is no


def test_a_refused_return_place_is_a_fault_of_the_document(buyer: BuyerSide) -> None:
    with pytest.raises(Refusal) as caught:
        buyer.punch_out(return_url="https://evil.example/")
    (fault,) = caught.value.faults
    assert (fault.code, fault.found) == ("return_url.refused", "https://evil.example/")


def test_the_agreed_return_place_serves_a_setup_without_one(buyer: BuyerSide) -> None:
    buyer.agree(settings={"shop": {"return_url": "https://buyer.example/agreed"}})
    visit = found(buyer.gateway, token_of(buyer.gateway, buyer.punch_out(return_url=None))).visit
    assert visit is not None
    assert visit.return_url == "https://buyer.example/agreed"


def test_a_customer_without_prices_has_no_shop(gateway: Gateway) -> None:
    with pytest.raises(Refusal) as caught:
        add_buyer(gateway, price_list="none").punch_out()
    assert caught.value.no is No.FORBIDDEN


def test_only_digests_of_codes_and_tokens_are_kept(buyer: BuyerSide) -> None:
    url = buyer.punch_out()
    token = token_of(buyer.gateway, url)
    code = url.rpartition("/")[2]
    assert len(code) == len(token) == 43
    with buyer.gateway.database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        cursor = raw.cursor()
        for table in ("cd_start_codes", "cd_shop_tokens", "cd_punchout_sessions"):
            cursor.execute(f"SELECT * FROM {table}")
            assert code not in (rows := str(cursor.fetchall()))
            assert token not in rows


def test_a_start_code_opens_once(buyer: BuyerSide) -> None:
    url = buyer.punch_out()
    assert isinstance(begin(buyer.gateway, url), Begun)
    second = begin(buyer.gateway, url)
    assert isinstance(second, Dead)
    assert second.why is Ended.USED


def test_of_many_at_once_one_gets_in(buyer: BuyerSide) -> None:
    url = buyer.punch_out()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: begin(buyer.gateway, url), range(8)))
    assert sum(isinstance(answer, Begun) for answer in answers) == 1


def test_a_start_code_dies_after_ten_minutes(buyer: BuyerSide, clock: SetClock) -> None:
    url = buyer.punch_out()
    clock.move(visits.CODE_LIFE)
    late = begin(buyer.gateway, url)
    assert isinstance(late, Dead)
    assert late.why is Ended.EXPIRED


def test_where_agreed_the_same_browser_may_load_the_start_page_twice(buyer: BuyerSide, clock: SetClock) -> None:
    buyer.agree(settings={"shop": {"load_twice": True}})
    url = buyer.punch_out()
    first = token_of(buyer.gateway, url)
    second = token_of(buyer.gateway, url)
    assert first != second
    assert isinstance(begin(buyer.gateway, url, browser="another"), Dead)
    add(buyer.gateway, first, "SF-3001", "1", "a")
    add(buyer.gateway, second, "SF-3001", "1", "b")
    with buyer.gateway.database.read() as session:
        assert session.exec(select(CartLineRow.quantity)).all() == [Decimal(2)]
    clock.move(visits.SECOND_LOAD + timedelta(seconds=1))
    assert isinstance(begin(buyer.gateway, url), Dead)


def test_the_visit_is_bound_to_what_was_set_up(buyer: BuyerSide) -> None:
    visit = found(buyer.gateway, token_of(buyer.gateway, buyer.punch_out(language="de-AT"))).visit
    assert visit is not None
    assert (visit.price_list, visit.currency, visit.operation) == ("atlas", "EUR", "create")
    assert (visit.partner_id, visit.customer_id) == (buyer.partner.id, buyer.customer.id)
    assert visit.language == "de-AT"


def test_adds_at_the_same_time_are_all_counted(buyer: BuyerSide) -> None:
    token = token_of(buyer.gateway, buyer.punch_out())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add(buyer.gateway, token, "SF-3001", "1", f"key-{n}"), range(20)))
    with buyer.gateway.database.read() as session:
        assert session.exec(select(CartLineRow.quantity)).all() == [Decimal(20)]
        assert session.exec(select(PunchoutSessionRow.cart_version)).all() == [20]


def test_of_return_and_leave_at_the_same_time_one_ends_the_visit(buyer: BuyerSide) -> None:
    token = token_of(buyer.gateway, buyer.punch_out())
    add(buyer.gateway, token, "SF-3001", "1", "a")
    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(lambda n: go_home(buyer.gateway, token, with_cart=n % 2 == 0, key=f"k{n}"), range(6)))
    assert sum(end.startswith("https://") for end in ends) == 1
    with buyer.gateway.database.read() as session:
        (state,) = session.exec(select(PunchoutSessionRow.state)).all()
        assert len(session.exec(select(ReturnedCartRow)).all()) == (1 if state == SessionState.RETURNED else 0)


@pytest.mark.parametrize("with_cart", [True, False])
def test_what_goes_home_is_in_the_ledger(buyer: BuyerSide, gateway: Gateway, with_cart: bool) -> None:
    token = token_of(gateway, buyer.punch_out())
    add(gateway, token, "SF-3001", "1", "a")
    go_home(gateway, token, with_cart=with_cart)
    with gateway.database.read() as session:
        (row,) = session.exec(select(ExchangeRow)).all()
        visit = session.exec(select(PunchoutSessionRow)).one()
        message = open_document(ledger.body_of(session, gateway.keys, row.id))
    assert (row.direction, row.state, row.kind) == ("out", "carried", "PunchOutOrderMessage")
    assert (row.control_id, row.caused_id, row.correlation_id) == (visit.message_id, visit.id, visit.correlation_id)
    assert message.envelope.payload_id == visit.message_id
    assert len(punchout_order.read(message).lines) == (1 if with_cart else 0)


def test_a_used_code_stays_used_when_its_visit_has_ended(buyer: BuyerSide) -> None:
    url = buyer.punch_out()
    go_home(buyer.gateway, token_of(buyer.gateway, url), with_cart=False)
    again = begin(buyer.gateway, url)
    assert isinstance(again, Dead)
    with buyer.gateway.database.read() as session:
        assert session.exec(select(StartCodeRow.used_at)).one() is not None


def returned_line(buyer: BuyerSide) -> str:
    """The auxiliary id of a line that this buyer took home."""
    token = token_of(buyer.gateway, buyer.punch_out())
    add(buyer.gateway, token, "SF-3001", "1", "a")
    go_home(buyer.gateway, token, with_cart=True)
    with buyer.gateway.database.read() as session:
        return session.exec(
            select(CartLineRow.auxiliary_id)
            .join(PunchoutSessionRow)
            .where(PunchoutSessionRow.customer_id == buyer.customer.id)
        ).one()


@pytest.mark.parametrize(
    ("allowed", "asked", "refused"),
    [
        ("create", "edit", True),
        ("create", "inspect", True),
        ("inspect", "edit", True),
        ("inspect", "inspect", False),
        ("edit", "edit", False),
        ("edit", "inspect", False),
    ],
)
def test_nothing_beyond_what_was_allowed_for_a_returned_cart(
    buyer: BuyerSide, allowed: str, asked: str, refused: bool
) -> None:
    buyer.agree(settings={"cxml": {"operation_allowed": allowed}})
    lines = (line("SF-3001", "1", returned_line(buyer)),)
    if not refused:
        assert buyer.punch_out(asked, lines=lines)
        return
    with pytest.raises(Refusal) as caught:
        buyer.punch_out(asked, lines=lines)
    assert caught.value.no is No.PRECONDITION


def test_another_customers_cart_says_nothing_about_ours(buyer: BuyerSide, gateway: Gateway) -> None:
    buyer.agree(settings={"cxml": {"operation_allowed": "create"}})
    auxiliary_id = returned_line(buyer)
    other = add_buyer(gateway, "other")
    token = token_of(gateway, other.punch_out("edit", lines=(line("SF-3001", "7", auxiliary_id),)))
    with gateway.database.read() as session:
        alive = visits.find(session, token, gateway.clock.now())
        assert isinstance(alive, Alive)
        (only,) = cart.view(session, alive.visit, AUDIENCE, gateway.clock.now()).lines
    assert (only.row.auxiliary_id, only.row.quantity) == (auxiliary_id, 7)


def test_the_price_list_of_the_beginning_stays(buyer: BuyerSide, gateway: Gateway) -> None:
    token = token_of(gateway, buyer.punch_out())

    def to_boreal(tx: Any) -> None:
        tx.get_one(type(buyer.customer), buyer.customer.id).price_list = "boreal"

    gateway.database.write(to_boreal)
    visit = found(gateway, token).visit
    assert visit is not None
    assert visit.price_list == "atlas"


def price(amount: str, basis: str = "1", unit: str | None = None, factor: str = "1") -> Price:
    return Price(
        amount=Money(amount=Decimal(amount), currency="EUR"), basis=Decimal(basis), unit=unit, factor=Decimal(factor)
    )


@pytest.mark.parametrize(
    ("reading", "agreed", "sent"),
    [
        ("full", price("11.40", "1000", "C62"), price("11.40", "1000", "C62")),
        ("ignore", price("11.40", "1000", "C62"), price("0.0114")),
        ("ignore", price("0.98", "1", "MTR", "100"), price("98.00")),
        ("ignore", price("10", "3"), price("10", "3")),
        ("quantity_only", price("0.98", "1", "MTR", "100"), price("98.00", "1", "XRO")),
        ("quantity_only", price("11.40", "1000"), price("11.40", "1000")),
    ],
)
def test_a_price_is_said_in_the_form_that_the_buyer_reads_aright(reading: Any, agreed: Price, sent: Price) -> None:
    assert going_home.understood(agreed, "XRO", reading) == sent
    assert CxmlSettings(price_basis=reading).price_basis == reading
