from collections.abc import Iterator

import pytest
from databases import gone
from lanes import Lanes, MemoryErp, lanes_on
from sqlalchemy.exc import DBAPIError

from app.clock import SetClock
from app.engine import Engine
from app.gateway import Gateway
from app.jobs import watch as watch_job
from app.jobs.watch import Watch
from app.work import WAKE_LANE


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock) -> Lanes:
    return lanes_on(gateway, clock, {"main": MemoryErp()})


@pytest.fixture
def watch(lanes: Lanes) -> Iterator[Watch]:
    engine = Engine(lanes.gateway.database)
    yield Watch(lanes.gateway, engine)
    engine.stop()


def woken(lanes: Lanes) -> int:
    return len(lanes.gateway.engine.arguments(WAKE_LANE))  # type: ignore[attr-defined]  # the test's queue


def test_a_lane_whose_wake_got_lost_with_the_database_is_woken_as_soon_as_it_is_back(
    lanes: Lanes, watch: Watch
) -> None:
    lanes.approved(lanes.customer())
    before = woken(lanes)
    watch.look()
    assert woken(lanes) == before
    lanes.gateway.database.lost.set()
    watch.look()
    assert woken(lanes) == before + 1
    watch.look()
    assert woken(lanes) == before + 1


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_it_looks_until_the_database_is_back(lanes: Lanes, watch: Watch) -> None:
    lanes.approved(lanes.customer())
    before, database = woken(lanes), lanes.gateway.database
    with gone(database.url.render_as_string(hide_password=False)):
        with pytest.raises(DBAPIError), database.read() as session:
            session.connection()
        assert database.lost.is_set()
        watch.look()
        watch.look()
        assert woken(lanes) == before
    watch.look()
    assert woken(lanes) == before + 1


def test_rounds_that_the_engine_does_not_bring_are_made_up_for(
    lanes: Lanes, watch: Watch, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes.approved(lanes.customer())
    before = woken(lanes)
    clock.move(watch_job.sweep.QUIET)
    watch.look()
    assert woken(lanes) == before
    monkeypatch.setattr(watch_job, "OVERDUE", 0.0)
    watch.look()
    assert woken(lanes) == before + 1
