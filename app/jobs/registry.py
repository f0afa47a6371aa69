"""Everything that the engine runs, and when it comes round."""

from typing import Any, Final

from app import work
from app.engine import Handler, Schedule
from app.gateway import Gateway
from app.jobs import dispatch, lane, purge, sweep

SCHEDULES: Final[tuple[Schedule[Any], ...]] = (
    Schedule(work.SWEEP, work.Nothing(), "*/20 * * * * *"),
    Schedule(work.PURGE, work.Nothing(), "0 17 2 * * *"),
)


def handlers(gateway: Gateway) -> tuple[Handler[Any], ...]:
    return (
        Handler(work.WAKE_LANE, lambda argument: lane.run(gateway, argument)),
        Handler(work.SEND_DISPATCH, lambda argument: dispatch.run(gateway, argument)),
        Handler(work.SWEEP, lambda _: sweep.run(gateway)),
        Handler(work.PURGE, lambda _: purge.run(gateway)),
    )
