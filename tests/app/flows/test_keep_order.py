"""An order that passes is written once and directly; the rows are those that the long way leaves."""

from datetime import timedelta
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages
from sqlalchemy import select as select_columns

from app.clock import SetClock
from app.errors import No, Refusal
from app.flows import take_order
from app.flows.consider_order import Considered, consider
from app.flows.order_book import OrderBook
from app.gateway import Gateway
from app.storage.approvals import RunRow
from app.storage.audit import AuditRow, first_broken
from app.storage.base import table_of
from app.storage.deliveries import DeliveryRow
from app.storage.orders import OrderRevisionRow, OrderRow
from app.storage.restores import RestoreRow
from app.work import WAKE_LANE
from schemas.order import Order, OrderTotals
from schemas.party import Contact, Email

TABLES = (OrderRow, OrderRevisionRow, RunRow, AuditRow, DeliveryRow)
OWN = {"id", "number", "exchange_id", "document_id", "correlation_id", "order_id", "run_id"}
OWN_OF_AUDIT = {"sequence", "previous_hash", "hash"}
"""What two orders never share."""


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("lead", "approver", email="lead@seller.example")
    made.person("boss")
    made.rules(SMALL_ORDERS_PASS)
    return made


def rows_of(desk: Desk, order_id: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of the order but for what is its own, in the order of their writing."""
    found: dict[str, list[dict[str, Any]]] = {}
    with desk.gateway.database.read() as session:
        for kind in TABLES:
            table = table_of(kind)
            key = table.c.id if kind is OrderRow else table.c.order_id
            rows = session.execute(select_columns(table).where(key == order_id).order_by(*table.primary_key)).mappings()
            own = OWN | (OWN_OF_AUDIT if kind is AuditRow else {"sequence"})
            found[kind.__name__] = [{name: value for name, value in row.items() if name not in own} for row in rows]
    return found


def without_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Considered, "approved_by", property(lambda _: None))


def same_both_ways(desk: Desk, monkeypatch: pytest.MonkeyPatch, document: Order) -> dict[str, list[dict[str, Any]]]:
    short = rows_of(desk, desk.send(document, id="PO-SHORT").order_id)
    with monkeypatch.context() as patched:
        without_shortcut(patched)
        long = rows_of(desk, desk.send(document, id="PO-LONG").order_id)
    # The canonical document itself names the order.
    for rows in (short, long):
        for revision in rows["OrderRevisionRow"]:
            revision["received"] = revision["received"].replace("PO-SHORT", "PO-LONG").replace("doc-1", "doc-2")
            revision["checked"] = revision["checked"].replace("PO-SHORT", "PO-LONG").replace("doc-1", "doc-2")
    assert short == long
    return short


def test_the_short_way_leaves_the_rows_of_the_long_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = same_both_ways(desk, monkeypatch, order())
    assert {name: len(found) for name, found in rows.items()} == {
        "OrderRow": 1,
        "OrderRevisionRow": 1,
        "RunRow": 1,
        "AuditRow": 2,
        "DeliveryRow": 1,
    }
    with desk.gateway.database.read() as session:
        assert first_broken(session) is None


def test_with_findings_and_a_requester_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = Contact(role="endUser", emails=(Email(address="lead@seller.example"),))
    rows = same_both_ways(desk, monkeypatch, order(line(unit="EA"), contacts=(lead,), totals=None, version=4))
    assert [fault["code"] for fault in rows["OrderRevisionRow"][0]["findings"]] == ["unit.same_count", "total.missing"]
    assert rows["RunRow"][0]["excluded"] == [desk.people["lead"].id]
    assert rows["OrderRow"][0]["version"] == 4


def test_where_no_flow_fits_and_terms_approve(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = set_up(gateway)
    desk.settings(without_flow="approve")
    assert same_both_ways(desk, monkeypatch, order())["RunRow"][0]["explanation"] == {"why": "no_flow"}


def test_after_a_restore_the_erp_is_asked_first(desk: Desk, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.now() - timedelta(days=1)
    desk.write(lambda tx: tx.add(RestoreRow(at=at, taken_at=at)))
    (delivery,) = same_both_ways(desk, monkeypatch, order())["DeliveryRow"]
    assert delivery["state"] == "uncertain"


def test_its_lane_is_woken(desk: Desk) -> None:
    desk.send()
    (woken,) = desk.gateway.engine.arguments(WAKE_LANE)  # type: ignore[attr-defined]
    assert woken.lane == f"{desk.customer.id}:main"


def test_a_number_that_is_taken_is_refused_on_every_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send()
    with pytest.raises(Refusal, match="is here already") as short:
        desk.send()
    without_shortcut(monkeypatch)
    with pytest.raises(Refusal, match="is here already") as long:
        desk.send()
    assert (short.value.no, long.value.no) == (No.CONFLICT, No.CONFLICT)


def test_who_needs_a_person_is_not_kept_this_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    monkeypatch.setattr(take_order, "keep_approved", lambda *_: kept.append("kept"))
    desk.rules(two_stages())
    desk.send(order(line(quantity="11"), totals=OrderTotals(total=money("109.45"))))
    desk.send(order(line(price="9.96"), totals=OrderTotals(total=money("99.60"))), id="PO-2")
    assert kept == []


def test_what_was_considered_before_is_not_checked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction holds up every other writer, so what reads the catalog stays out of it."""

    with desk.gateway.database.read() as session:
        beforehand = consider(OrderBook(session), desk.customer, order(), "cxml", desk.gateway.clock.now())
    monkeypatch.setattr(take_order, "consider", lambda *_: pytest.fail("considered again"))
    taken = desk.write(
        lambda tx: take_order.take_order(tx, desk.gateway, desk.caller(), order(), "x-1", considered=beforehand)
    )
    assert taken.status == take_order.Status.ACCEPTED
