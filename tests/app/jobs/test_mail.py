"""Mails that are owed, handed to a real mail server: what its answers decide, repeats, and workers that die."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from console import environment
from kill_points import MAIL
from mail_desk import Outbox, with_mail
from mail_server import mail_server
from sqlmodel import select

from app.bridge import schedule
from app.clock import SetClock
from app.flows import send_mail, write_mail
from app.flows.send_mail import LEASE
from app.gateway import Gateway
from app.jobs import housekeeping, sweep
from app.letters.letter import Kind
from app.storage import in_hand, mails
from app.storage.attempts import AttemptRow
from app.storage.database import Database
from app.storage.mails import MailRow, State
from app.work import SEND_MAIL

MOMENT = "2026-03-02T09:15:00+00:00"
ALERT = {
    "entries": [
        {"what": "delivery.late", "subject": "main", "count": 1, "first_at": MOMENT, "last_at": MOMENT, "facts": {}}
    ],
    "more": 0,
}


def owe(gateway: Gateway, recipient: str = "Ops@Shop.example") -> MailRow | None:
    return gateway.database.write(
        lambda tx: write_mail.write(
            tx,
            gateway,
            Kind.ALERTS,
            recipient,
            ALERT,
            realm="live",
            language="de-AT",
            correlation_id="c-1",
            request_id="r-1",
        )
    )


@pytest.fixture
def outbox(gateway: Gateway) -> Iterator[Outbox]:
    with mail_server() as box:
        outbox = Outbox(with_mail(gateway, box), box)
        owe(outbox.gateway)
        yield outbox


def test_a_mail_is_handed_over_once_and_written_down(outbox: Outbox) -> None:
    row = outbox.send()
    assert (row.state, row.attempts, row.language, row.recipient) == (State.SENT, 1, "de", "ops@shop.example")
    assert row.said is not None
    assert "4711" in row.said
    outbox.send()
    (mail,) = outbox.box.mails
    assert mail["Message-ID"] == f"<{row.id}@shop.example>"
    assert mail["X-Request-ID"] == "r-1"


def test_without_a_mail_server_nobody_is_written_to(gateway: Gateway) -> None:
    assert owe(gateway) is None


def test_what_is_no_address_is_not_written_to(outbox: Outbox) -> None:
    assert owe(outbox.gateway, "nobody") is None


def test_the_mail_exists_only_with_what_it_tells_of(outbox: Outbox) -> None:
    def work(tx: object) -> None:
        raise ZeroDivisionError

    before = len(outbox.rows())
    with pytest.raises(ZeroDivisionError):
        outbox.gateway.database.write(lambda tx: (owe_in(tx, outbox.gateway), work(tx)))
    assert len(outbox.rows()) == before


def owe_in(tx: object, gateway: Gateway) -> None:
    write_mail.write(
        tx,  # type: ignore[arg-type]
        gateway,
        Kind.ALERTS,
        "a@shop.example",
        ALERT,
        realm="live",
        language=None,
        correlation_id="c",
    )


def test_what_the_server_does_not_take_now_is_tried_later_and_later(outbox: Outbox, clock: SetClock) -> None:
    outbox.box.data = "451 try again later"
    waits = []
    for _ in schedule.MAIL:
        row = outbox.send()
        assert row.state == State.WAITING
        assert row.due_at is not None
        waits.append(row.due_at - clock.now())
        assert outbox.send().attempts == row.attempts, "not before its time"
        clock.move(row.due_at - clock.now())
    assert waits == sorted(waits)
    assert outbox.row().reason == "not taken: 451 try again later"
    outbox.box.data = "250 OK"
    assert outbox.send().state == State.SENT
    assert len(outbox.box.taken) == 1


def test_after_two_days_it_is_given_up_and_somebody_is_told(outbox: Outbox, clock: SetClock) -> None:
    outbox.box.data = "451 try again later"
    outbox.send()
    clock.move(schedule.GIVE_UP_MAIL + timedelta(hours=1))
    assert outbox.send().state == State.DEAD


def test_what_is_refused_for_good_is_not_tried_again(outbox: Outbox) -> None:
    outbox.box.rcpt = "550 no such user"
    row = outbox.send()
    assert (row.state, row.reason) == (State.REFUSED, "550 no such user")


def test_what_was_perhaps_taken_goes_once_more_and_no_third_time(outbox: Outbox, clock: SetClock) -> None:
    outbox.box.cut = True
    assert outbox.send().state == State.WAITING
    clock.move(timedelta(hours=1))
    assert outbox.send().state == State.DEAD
    first, second = outbox.box.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert outbox.box.taken[0] == outbox.box.taken[1]


def test_a_worker_that_dies_leaves_its_mail_to_the_sweep(outbox: Outbox, clock: SetClock) -> None:
    gateway = outbox.gateway
    assert gateway.database.write(lambda tx: send_mail.prepare(tx, gateway, outbox.row().id)) is not None
    gateway.engine.items.clear()  # type: ignore[attr-defined]
    assert sweep.sweep(gateway, clock.now()) == 0
    clock.move(LEASE + timedelta(seconds=1))
    assert sweep.sweep(gateway, clock.now()) == 1
    assert [item.mail_id for item in gateway.engine.arguments(SEND_MAIL)] == [outbox.row().id]  # type: ignore[attr-defined]
    row = outbox.send()
    assert (row.state, row.doubts) == (State.SENT, 1)


def test_a_worker_that_starts_again_takes_its_mail_up_at_once(outbox: Outbox) -> None:
    gateway = outbox.gateway
    gateway.database.write(lambda tx: send_mail.prepare(tx, gateway, outbox.row().id))
    assert sweep.recover(gateway) == 1
    assert outbox.send().state == State.SENT


def test_a_result_under_a_claim_that_ran_out_is_only_recorded(outbox: Outbox, clock: SetClock) -> None:
    gateway = outbox.gateway
    late = gateway.database.write(lambda tx: send_mail.prepare(tx, gateway, outbox.row().id))
    assert late is not None
    clock.move(LEASE + timedelta(seconds=1))
    assert outbox.send().state == State.SENT
    gateway.database.write(lambda tx: send_mail.settle(tx, gateway, late, send_mail.NotTaken("no", for_good=True)))
    assert outbox.row().state == State.SENT
    with gateway.database.read() as session:
        assert [row.late for row in session.exec(select(AttemptRow).order_by(AttemptRow.number))] == [True, False]


def test_a_row_that_cannot_become_a_mail_is_refused(outbox: Outbox) -> None:
    row = outbox.row()

    def spoil(tx: object) -> None:
        in_hand.by_id(tx, MailRow, row.id).data = {}  # type: ignore[arg-type, union-attr]

    outbox.gateway.database.write(spoil)
    assert outbox.send().state == State.REFUSED
    assert outbox.box.taken == []


def test_mails_go_with_the_person_and_with_the_time(outbox: Outbox, clock: SetClock) -> None:
    gateway = outbox.gateway
    gateway.database.write(lambda tx: mails.erase_of_person(tx, "ops@shop.example", clock.now()))
    row = outbox.row()
    assert (row.state, row.recipient, row.data) == (State.NEEDLESS, mails.ERASED, {})
    clock.move(timedelta(days=gateway.settings.retention_days + 1))
    housekeeping.clean(gateway, clock.now())
    assert outbox.rows() == []


SENDS = """
import sys
from datetime import datetime
from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import mail
from app.seal import KeyRing
from app.settings import Settings
from app.storage.database import Database
from app.work import MailId

