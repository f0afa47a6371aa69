"""Hours are counted once, as the rows say, whoever counts and however often; distributions keep their percentiles."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import figures_traffic as traffic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, literal, select
from sqlmodel import func

from app.clock import SetClock
from app.flows.figures import figures
from app.gateway import Gateway
from app.jobs import count_hours
from app.storage import durations, hourly
from app.storage.attempts import AttemptRow
from app.storage.base import LIVE, UtcDateTime
from app.storage.database import Database
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow
from app.storage.hourly import HourlyRow, HourRow, PartnerHourlyRow, Scope, hour_of
from app.storage.measures import Measure
from app.storage.orders import OrderRow

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
Rows = Callable[[], dict[str, int]]


@pytest.fixture
def filled(gateway: Gateway) -> Gateway:
    traffic.month(gateway, 400, partners=5, days=2)
    return gateway


def rows_of(gateway: Gateway) -> dict[str, int]:
    with gateway.database.read() as session:
        return {
            str(row.__tablename__): session.scalar(select(func.count()).select_from(row)) or 0
            for row in (HourRow, HourlyRow, PartnerHourlyRow)
        }


def totals(gateway: Gateway, scope: Scope | None = None) -> dict[tuple[Measure, str, str], int]:
    until = hour_of(gateway.clock.now())
    with gateway.database.read() as session:
        found = figures(session, LIVE, until - 60, until, scope or Scope())
    sums: dict[tuple[Measure, str, str], int] = {}
    for measure, cells in found.cells.items():
        for _, name, key, number in cells:
            sums[measure, name, key] = sums.get((measure, name, key), 0) + number
    return sums


def documents(sums: dict[tuple[Measure, str, str], int]) -> int:
    return sum(number for (measure, _, _), number in sums.items() if measure is Measure.DOCUMENTS)


def test_what_is_counted_is_what_the_rows_say(filled: Gateway) -> None:
    count_hours.run(filled)
    sums = totals(filled)
    with filled.database.read() as session:
        for protocol, state, number in session.execute(
            select(ExchangeRow.protocol, ExchangeRow.state, func.count())
            .where(ExchangeRow.direction == "in")
            .group_by(ExchangeRow.protocol, ExchangeRow.state)
        ):
            assert sums[Measure.DOCUMENTS, protocol, state] == number
        sent = dict(session.execute(select(AttemptRow.outcome, func.count()).group_by(AttemptRow.outcome)).all())
    for outcome, number in sent.items():
        assert sum(n for (m, _, key), n in sums.items() if m is Measure.DELIVERIES and key == outcome) == number
    assert documents(sums) == 400
    assert sum(n for (m, _, _), n in sums.items() if m is Measure.DELIVERED) == 200
    refused = sum(n for (m, _, key), n in sums.items() if m is Measure.DOCUMENTS and key == "refused")
    assert sum(n for (m, _, _), n in sums.items() if m is Measure.FAULTS) == refused


def test_counting_again_changes_nothing(filled: Gateway) -> None:
    count_hours.run(filled)
    before, sums = rows_of(filled), totals(filled)
    count_hours.run(filled)
    assert (rows_of(filled), totals(filled)) == (before, sums)


def test_of_several_who_count_at_once_each_hour_counts_once(filled: Gateway) -> None:
    with ThreadPoolExecutor(4) as threads:
        counted = list(threads.map(lambda _: count_hours.count(filled, filled.clock.now()), range(4)))
    assert sum(counted) == rows_of(filled)["cd_hours"]
    assert documents(totals(filled)) == 400


def test_the_grains_agree(filled: Gateway) -> None:
    count_hours.run(filled)
    with filled.database.read() as session:
        whole = session.execute(select(HourlyRow.measure, func.sum(HourlyRow.number)).group_by(HourlyRow.measure)).all()
        row = PartnerHourlyRow
        parts = session.execute(select(row.measure, func.sum(row.number)).group_by(row.measure)).all()
        partners = list(session.scalars(select(row.partner_id).distinct()))
    assert {measure: int(n) for measure, n in whole} == {measure: int(n) for measure, n in parts}
    assert documents(totals(filled)) == sum(documents(totals(filled, Scope(partner=one))) for one in partners)
    assert documents(totals(filled, Scope(customers=()))) == 0


def test_the_newest_hours_are_there_before_anybody_counted_them(gateway: Gateway, clock: SetClock) -> None:
    (trade,) = traffic.traders(gateway, 1)
    traffic.put(gateway, ExchangeRow, traffic.answered(trade, clock.now() - SECOND, 50 * SECOND / 1_000))
    assert totals(gateway)[Measure.DOCUMENTS, "cxml", "accepted"] == 1
    assert rows_of(gateway)["cd_hours"] == 0
    clock.move(HOUR + hourly.SETTLED)
    count_hours.run(gateway)
    assert rows_of(gateway)["cd_hours"] == 1
    assert totals(gateway)[Measure.DOCUMENTS, "cxml", "accepted"] == 1


def test_an_hour_is_not_counted_before_it_is_settled(gateway: Gateway, clock: SetClock) -> None:
    (trade,) = traffic.traders(gateway, 1)
    traffic.put(gateway, ExchangeRow, [traffic.exchange(trade, clock.now())])
    clock.move(hourly.begin_of(hour_of(clock.now())) + HOUR + hourly.SETTLED - SECOND - clock.now())
    assert count_hours.count(gateway, clock.now()) == 0
    clock.move(SECOND)
    assert count_hours.count(gateway, clock.now()) == 1


def test_old_hours_that_nobody_counted_are_told_and_not_read(gateway: Gateway, clock: SetClock) -> None:
    (trade,) = traffic.traders(gateway, 1)
    traffic.put(gateway, ExchangeRow, [traffic.exchange(trade, clock.now())])
    clock.move(10 * HOUR)
    until = hour_of(clock.now())
    with gateway.database.read() as session:
        found = figures(session, LIVE, until - 23, until, Scope())
    assert (found.uncounted, found.cells[Measure.DOCUMENTS]) == (8, [])


def test_another_realm_sees_nothing(filled: Gateway) -> None:
    until = hour_of(filled.clock.now())
    with filled.database.read() as session:
        found = figures(session, "sandbox", until - 60, until, Scope())
    assert not any(found.cells.values())


def test_figures_go_when_they_are_old(filled: Gateway, clock: SetClock) -> None:
    count_hours.run(filled)
    assert count_hours.forget(filled, clock.now()) == 0
    clock.move(count_hours.KEPT + 3 * 24 * HOUR)
    assert count_hours.forget(filled, clock.now()) > 0
    assert set(rows_of(filled).values()) == {0}


def test_a_look_up_that_found_the_order_counts_as_delivered(gateway: Gateway, clock: SetClock) -> None:
    (trade,) = traffic.traders(gateway, 1)
    now = clock.now()
    of = traffic.order(trade, now, "PO-1")
    row = traffic.delivery(trade, of, now - 5 * SECOND, now - 2 * SECOND)
    traffic.put(gateway, ExchangeRow, [traffic.exchange(trade, now)])
    traffic.put(gateway, OrderRow, [of])
    traffic.put(gateway, DeliveryRow, [row])
    tries = [("submit", "uncertain"), ("find", "none"), ("find", "one")]
    traffic.put(gateway, AttemptRow, [traffic.attempt(row["id"], now - 3 * SECOND, SECOND, o, a) for a, o in tries])
    sums = totals(gateway)
    assert {key: n for (m, _, key), n in sums.items() if m is Measure.DELIVERIES} == {"uncertain": 1, "one": 1}
    assert [key for m, _, key in sums if m is Measure.DELIVERED] == ["2560"]


MILLISECONDS = st.integers(0, 10**11)


@given(MILLISECONDS)
def test_a_bucket_holds_what_fell_into_it(milliseconds: int) -> None:
    lower = durations.bucket_of(milliseconds)
    assert lower <= milliseconds < lower + durations.width_of(lower)
    assert durations.width_of(lower) <= max(1, lower / 4)


@given(st.lists(MILLISECONDS, min_size=1), st.sampled_from((0.5, 0.95, 1.0)))
def test_a_percentile_is_off_by_a_bucket_at_the_most(values: list[int], share: float) -> None:
    buckets: dict[int, int] = {}
    for value in values:
        buckets[durations.bucket_of(value)] = buckets.get(durations.bucket_of(value), 0) + 1
    found = durations.percentile(buckets, share)
    assert found is not None
    exact = sorted(values)[max(0, -(-int(share * 100) * len(values) // 100) - 1)]
    lower = durations.bucket_of(exact)
    assert lower <= found <= lower + durations.width_of(lower)


def test_nothing_has_no_percentile() -> None:
    assert durations.percentile({}, 0.5) is None


def test_what_the_database_rounds_stays_in_its_bucket(database: Database) -> None:
    powers = [1 << power for power in range(34)]
    tried = sorted({0, 12_345, *powers, *(p - 1 for p in powers), *(p * 5 // 4 for p in powers)})
    begin = datetime.fromisoformat("2026-03-02T09:15:00+00:00")
    ends: list[Any] = [literal(begin + timedelta(milliseconds=number), UtcDateTime) for number in tried]
    with database.read() as session:
        columns = [durations.rounded(session, literal(begin, UtcDateTime), end) for end in ends]
        found = [session.execute(select(column)).scalar_one() for column in columns]
    assert [durations.bucket_of(number) for number in found] == [durations.bucket_of(number) for number in tried]


def test_what_ended_before_it_began_took_no_time(database: Database) -> None:
    begin: Any = literal(datetime.fromisoformat("2026-03-02T09:15:00+00:00"), UtcDateTime)
    end: Any = literal(datetime.fromisoformat("2026-03-02T09:14:00+00:00"), UtcDateTime)
    with database.read() as session:
        assert session.execute(select(durations.rounded(session, begin, end))).scalar_one() == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_hour_is_read_by_an_index_on_its_time(gateway: Gateway) -> None:
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            driver = connection.connection.dbapi_connection
            plans.append(" ".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

    event.listen(gateway.database._reading, "before_cursor_execute", explain)
    with gateway.database.read() as session:
        hourly.measured(session, LIVE, hour_of(gateway.clock.now()))
    event.remove(gateway.database._reading, "before_cursor_execute", explain)
    assert len(plans) == len(Measure)
    for plan in plans:
        assert "at>? AND " in plan.replace("ended_at>? AND", "at>? AND").replace("closed_at>? AND", "at>? AND"), plan
        assert "SCAN cd_" not in plan
