"""Alerts on the books and in mails: who is told, how often, and what is never told by mail."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from mail_desk import Outbox, with_mail
from mail_server import mail_server
from sqlmodel import col, select

from app.alarms import ALARMS
from app.clock import SetClock
from app.flows import tell_operators
from app.gateway import Gateway, alert
from app.jobs import sweep
from app.jobs.heartbeat import write_down_alerts
from app.storage.alerts import AlertRow
from app.storage.database import Database
from app.storage.intake_writer import Unwritten
from app.storage.people import PersonRow
from app.work import SEND_MAIL, WAKE_LANE

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _nothing_of_others() -> Iterator[None]:
    ALARMS.take()
    yield
    ALARMS.take()


@pytest.fixture
def outbox(gateway: Gateway) -> Iterator[Outbox]:
    with mail_server() as box:
        yield Outbox(with_mail(gateway, box, alert_mail=("ops@shop.example",)), box)


def round_(outbox: Outbox) -> None:
    """What the processes do every few seconds."""
    write_down_alerts(outbox.gateway)
    sweep.sweep(outbox.gateway, outbox.gateway.clock.now())
    outbox.send_all()


def entries(outbox: Outbox) -> list[list[tuple[str, str, int]]]:
    """Of each mail."""
    return [[(e["what"], e["subject"], e["count"]) for e in row.data["entries"]] for row in outbox.rows()]


def books(gateway: Gateway) -> list[AlertRow]:
    with gateway.database.read() as session:
        return list(session.exec(select(AlertRow).order_by(col(AlertRow.first_at), AlertRow.what)))


def test_an_alert_becomes_a_mail_and_stands_on_the_books(outbox: Outbox) -> None:
    alert("delivery.late", erp="main", order="PO-1", reason="secret words of somebody")
    round_(outbox)
    (mail,) = outbox.box.mails
    assert mail["To"] == "ops@shop.example"
    assert b"PO-1" in outbox.box.taken[0]
    assert b"secret words" not in outbox.box.taken[0]
    (row,) = books(outbox.gateway)
    assert (row.what, row.subject, row.count, row.mailed_at is not None) == ("delivery.late", "main", 1, True)


def test_many_at_once_are_one_mail_with_their_counts(outbox: Outbox) -> None:
    for number in range(40):
        alert("delivery.held", erp="main", order=f"PO-{number}")
    alert("reply.late", partner="p-1")
    round_(outbox)
    assert entries(outbox) == [[("delivery.held", "main", 40), ("reply.late", "p-1", 1)]]


def test_the_same_is_told_once_an_hour_with_its_count(outbox: Outbox, clock: SetClock) -> None:
    alert("delivery.held", erp="main")
    round_(outbox)
    for _ in range(11):
        clock.move(timedelta(minutes=5))
        alert("delivery.held", erp="main")
        round_(outbox)
    assert len(outbox.rows()) == 1
    clock.move(timedelta(minutes=6))
    round_(outbox)
    assert entries(outbox)[1:] == [[("delivery.held", "main", 11)]]


def test_something_else_is_told_meanwhile_but_not_at_once(outbox: Outbox, clock: SetClock) -> None:
    alert("delivery.held", erp="main")
    round_(outbox)
    alert("delivery.held", erp="other")
    round_(outbox)
    assert len(outbox.rows()) == 1
    clock.move(tell_operators.PAUSE)
    round_(outbox)
    assert entries(outbox)[1:] == [[("delivery.held", "other", 1)]]


def test_a_storm_of_kinds_names_some_and_counts_the_rest(outbox: Outbox) -> None:
    for number in range(tell_operators.NAMED + 7):
        alert("delivery.held", erp=f"erp-{number}")
    round_(outbox)
    (row,) = outbox.rows()
    assert (len(row.data["entries"]), row.data["more"]) == (tell_operators.NAMED, 7)


def test_a_mail_server_that_refuses_is_not_written_to_about_it(outbox: Outbox, clock: SetClock) -> None:
    outbox.box.rcpt = "550 no such user"
    alert("delivery.held", erp="main")
    round_(outbox)
    assert [row.state for row in outbox.rows()] == ["refused"]
    for _ in range(3):
        clock.move(HOUR)
        round_(outbox)
    assert len(outbox.rows()) == 1
    assert [row.what for row in books(outbox.gateway)] == ["delivery.held", "mail.refused"]


def test_nor_about_a_bug_in_the_work_that_sends_mails(outbox: Outbox) -> None:
    ALARMS.add("work.failed", {"kind": SEND_MAIL.name})
    ALARMS.add("work.failed", {"kind": WAKE_LANE.name})
    round_(outbox)
    assert entries(outbox) == [[("work.failed", WAKE_LANE.name, 1)]]


def test_nobody_is_written_to_where_nobody_is_named(gateway: Gateway) -> None:
    with mail_server() as box:
        outbox = Outbox(with_mail(gateway, box), box)
        alert("delivery.held", erp="main")
        round_(outbox)
        assert outbox.rows() == []
        assert len(books(gateway)) == 1


def test_who_is_known_is_told_in_their_language(outbox: Outbox) -> None:
    gateway = outbox.gateway
    person = PersonRow(
        realm="live",
        login="ops",
        name="Ops",
        email="ops@shop.example",
        language="fr",
        created_at=gateway.clock.now(),
    )
    gateway.database.write(lambda tx: tx.add(person))
    alert("delivery.held", erp="main")
    round_(outbox)
    assert [row.language for row in outbox.rows()] == ["fr"]


def test_what_cannot_be_written_down_waits(outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwritten(*_: object, **__: object) -> None:
        raise Unwritten

    alert("delivery.held", erp="main")
    with monkeypatch.context() as gone:
        gone.setattr(database, "write", unwritten)
        with pytest.raises(Unwritten):
            write_down_alerts(outbox.gateway)
    alert("delivery.held", erp="main")
    write_down_alerts(outbox.gateway)
    (row,) = books(outbox.gateway)
    assert row.count == 2
