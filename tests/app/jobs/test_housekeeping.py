"""What nobody will ask for again is dropped, and nothing else."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from buyers import set_up
from sqlmodel import Session, col, select

from app.clock import SetClock
from app.engine import Engine, Handler
from app.gateway import Gateway
from app.jobs import housekeeping
from app.jobs.rounds import Planned, plan
from app.storage import audit
from app.storage.base import LIVE
from app.storage.database import Database
from app.storage.exchanges import DocumentKeyRow
from app.storage.people import PersonRow, PersonSessionRow
from app.storage.processes import ProcessRow
from app.storage.sessions import PunchoutSessionRow, ShopTokenRow, StartCodeRow
from app.timetable import DAY, Timetable
from app.work import HOUSEKEEPING, WAKE_LANE, Lane, Nothing

MINUTE = timedelta(minutes=1)


def test_keys_of_documents_go_when_no_resend_is_answered_any_more(gateway: Gateway, clock: SetClock) -> None:
    partner = set_up(gateway).partner_id
    ages = {"young": timedelta(days=29), "old": timedelta(days=31)}

    def write(tx: Session) -> None:
        for name, age in ages.items():
            at = clock.now() - age
            tx.add(
                DocumentKeyRow(realm=LIVE, partner_id=partner, key_sha256=name, body_sha256="b", exchange_id="e", at=at)
            )

    gateway.database.write(write)
    assert housekeeping.clean(gateway, clock.now())["cd_document_keys"] == 1
    with gateway.database.read() as session:
        assert list(session.exec(select(col(DocumentKeyRow.key_sha256)))) == ["young"]


def test_sessions_that_ended_go(gateway: Gateway, clock: SetClock) -> None:
    now = clock.now()

    def write(tx: Session) -> None:
        person = PersonRow(realm=LIVE, login="paula", name="Paula", password="-", roles=[], created_at=now)
        tx.add(person)
        tx.flush()
        for key, seen in (("here", now - MINUTE), ("gone", now - 2 * DAY)):
            tx.add(PersonSessionRow(id_sha256=key, realm=LIVE, person_id=person.id, began_at=seen, seen_at=seen))
        tx.add(ProcessRow(id="worker-9", seen_at=now - 8 * DAY))

    gateway.database.write(write)
    dropped = housekeeping.clean(gateway, now)
    assert (dropped["cd_person_sessions"], dropped["cd_processes"]) == (1, 1)
    with gateway.database.read() as session:
        assert list(session.exec(select(col(PersonSessionRow.id_sha256)))) == ["here"]


def test_what_a_visit_needed_goes_a_week_after_its_end(gateway: Gateway, clock: SetClock) -> None:
    buyer, now = set_up(gateway), clock.now()

    def visit(tx: Session, name: str, expires_at: datetime) -> None:
        row = PunchoutSessionRow(
            id=name,
            realm=LIVE,
            partner_id=buyer.partner_id,
            customer_id=buyer.customer_id,
            correlation_id="c",
            operation="create",
            currency="EUR",
            return_url="https://buyer.example/cart",
            request="{}",
            answer_to={},
            framed_by=[],
            created_at=expires_at - DAY,
            expires_at=expires_at,
        )
        tx.add(row)
        tx.flush()
        tx.add(ShopTokenRow(sha256=f"token-{name}", session_id=name))
        tx.add(StartCodeRow(sha256=f"code-{name}", session_id=name, expires_at=expires_at))

    def write(tx: Session) -> None:
        visit(tx, "open", now + MINUTE)
        visit(tx, "yesterday", now - DAY)
        visit(tx, "long ago", now - 8 * DAY)

    gateway.database.write(write)
    dropped = housekeeping.clean(gateway, now)
    assert (dropped["cd_shop_tokens"], dropped["cd_start_codes"]) == (1, 1)
    with gateway.database.read() as session:
        assert len(session.exec(select(PunchoutSessionRow)).all()) == 3
        assert sorted(session.exec(select(col(ShopTokenRow.session_id)))) == ["open", "yesterday"]


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = Engine(database, poll=0.05)
    yield engine
    engine.stop(drain=0)


def test_finished_work_items_go_and_waiting_ones_stay(gateway: Gateway, engine: Engine) -> None:
    real = replace(gateway, engine=engine)
    ran: list[Lane] = []
    due = datetime.now(UTC) + timedelta(hours=1)
    real.database.write(lambda tx: engine.enqueue(tx, WAKE_LANE, Lane(realm=LIVE, lane="now"), work_id="now"))
    real.database.write(lambda tx: engine.enqueue(tx, WAKE_LANE, Lane(realm=LIVE, lane="later"), at=due))
    assert [(count.waiting, count.later) for count in engine.queues() if count.queue == "deliveries"] == [(1, 1)]
    engine.start([Handler(WAKE_LANE, ran.append)])
    for _ in range(500):
        if ran and not any(count.waiting + count.running for count in engine.queues()):
            break
        time.sleep(0.02)
    assert engine.forget_finished(datetime.now(UTC) - MINUTE, 10) == 0
    assert housekeeping.clean(real, datetime.now(UTC) + 4 * DAY)["work_items"] == 1
    assert [count.later for count in engine.queues() if count.queue == "deliveries"] == [1]


def test_a_planned_round_is_one_item_however_often_it_is_planned(gateway: Gateway, engine: Engine) -> None:
    real = replace(gateway, engine=engine)
    rounds = (Planned(HOUSEKEEPING, Timetable(every=DAY)),)
    now = datetime.now(UTC)
    for _ in range(3):
        real.database.write(lambda tx: plan(tx, real, rounds, now))
    assert [count.later for count in engine.queues() if count.queue == "upkeep"] == [1]


def test_a_round_that_was_missed_runs_when_a_worker_is_back(gateway: Gateway, engine: Engine) -> None:
    real = replace(gateway, engine=engine)
    rounds = (Planned(HOUSEKEEPING, Timetable(every=timedelta(seconds=1))),)
    ran: list[Nothing] = []
    real.database.write(lambda tx: plan(tx, real, rounds, datetime.now(UTC) - timedelta(hours=1)))
    engine.start([Handler(HOUSEKEEPING, ran.append)])
    for _ in range(500):
        if ran:
            break
        time.sleep(0.02)
    assert ran == [Nothing()]


def test_the_nights_log_says_how_far_the_record_has_come(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    housekeeping.run(gateway)
    with gateway.database.read() as session:
        assert audit.head(session) in capsys.readouterr().out
