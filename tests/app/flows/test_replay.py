from dataclasses import replace
from datetime import timedelta

import pytest
from bridge_orders import line, order
from lanes import Lanes, MemoryErp, breaks, lanes_on, refuses, reply_is_lost, request_is_lost

from app.clock import SetClock
from app.flows.replay import Replayed, Selection, replay, unknown
from app.gateway import Gateway
from app.storage.base import LIVE
from app.storage.deliveries import State
from app.storage.orders import OrderState

MINUTE = timedelta(minutes=1)
ALL = Selection(realm=LIVE)


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    impatient = gateway.settings.model_copy(update={"delivery_hours": 1})
    return lanes_on(replace(gateway, settings=impatient), clock, {"main": erp})


def stopped(lanes: Lanes, erp: MemoryErp) -> list[str]:
    """One order accepted, one refused, one held although the ERP has it, one held that never arrived."""
    erp.script = [refuses, request_is_lost, request_is_lost, request_is_lost]
    refused = lanes.approved(lanes.customer("C-1"), "PO-1")
    lanes.work()
    lost = lanes.approved(lanes.customer("C-2"), "PO-2")
    lanes.work_for(5 * MINUTE)
    accepted = lanes.approved(lanes.customer("C-3"), "PO-3")
    lanes.work()
    erp.script, erp.blind = [reply_is_lost], True
    there = lanes.approved(lanes.customer("C-4"), "PO-4")
    lanes.work_for(timedelta(hours=3))
    erp.blind = False
    states = [lanes.delivery(order_id).state for order_id in (refused, lost, accepted, there)]
    assert states == [State.REJECTED, State.HELD, State.ACCEPTED, State.HELD]
    return [refused, lost, accepted, there]


def test_replaying_everything_twice_makes_one_order_each(lanes: Lanes, erp: MemoryErp) -> None:
    order_ids = stopped(lanes, erp)
    assert replay(lanes.gateway, ALL) == Replayed(deliveries=3, answers=0)
    lanes.work_for(2 * MINUTE)
    assert sorted(erp.numbers) == ["PO-1", "PO-2", "PO-3", "PO-4"]
    ids = [lanes.delivery(order_id).erp_id for order_id in order_ids]
    assert replay(lanes.gateway, ALL) == Replayed(deliveries=0, answers=0)
    lanes.work_for(2 * MINUTE)
    assert sorted(erp.numbers) == ["PO-1", "PO-2", "PO-3", "PO-4"]
    assert [lanes.delivery(order_id).erp_id for order_id in order_ids] == ids
    assert {lanes.order(order_id).state for order_id in order_ids} == {OrderState.ACCEPTED}


def test_two_replays_at_once_are_one(lanes: Lanes, erp: MemoryErp) -> None:
    stopped(lanes, erp)
    assert replay(lanes.gateway, ALL).deliveries == 3
    assert replay(lanes.gateway, ALL).deliveries == 0
    lanes.work_for(2 * MINUTE)
    assert sorted(erp.numbers) == ["PO-1", "PO-2", "PO-3", "PO-4"]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Selection(realm=LIVE, orders=["PO-1"]), ["PO-1"]),
        (Selection(realm=LIVE, orders=["PO-1", "PO-3", "PO-77"]), ["PO-1"]),
        (Selection(realm=LIVE, states=[State.HELD]), ["PO-2", "PO-4"]),
        (Selection(realm=LIVE, states=[State.DEAD]), []),
        (Selection(realm="sandbox"), []),
    ],
)
def test_only_what_is_wanted_is_replayed(lanes: Lanes, erp: MemoryErp, wanted: Selection, numbers: list[str]) -> None:
    order_ids = stopped(lanes, erp)
    assert replay(lanes.gateway, wanted).deliveries == len(numbers)
    moved = [order_id for order_id in order_ids if lanes.delivery(order_id).state == State.UNCERTAIN]
    assert [lanes.order(order_id).number for order_id in moved] == numbers


def test_a_range_is_by_the_time_of_the_stop(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    begun = clock.now()
    stopped(lanes, erp)
    assert replay(lanes.gateway, Selection(realm=LIVE, since=clock.now() - MINUTE)).deliveries == 0
    first_hour = Selection(realm=LIVE, since=begun, until=begun + timedelta(hours=1))
    assert replay(lanes.gateway, first_hour).deliveries == 2


def test_numbers_that_are_not_there_are_named(lanes: Lanes, erp: MemoryErp) -> None:
    lanes.approved(lanes.customer(), "PO-1")
    with lanes.gateway.database.read() as session:
        assert unknown(session, Selection(realm=LIVE, orders=["PO-77", "PO-1"])) == ["PO-77"]


def test_what_a_change_has_replaced_is_not_replayed(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [refuses]
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    lanes.revised(order_id, order("PO-1", line(1, "NUT-M8", "1", "1.10")))
    lanes.work()
    assert replay(lanes.gateway, ALL).deliveries == 0
    lanes.work_for(2 * MINUTE)
    assert erp.numbers == ["PO-1"]


def test_a_replay_that_fails_again_stops_again(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [breaks] * 6
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work_for(5 * MINUTE)
    assert lanes.delivery(order_id).state == State.HELD
    replay(lanes.gateway, ALL)
    lanes.work_for(10 * MINUTE)
    assert (lanes.delivery(order_id).state, lanes.order(order_id).state) == (State.HELD, OrderState.HELD)