url, port, mail_id, at = sys.argv[1:]
database = Database(url, pool=8)
database.start()
settings = Settings(
    database_url=url, smtp_host="127.0.0.1", smtp_port=int(port), smtp_security="none", mail_from="a@shop.example"
)
clock = SetClock(datetime.fromisoformat(at))
gateway = Gateway(settings=settings, clock=clock, database=database, engine=None, keys=KeyRing.made("t"), erps={})
mail.run(gateway, MailId(realm="live", mail_id=mail_id))
"""


@pytest.mark.parametrize("point", MAIL)
def test_a_worker_that_is_killed_costs_at_most_one_repeat(
    point: str, outbox: Outbox, database: Database, clock: SetClock, tmp_path: Path
) -> None:
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", SENDS, url, str(outbox.box.port), outbox.row().id, clock.now().isoformat()]
    killed = subprocess.run(
        command, env=environment({"CROSSDOCK_KILL_AT": point}), cwd=Path.cwd(), timeout=120, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    clock.move(LEASE + timedelta(seconds=1))
    assert sweep.sweep(outbox.gateway, clock.now()) == 1
    assert outbox.send().state == State.SENT
    assert len({mail["Message-ID"].partition("@")[0] for mail in outbox.box.mails}) == 1
    assert len(outbox.box.taken) == (2 if point == "mail.after_request" else 1)
