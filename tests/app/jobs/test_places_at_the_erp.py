"""An ERP that takes few orders at the same time: who finds no place has the next one that is free, in the order of
coming, and nobody waits for longer than that takes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from lanes import Lanes, MemoryErp, lanes_on

from app.bridge.adapter import Accepted, Delivery, Outcome
from app.clock import SetClock
from app.flows.deliver_order import Turn
from app.gateway import Gateway
from app.jobs import call_waiting
from app.jobs import lane as lane_job
from app.storage.claims import Claims
from app.storage.waiting_lanes import CALLED, WaitingLanes
from app.work import WAKE_LANE, Lane


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp(at_once=1)


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    lanes = lanes_on(gateway, clock, {"main": erp})
    for n in range(4):
        lanes.approved(lanes.customer(f"C-{n}"), f"PO-{n}")
    return lanes


def woken(lanes: Lanes) -> list[Lane]:
    """The lanes that work items were made for since it was asked last."""
    items = lanes.gateway.engine.items  # type: ignore[attr-defined]  # the test's queue
    found = list(lanes.gateway.engine.arguments(WAKE_LANE))  # type: ignore[attr-defined]
    items.clear()
    return found


def while_the_first_is_at_the_erp(lanes: Lanes, erp: MemoryErp, others: list[Lane]) -> int:
    """These look for a place and find none; the calls that the first lane's job makes, theirs included."""

    def meanwhile(erp: MemoryErp, sent: Delivery) -> Outcome:
        assert [lane_job.run(lanes.gateway, lane) for lane in others] == [0] * len(others)
        return erp.keep(sent)

    erp.script = [meanwhile]
    return lane_job.run(lanes.gateway, lanes.lanes()[0])


def test_who_gives_a_place_back_goes_on_with_the_lanes_that_wait_for_it(lanes: Lanes, erp: MemoryErp) -> None:
    _, one, two, three = lanes.lanes()
    assert while_the_first_is_at_the_erp(lanes, erp, [three, one, two]) == 4
    assert erp.numbers == ["PO-0", "PO-3", "PO-1", "PO-2"]
    assert lanes.gateway.waiting.erps() == []


def test_at_the_end_of_a_turn_the_first_that_waits_is_woken(
    lanes: Lanes, erp: MemoryErp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_job, "TURN", 0.0)
    first, one, two, _ = lanes.lanes()
    woken(lanes)
    assert while_the_first_is_at_the_erp(lanes, erp, [two, one]) == 1
    assert woken(lanes) == [two, first]


def test_a_place_is_kept_for_who_was_called_to_it(
    lanes: Lanes, erp: MemoryErp, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_job, "TURN", 0.0)
    _, one, two, three = lanes.lanes()
    while_the_first_is_at_the_erp(lanes, erp, [two, one])
    assert lane_job.run(lanes.gateway, three) == 0
    assert lane_job.run(lanes.gateway, two) == 1
    assert erp.numbers == ["PO-0", "PO-2"]


def test_a_place_that_another_process_gives_back_is_found(lanes: Lanes, clock: SetClock) -> None:
    gateway = lanes.gateway
    first, one, *_ = lanes.lanes()
    settings = gateway.settings.model_copy(update={"worker_id": "worker-2"})
    other = replace(gateway, settings=settings, claims=Claims(), waiting=WaitingLanes())
    turn = Turn(other, first)
    other.database.write(turn)
    step = turn.step
    assert step is not None
    assert lane_job.run(gateway, one) == 0
    woken(lanes)
    call_waiting.call(gateway)
    assert woken(lanes) == []
    other.database.write(Turn(other, first, (step, Accepted("E1", "SO-1"))))
    for expected in ([one], [], [one]):
        call_waiting.call(gateway)
        assert woken(lanes) == expected
        clock.move(timedelta(seconds=CALLED / 2))
    assert lane_job.run(gateway, one) == 1
    call_waiting.call(gateway)
    assert woken(lanes) == []
