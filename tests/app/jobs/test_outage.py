"""An ERP that is down for long: the breaker, what it costs the orders, and how they come back."""

from datetime import timedelta

import pytest
from lanes import Lanes, MemoryErp, is_down, lanes_on, request_is_lost

from app.bridge.adapter import Delivery, Outcome, Rejected
from app.clock import SetClock
from app.gateway import Gateway
from app.storage.breakers import FAILURES
from app.storage.deliveries import State

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    return lanes_on(gateway, clock, {"main": erp})


def placed(lanes: Lanes, customers: int, orders: int = 1) -> list[str]:
    made = [lanes.customer(f"C-{c}") for c in range(customers)]
    return [lanes.approved(made[c], f"PO-{c}-{n}") for n in range(orders) for c in range(customers)]


def test_an_outage_of_a_day_costs_no_order_its_attempts(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script, erp.blind = [is_down] * 100_000, True
    order_ids = placed(lanes, customers=2, orders=2)
    lanes.work_for(24 * HOUR)
    assert erp.looked < 250
    assert {lanes.delivery(order_id).state for order_id in order_ids} <= {State.PENDING, State.WAITING}
    assert sum(lanes.delivery(order_id).attempts for order_id in order_ids) == FAILURES
    erp.script.clear()
    erp.blind = False
    lanes.work_for(HOUR)
    assert {lanes.delivery(order_id).state for order_id in order_ids} == {State.ACCEPTED}
    assert sorted(erp.numbers) == sorted({lanes.order(order_id).number for order_id in order_ids})
    for customer in range(2):
        assert [n for n in erp.numbers if n.startswith(f"PO-{customer}-")] == [f"PO-{customer}-0", f"PO-{customer}-1"]


def test_a_stalling_erp_gets_few_orders_and_none_twice(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script, erp.blind = [request_is_lost] * 100_000, True
    order_ids = placed(lanes, customers=8)
    lanes.work_for(2 * HOUR)
    assert sum(lanes.delivery(order_id).attempts for order_id in order_ids) == FAILURES
    erp.script.clear()
    erp.blind = False
    lanes.work_for(HOUR)
    assert sorted(erp.numbers) == [f"PO-{n}-0" for n in range(8)]


def test_an_erp_that_answers_look_ups_only_gets_few_orders(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [request_is_lost] * 100_000
    order_ids = placed(lanes, customers=8)
    lanes.work_for(2 * HOUR)
    assert sum(lanes.delivery(order_id).attempts for order_id in order_ids) <= FAILURES + 16
    erp.script.clear()
    lanes.work_for(2 * HOUR)
    assert len(erp.numbers) == len(set(erp.numbers)) == len([i for i in order_ids if accepted(lanes, i)])


def accepted(lanes: Lanes, order_id: str) -> bool:
    return lanes.delivery(order_id).state == State.ACCEPTED


def test_refusals_do_not_open_the_breaker(lanes: Lanes, erp: MemoryErp) -> None:
    def refuses(erp: MemoryErp, sent: Delivery) -> Outcome:
        return Rejected("credit", "no credit")

    erp.script = [refuses] * 10
    order_ids = placed(lanes, customers=11)
    lanes.work()
    assert [lanes.delivery(order_id).state for order_id in order_ids].count(State.ACCEPTED) == 1


def test_one_erp_down_does_not_touch_another(lanes: Lanes, erp: MemoryErp) -> None:
    other = MemoryErp()
    lanes.erps["other"] = other
    erp.script = [is_down] * 1_000
    placed(lanes, customers=8)
    lanes.work()
    free = lanes.approved(lanes.customer("C-free", erp="other"), "PO-free")
    lanes.work()
    assert lanes.delivery(free).state == State.ACCEPTED


def test_an_erp_gets_no_more_at_once_than_it_takes(lanes: Lanes, erp: MemoryErp) -> None:
    erp.at_once = 2
    seen: list[int] = []

    def counts(erp: MemoryErp, sent: Delivery) -> Outcome:
        seen.append(sum(row.state == State.SENDING for row in lanes.deliveries()))
        if len(seen) < 4:
            lanes.work()
        return erp.keep(sent)

    erp.script = [counts] * 10
    order_ids = placed(lanes, customers=4)
    lanes.work()
    lanes.work_for(10 * SECOND)
    assert max(seen) == 2
    assert {lanes.delivery(order_id).state for order_id in order_ids} == {State.ACCEPTED}
