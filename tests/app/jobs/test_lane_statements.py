"""What orders on their way through their lanes cost the database."""

import pytest
from lanes import Lanes, MemoryErp, lanes_on
from statements import statements_of

from app.bridge.adapter import Accepted
from app.clock import SetClock
from app.flows.deliver_order import Turn, take_turns
from app.flows.take_delivery import Step
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.storage import deliveries
from app.work import Lane

MOST_TO_BEGIN = 6
"""The heads, their rows, the breaker, the places at the ERP; two tables are changed."""
MOST_AN_ORDER = 10
"""What is in hand, the attempt and the two tables before that; the breaker is known."""


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Lanes:
    # One turn, however slow the machine.
    monkeypatch.setattr(lane_job, "TURN", 600.0)
    return lanes_on(gateway, clock, {"main": MemoryErp()})


def filled(lanes: Lanes, customer: str, orders: int) -> Lane:
    customer_id = lanes.customer(customer)
    for number in range(orders):
        lanes.approved(customer_id, f"{customer}-{number}")
    return Lane(realm="live", lane=deliveries.lane_of(customer_id, "main"))


def test_each_further_order_of_a_lane_takes_a_few_statements(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    def statements_for(orders: int, customer: str) -> list[str]:
        lane = filled(lanes, customer, orders)
        with statements_of(lanes.gateway.database, monkeypatch) as seen:
            assert lane_job.run(lanes.gateway, lane) == orders
        return seen

    few, many = statements_for(2, "C-1"), statements_for(6, "C-2")
    assert (len(many) - len(few)) / 4 <= MOST_AN_ORDER, many


def test_lanes_whose_turns_come_together_take_no_more_than_one(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = lanes.gateway

    def taken(turns: list[Turn], most: int) -> list[Step]:
        with statements_of(gateway.database, monkeypatch) as seen:
            gateway.database.write(lambda tx: take_turns(tx, turns))
        assert len(seen) <= most, seen
        return [turn.step for turn in turns if turn.step is not None]

    waiting = [filled(lanes, f"C-{n}", 2) for n in range(20)]
    steps = taken([Turn(gateway, lane) for lane in waiting], MOST_TO_BEGIN)
    for left in (20, 0):
        done = [(step, Accepted("E1", "SO-1")) for step in steps]
        steps = taken([Turn(gateway, *turn) for turn in zip(waiting, done, strict=True)], MOST_AN_ORDER)
        assert len(steps) == left
    assert {row.state for row in lanes.deliveries()} == {"accepted"}
