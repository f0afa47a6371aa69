"""An ERP that is down for a day: orders are taken and approved meanwhile, nothing is used up, and the way back is fair
and in order. Work items come at their time by a clock that the test sets."""

import heapq
import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import long_form
import pytest
from approval_orders import order as order_sent
from conftest import AT, RecordedWork
from fault_report import FaultReport
from lanes import MemoryErp, is_down, lanes_on
from order_desk import SMALL_ORDERS_PASS, set_up
from sqlmodel import Session, col, func, select

from app.bridge.adapter import Accepted, CannotTell, Delivery, Found, FoundNone, Outcome, Retry
from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.jobs import sweep
from app.storage.breakers import FAILURES, WAVE, WAVES, BreakerRow
from app.storage.deliveries import DeliveryRow
from app.storage.intake_writer import after_commit
from app.storage.orders import OrderState
from app.work import Argument, Kind, Lane

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CALL = timedelta(milliseconds=5)

LONG = pytest.param(long_form.orders(50_000), 200, marks=pytest.mark.long)


@pytest.fixture(autouse=True)
def turns_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane's turn is measured in real time, which here stands still."""
    monkeypatch.setattr(lane_job, "TURN", 0.0)


class TimedWork(RecordedWork):
    """Keeps work items until their time. An id that is known already is no second item, as in the engine."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self.clock = clock
        self.due: list[tuple[datetime, int, Lane]] = []
        self.ids: set[str] = set()
        self.turn = itertools.count()

    def enqueue(
        self,
        session: Session,
        kind: Kind[Argument],
        argument: Argument,
        *,
        at: datetime | None = None,
        work_id: str | None = None,
    ) -> str:
        def keep() -> None:
            if isinstance(argument, Lane) and work_id not in self.ids:
                self.ids |= {work_id} if work_id else set()
                heapq.heappush(self.due, (at or self.clock.now(), next(self.turn), argument))

        after_commit(session, keep)
        return work_id or ""

    def run_for(self, gateway: Gateway, time: timedelta) -> None:
        """What comes due until then, and the sweep every ten minutes."""
        end = self.clock.now() + time
        swept = self.clock.now()
        while self.clock.now() < end:
            next_sweep = swept + 10 * MINUTE
            if self.due and self.due[0][0] <= min(next_sweep, end):
                at, _, lane = heapq.heappop(self.due)
                self.clock.at = max(at, self.clock.now())
                lane_job.run(gateway, lane)
                continue
            self.clock.at = max(self.clock.now(), min(next_sweep, end))
            swept = self.clock.now()
            sweep.sweep(gateway, swept)


@dataclass
class DayErp(MemoryErp):
    """Down until it is told otherwise; each call takes its time. Keeps nothing but who came and when."""

    clock: SetClock = field(default_factory=lambda: SetClock(AT))
    down: bool = True
    came: list[tuple[datetime, str, str]] = field(default_factory=list)

    def submit(self, delivery: Delivery) -> Outcome:
        self.clock.move(CALL)
        if self.down:
            return Retry("connection refused")
        self.came.append((self.clock.now(), delivery.customer, delivery.reference))
        return Accepted(f"E{len(self.came)}", f"SO-{len(self.came)}")

    def find(self, reference: str, customer: str) -> Found:
        self.looked += 1
        return CannotTell("connection refused") if self.down else FoundNone()


def attempts(gateway: Gateway) -> int:
    with gateway.database.read() as session:
        return session.exec(select(func.sum(DeliveryRow.attempts))).one()


def still_open(gateway: Gateway) -> int:
    with gateway.database.read() as session:
        return session.exec(select(func.count()).where(col(DeliveryRow.open).is_(True))).one()


@pytest.mark.parametrize(("orders", "customers"), [(200, 10), LONG], ids=["short", "long"])
def test_a_day_without_the_erp(
    orders: int, customers: int, gateway: Gateway, clock: SetClock, faults: FaultReport
) -> None:
    """One customer has half of all orders."""
    work, erp = TimedWork(clock), DayErp(clock=clock)
    lanes = lanes_on(replace(gateway, engine=work), clock, {"main": erp})
    desk = set_up(lanes.gateway)
    desk.person("ann", "approver")
    desk.rules({**SMALL_ORDERS_PASS, "auto_approve": []})
    ids = [lanes.customer(f"C-{n}") for n in range(customers)]
    placed: dict[str, list[str]] = {f"C-{n}": [] for n in range(customers)}
    desk_numbers = placed.setdefault(desk.customer.number, [])
    began = clock.now()
    for hour in range(24):
        for n in range(orders * hour // 24, orders * (hour + 1) // 24):
            customer = 0 if n % 2 else n // 2 % customers
            lanes.approved(ids[customer], f"PO-{n:05}")
            placed[f"C-{customer}"].append(f"PO-{n:05}")
        number = f"PO-approved-{hour:02}"
        desk.send(order_sent(id=number))
        assert desk.decide("ann", approve=True, number=number).state == OrderState.APPROVED
        desk_numbers.append(number)
        work.run_for(lanes.gateway, began + HOUR * (hour + 1) - clock.now())
    assert attempts(lanes.gateway) == FAILURES
    assert erp.looked < 250
    assert still_open(lanes.gateway) == orders + 24

    erp.down = False
    back = clock.now()
    while still_open(lanes.gateway):
        work.run_for(lanes.gateway, MINUTE)
        assert clock.now() - back < HOUR * 2, "not drained"
    kind = "SQLite" if gateway.database.sqlite else "PostgreSQL"
    faults.judge("a day without the ERP", kind, placed, [number for *_, number in erp.came])
    assert Counter(customer for _, customer, _ in erp.came) == {name: len(them) for name, them in placed.items()}

    # Fair: whoever comes first after the outage, all others have had a turn before long.
    first_of_all = erp.came[0][0]
    a_turn_each = CALL * (customers + 1)
    for name in placed:
        first = next(at for at, customer, _ in erp.came if customer == name)
        assert first - first_of_all <= a_turn_each + 20 * SECOND, name


def test_the_lanes_come_back_in_waves(gateway: Gateway, clock: SetClock) -> None:
    """However many want to: 1 at once in the first second after the ERP is back, then 2, then 4, ..."""
    work, erp = TimedWork(clock), MemoryErp(script=[is_down] * FAILURES)
    lanes = lanes_on(replace(gateway, engine=work), clock, {"main": erp})
    for n in range(20):
        customer = lanes.customer(f"C-{n}")
        for order in range(4):
            lanes.approved(customer, f"PO-{n}-{order}")
    work.run_for(lanes.gateway, 25 * SECOND)
    at_once: dict[int, int] = {}
    under_way = 0
    closed_at: datetime | None = None

    def crowded(erp: MemoryErp, sent: Delivery) -> Outcome:
        """While this call runs, every other lane asks too."""
        nonlocal under_way, closed_at
        closed_at = closed_at or closed(gateway)
        under_way += 1
        second = (clock.now() - closed_at) // WAVE
        at_once[second] = max(at_once.get(second, 0), under_way)
        for lane in lanes.lanes():
            if under_way < 20:
                lane_job.run(lanes.gateway, lane)
        under_way -= 1
        return erp.keep(sent)

    erp.script = [crowded] * 80
    work.run_for(lanes.gateway, MINUTE)
    assert len(erp.numbers) == len(set(erp.numbers)) == 80
    assert at_once
    assert all(most <= 1 << second for second, most in at_once.items() if second < WAVES), at_once


def closed(gateway: Gateway) -> datetime:
    with gateway.database.read() as session:
        (row,) = session.exec(select(BreakerRow))
    assert row.closed_at
    return row.closed_at
