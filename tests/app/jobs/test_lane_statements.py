"""What an order on its way through its lane costs the database."""

import pytest
from lanes import MemoryErp, lanes_on
from statements import statements_of

from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.storage import deliveries
from app.work import Lane

MOST_AN_ORDER = 14
"""One less on SQLite, where nobody else writes: on PostgreSQL the head of a lane is locked by a look of its own."""


def test_each_further_order_of_a_lane_takes_a_few_statements(
    gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One turn, however slow the machine.
    monkeypatch.setattr(lane_job, "TURN", 600.0)
    world = lanes_on(gateway, clock, {"main": MemoryErp()})

    def statements_for(orders: int, customer: str) -> list[str]:
        customer_id = world.customer(customer)
        for number in range(orders):
            world.approved(customer_id, f"{customer}-{number}")
        with statements_of(gateway.database, monkeypatch) as seen:
            calls = lane_job.run(world.gateway, Lane(realm="live", lane=deliveries.lane_of(customer_id, "main")))
        assert calls == orders
        return seen

    few, many = statements_for(2, "C-1"), statements_for(6, "C-2")
    assert (len(many) - len(few)) / 4 <= MOST_AN_ORDER - gateway.database.sqlite, many
