"""The database goes away under a job: nothing is forgotten that only the job knows, and nothing is done twice."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from lanes import Lanes, MemoryErp, lanes_on
from sqlmodel import Session, select

from app.clock import SetClock
from app.flows import reply, send_reply, take_delivery
from app.flows.send_reply import Silence
from app.flows.take_delivery import Step
from app.gateway import Gateway
from app.jobs import dispatch as dispatch_job
from app.jobs import lane as lane_job
from app.storage import database as database_module
from app.storage.attempts import AttemptRow
from app.storage.database import Database
from app.storage.deliveries import State
from app.storage.dispatches import DispatchRow
from app.storage.group_connection import PostgresGroups, SqliteGroups
from app.storage.intake_writer import Ended
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from app.work import DispatchId

EITHER_WAY = pytest.mark.parametrize("committed", [False, True], ids=["not committed", "committed"])


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Lanes:
    monkeypatch.setattr(database_module, "AGAIN_AFTER", 0.0)
    return lanes_on(gateway, clock, {"main": MemoryErp()})


@contextmanager
def gone_at(database: Database, which: int, *, committed: bool) -> Iterator[None]:
    """Twice, from the `which`th COMMIT on, the connection is lost before its answer."""
    groups = SqliteGroups if database.sqlite else PostgresGroups
    really: Callable[[object], None] = groups.commit_group
    commits = iter(range(1, 1_000))

    def commit(self: object) -> None:
        lost = next(commits) in (which, which + 1)
        if committed or not lost:
            really(self)
        if lost:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "commit_group", commit)
        yield


def attempts(lanes: Lanes) -> list[tuple[str, str | None, bool]]:
    with lanes.gateway.database.read() as session:
        return [(row.act, row.outcome, row.late) for row in session.exec(select(AttemptRow))]


@EITHER_WAY
@pytest.mark.parametrize("which", [1, 2], ids=["when the order is taken up", "when the answer is written down"])
def test_an_order_is_delivered_once_and_at_once(which: int, committed: bool, lanes: Lanes) -> None:
    erp = lanes.erps["main"]
    assert isinstance(erp, MemoryErp)
    customer = lanes.customer()
    order_ids = [lanes.approved(customer, f"PO-{n}") for n in range(2)]
    (lane,) = lanes.lanes()
    with gone_at(lanes.gateway.database, which, committed=committed):
        lane_job.run(lanes.gateway, lane)
    assert erp.numbers == ["PO-0", "PO-1"]
    assert erp.looked == 0
    assert [lanes.delivery(order_id).state for order_id in order_ids] == [State.ACCEPTED] * 2
    assert attempts(lanes) == [("submit", "accepted", False)] * 2


@EITHER_WAY
@pytest.mark.parametrize("which", [1, 2], ids=["when it is taken up", "when its end is written down"])
def test_an_answer_is_posted_once(which: int, committed: bool, lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    posts: list[str] = []

    def post(_gateway: Gateway, post: send_reply.Post) -> Silence:
        posts.append(post.dispatch_id)
        return Silence("nobody there")

    monkeypatch.setattr(dispatch_job, "_post", post)
    order_id = lanes.approved(lanes.customer(), promised=True)

    def owe(tx: Session) -> str:
        order = tx.get_one(OrderRow, order_id)
        partner = tx.get_one(PartnerRow, order.partner_id)
        partner.settings = {"cxml": {"reply_url": "https://buyer.example/cxml"}}
        reply.owe_status(tx, lanes.gateway, order, 200, "OK", None)
        tx.flush()
        return tx.exec(select(DispatchRow.id)).one()

    owed = lanes.gateway.database.write(owe)
    with gone_at(lanes.gateway.database, which, committed=committed):
        dispatch_job.run(lanes.gateway, DispatchId(realm="live", dispatch_id=owed))
    assert posts == [owed]
    assert attempts(lanes) == [("post", "put_off", False)]


def test_a_row_that_somebody_else_took_is_not_gone_on_with(lanes: Lanes) -> None:
    lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    gateway = lanes.gateway

    def taken_over(tx: Session) -> Step | None:
        step = take_delivery.prepare(tx, gateway, [lane])[lane]
        row = lanes.deliveries()[0]
        held = tx.get_one(type(row), row.sequence)
        held.claim = "another"
        tx.flush()
        return take_delivery.resumed(tx, gateway, step)

    assert gateway.database.write(taken_over) is None


def test_a_process_that_ends_while_the_database_is_gone_does_not_wait_for_it(lanes: Lanes) -> None:
    database, waits = lanes.gateway.database, threading.Event()
    ended: list[type[BaseException]] = []

    def work(_tx: Session) -> None:
        waits.set()

    def insist() -> None:
        try:
            database.insist(work)
        except Ended as error:
            ended.append(type(error))

    with pytest.MonkeyPatch.context() as patch:

        def refuse(_self: object) -> None:
            raise psycopg.OperationalError("gone")

        patch.setattr(SqliteGroups if database.sqlite else PostgresGroups, "commit_group", refuse)
        thread = threading.Thread(target=insist)
        thread.start()
        assert waits.wait(10)
        database.writer.stop()
        thread.join(10)
        assert ended == [Ended]
    database.start()
