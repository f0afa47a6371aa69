"""Orders that the ERP knows of: changed, cancelled, refused there, sent again."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from sqlmodel import col, select

from app.errors import Refusal
from app.flows import order_outcome, release_hold
from app.flows.cases import Choice
from app.flows.decide_approval import ReasonCode
from app.flows.take_order import Status
from app.gateway import Gateway
from app.storage.deliveries import DeliveryRow, Event
from app.storage.dispatches import DispatchRow
from app.storage.orders import OrderState
from schemas.order import Order, OrderTotals


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("desk", "operator")
    made.person("lead", "approver")
    made.rules(SMALL_ORDERS_PASS)
    return made


def big(quantity: str = "11") -> Order:
    stated = OrderTotals(total=money(str(Decimal(quantity) * Decimal("9.95"))))
    return order(line(quantity=quantity), totals=stated)


def delivery_states(desk: Desk) -> list[tuple[str, int, str]]:
    with desk.gateway.database.read() as session:
        rows = session.exec(select(DeliveryRow).order_by(col(DeliveryRow.sequence)))
        return [(row.kind, row.revision, row.state) for row in rows]


def erp_takes(desk: Desk, kind: str, outcome: Callable[[Any, Gateway, DeliveryRow], None]) -> None:
    """What the lane does once the ERP has answered."""

    def work(tx: Any) -> None:
        row = tx.exec(select(DeliveryRow).where(DeliveryRow.kind == kind)).one()
        row.move(Event.SEND, desk.gateway.clock.now())
        outcome(tx, desk.gateway, row)

    desk.write(work)


def accepts(tx: Any, gateway: Gateway, row: DeliveryRow) -> None:
    row.move(Event.ACCEPT, gateway.clock.now())
    order_outcome.accepted(tx, gateway, order_outcome.order_of(tx, row), row, gateway.clock.now())


def refuses(tx: Any, gateway: Gateway, row: DeliveryRow) -> None:
    row.move(Event.REFUSE, gateway.clock.now())
    order_outcome.stopped(tx, gateway, row, "erp.rejected", "the ERP refuses the order", "already shipped")


def test_a_change_that_comes_before_the_first_sending_keeps_the_old_order_from_the_erp(desk: Desk) -> None:
    desk.send(version=1)
    desk.update(big(), version=2)
    assert delivery_states(desk) == [("create", 1, "rejected")]
    desk.decide("lead", approve=True)
    assert delivery_states(desk) == [("create", 1, "rejected"), ("create", 2, "pending")]


def test_a_cancellation_that_comes_before_the_first_sending_sends_nothing(desk: Desk) -> None:
    desk.send()
    assert desk.cancel().status is Status.ACCEPTED
    assert (desk.order().state, delivery_states(desk)) == (OrderState.CANCELLED, [("create", 1, "rejected")])


def test_what_the_erp_has_is_cancelled_there_and_the_buyer_hears_of_it(desk: Desk) -> None:
    desk.send()
    erp_takes(desk, "create", accepts)
    taken = desk.cancel()
    assert (taken.status, desk.order().state, desk.order().promised) == (Status.LATER, OrderState.APPROVED, True)
    assert delivery_states(desk) == [("create", 1, "accepted"), ("cancel", 1, "pending")]
    erp_takes(desk, "cancel", accepts)
    assert (desk.order().state, desk.order().promised) == (OrderState.CANCELLED, False)


def test_a_cancellation_that_the_erp_refuses_leaves_the_order_and_says_409(desk: Desk) -> None:
    desk.send()
    erp_takes(desk, "create", accepts)
    desk.cancel()
    erp_takes(desk, "cancel", refuses)
    assert (desk.order().state, desk.codes()) == (OrderState.HELD, [("erp.rejected", None)])
    person, order_id = desk.people["desk"], desk.order().id
    with pytest.raises(Refusal, match="the ERP has this order"):
        desk.write(lambda tx: release_hold.reject(tx, desk.gateway, person, order_id, ReasonCode.OTHER, "no", "page"))
    desk.settle("desk", (0, Choice.KEEP_ORDER, "", "it left us yesterday"))
    assert (desk.order().state, desk.order().promised) == (OrderState.ACCEPTED, False)
    with desk.gateway.database.read() as session:
        owed = session.exec(select(DispatchRow.document).order_by(col(DispatchRow.sequence).desc())).first()
    assert owed is not None
    assert '"code":409' in owed
    assert "it left us yesterday" in owed


def test_what_the_erp_refused_is_sent_again_from_the_desk(desk: Desk) -> None:
    desk.send()
    erp_takes(desk, "create", refuses)
    assert desk.codes() == [("erp.rejected", None)]
    desk.settle("desk", (0, Choice.SEND_AGAIN, "", ""))
    assert desk.order().state == OrderState.APPROVED
    assert delivery_states(desk) == [("create", 1, "uncertain")]


def test_what_the_erp_refused_is_refused_to_the_buyer(desk: Desk) -> None:
    desk.send(big())
    desk.decide("lead", approve=True)
    erp_takes(desk, "create", refuses)
    person, order_id = desk.people["desk"], desk.order().id
    desk.write(lambda tx: release_hold.reject(tx, desk.gateway, person, order_id, ReasonCode.ITEM, "gone", "page"))
    assert (desk.order().state, desk.order().promised) == (OrderState.REJECTED, False)


def test_an_update_after_delivery_goes_to_the_erp_as_a_change(desk: Desk) -> None:
    desk.send(version=1)
    erp_takes(desk, "create", accepts)
    desk.update(order(line(quantity="9"), totals=OrderTotals(total=money("89.55"))), version=2)
    assert desk.deliveries() == [("create", 1), ("change", 2)]
    assert desk.order().state == OrderState.APPROVED


def test_an_update_above_the_limit_is_asked_about_again(desk: Desk) -> None:
    desk.send(version=1)
    erp_takes(desk, "create", accepts)
    desk.update(big(), version=2)
    assert desk.order().state == OrderState.AWAITING_APPROVAL
    desk.decide("lead", approve=True)
    assert desk.deliveries() == [("create", 1), ("change", 2)]
