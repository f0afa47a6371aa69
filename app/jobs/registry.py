"""Everything that the engine runs, and when it comes round."""

from datetime import time, timedelta
from typing import Any, Final

from app import work
from app.engine import Handler, Schedule
from app.gateway import Gateway
from app.jobs import count_hours, dispatch, housekeeping, lane, mail, purge, sweep, timers
from app.jobs.rounds import Planned
from app.timetable import DAY, Timetable

SCHEDULES: Final[tuple[Schedule[Any], ...]] = (Schedule(work.SWEEP, work.Nothing(), "*/20 * * * * *"),)
"""What keeps the rest going, each few seconds."""


def planned(zone: str) -> tuple[Planned, ...]:
    """What comes round by a timetable; `zone` is the operator's."""
    return (
        Planned(work.HOUSEKEEPING, Timetable(every=DAY, begins=time(1, 47), zone=zone)),
        Planned(work.COUNT_HOURS, Timetable(every=timedelta(minutes=5), zone=zone)),
        Planned(work.PURGE, Timetable(every=DAY, begins=time(2, 17), zone=zone)),
    )


def handlers(gateway: Gateway) -> tuple[Handler[Any], ...]:
    return (
        Handler(work.WAKE_LANE, lambda argument: lane.run(gateway, argument)),
        Handler(work.SEND_DISPATCH, lambda argument: dispatch.run(gateway, argument)),
        Handler(work.APPROVAL_TIMER, lambda argument: timers.run(gateway, argument)),
        Handler(work.SEND_MAIL, lambda argument: mail.run(gateway, argument)),
        Handler(work.SWEEP, lambda _: sweep.by_the_engine(gateway, planned(gateway.settings.time_zone))),
        Handler(work.PURGE, lambda _: purge.run(gateway)),
        Handler(work.HOUSEKEEPING, lambda _: housekeeping.run(gateway)),
        Handler(work.COUNT_HOURS, lambda _: count_hours.run(gateway)),
    )
