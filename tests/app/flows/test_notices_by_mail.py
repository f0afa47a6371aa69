"""Every notice about an approval is one mail: what it says, whom it reaches, and by what link."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from approval_orders import line, money, order
from approval_rules import stages, user
from conftest import AT
from mail_desk import Outbox, with_mail
from mail_server import mail_server
from order_desk import Desk, set_up
from sqlmodel import select

from app.alarms import ALARMS
from app.clock import SetClock
from app.errors import No, Refusal
from app.flows import keep_profile, move_task, send_mail, stand_in
from app.gateway import Gateway
from app.jobs import timers
from app.storage import approval_links
from app.storage.approval_notices import NoticeRow
from app.storage.audit import AuditRow
from app.storage.customers import CustomerRow
from app.storage.mails import State
from app.storage.people import PersonRow
from app.work import TaskId
from schemas.order import Order, OrderTotals


@pytest.fixture
def outbox(gateway: Gateway) -> Iterator[Outbox]:
    with mail_server() as box:
        yield Outbox(with_mail(gateway, box), box)


@pytest.fixture
def desk(outbox: Outbox) -> Desk:
    made = set_up(outbox.gateway)
    for login in ("ann", "bob", "boss"):
        made.person(login, "approver", email=f"{login}@buyer.example")
    made.rules(stages([user("ann", remind_hours=2, due_hours=4, watchers=[{"user": "boss"}])], [user("bob")]))
    return made


def sent(outbox: Outbox) -> list[tuple[str, str]]:
    """Kind and receiver of every mail, oldest first."""
    return [(row.kind, row.recipient.partition("@")[0]) for row in outbox.rows()]


def text_of(outbox: Outbox, kind: str) -> str:
    """The text part of the newest mail of that kind, once all were sent; it says the same as the HTML part."""
    outbox.send_all()
    subjects = {row.kind: row.id for row in outbox.rows()}
    mail = next(mail for mail in outbox.box.mails if subjects[kind] in mail["Message-ID"])
    plain, page = (mail.get_body((form,)).get_content() for form in ("plain", "html"))  # type: ignore[union-attr]
    for told in re.findall(r"https://\S+", plain):
        assert told in page
    return f"{mail['Subject']}\n{plain}".replace("\N{NO-BREAK SPACE}", " ")


def asked(quantity: str = "10", price: str = "9.95", **changes: Any) -> Order:
    total = f"{int(quantity) * float(price):.2f}"
    return order(line(quantity=quantity, price=price), totals=OrderTotals(total=money(total)), **changes)


def ring(desk: Desk, hours: int) -> None:
    task = desk.task("ann")
    timers.ring(desk.gateway, TaskId(realm=task.realm, task_id=task.id), AT + timedelta(hours=hours))


def test_who_is_asked_may_decide_and_who_watches_is_told(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    assert sorted(sent(outbox)) == [("approval", "ann"), ("approval_watching", "boss")]
    assert "/approve/" in text_of(outbox, "approval")
    watching = text_of(outbox, "approval_watching")
    assert "You need not do anything" in watching
    assert f"/orders/{desk.order().id}" in watching
    assert "/approve/" not in watching


def test_a_reminder_says_since_when_and_until_when_and_brings_a_link_that_works(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    ring(desk, 2)
    ring(desk, 2)
    assert [kind for kind, _ in sent(outbox)].count("approval_reminded") == 1
    reminded = text_of(outbox, "approval_reminded")
    assert "Reminder: order PO-1 waits for you" in reminded
    assert "Waits since: Mar 2, 2026, 9:15:00 AM UTC" in reminded
    assert "Due until: Mar 2, 2026, 1:15:00 PM UTC" in reminded
    links = {re.findall(r"/approve/([\w-]+)", text_of(outbox, kind))[0] for kind in ("approval", "approval_reminded")}
    assert len(links) == 2


def test_what_is_overdue_is_told_and_those_it_escalates_to_hear_why(outbox: Outbox, desk: Desk) -> None:
    desk.rules(stages([user("ann", due_hours=4, on_timeout="escalate", escalate_to={"user": "boss"})]))
    desk.send()
    ring(desk, 4)
    assert ("approval_overdue", "ann") in sent(outbox)
    assert sent(outbox).count(("approval", "boss")) == 1
    assert "An order was not decided in time, so you are asked besides." in text_of(outbox, "approval")


def test_a_stand_in_hears_for_whom(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    ann, boss, begins = desk.people["ann"], desk.people["boss"], datetime(2026, 3, 2, 9)  # noqa: DTZ001 - local time
    desk.write(
        lambda tx: keep_profile.add_absence(
            tx, desk.gateway, ann, begins, begins + timedelta(days=3), boss, actor="system", channel="command"
        )
    )
    desk.write(lambda tx: stand_in.look_again(tx, desk.gateway, ann.id, AT))
    delegated = text_of(outbox, "approval_delegated")
    assert "Please decide for Ann: order PO-1" in delegated
    assert "You decide for: Ann" in delegated
    assert "/approve/" in delegated


def test_who_gets_a_task_from_a_colleague_hears_from_whom(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    ann, task, boss = desk.people["ann"], desk.task("ann").id, desk.people["boss"].id
    desk.write(lambda tx: move_task.hand_on(tx, desk.gateway, ann, task, boss, "on leave", "page"))
    assert "Ann has handed this decision on to you." in text_of(outbox, "approval")


def test_a_question_goes_out_once_and_its_answer_comes_back(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    ann, boss, task = desk.people["ann"], desk.people["boss"], desk.task("ann").id
    for _ in range(2):
        desk.write(lambda tx: move_task.ask(tx, desk.gateway, ann, task, boss.id, "Is it <needed>?", "page"))
    assert sent(outbox).count(("approval_question", "boss")) == 1
    question = text_of(outbox, "approval_question")
    assert "Ann asks about order PO-1" in question
    assert "Is it <needed>?" in question
    assert f"/approvals/{task}" in question
    desk.write(lambda tx: move_task.answer(tx, desk.gateway, boss, task, "Yes, it is.", "page"))
    answer = text_of(outbox, "approval_answer")
    assert "Boss has answered about order PO-1" in answer
    assert "Yes, it is." in answer
    assert "/approve/" in answer


def test_those_who_decided_on_what_was_before_get_the_differences_without_prices(outbox: Outbox, desk: Desk) -> None:
    desk.send(asked(), version=1)
    desk.decide("ann", approve=True)
    desk.rules(stages([user("boss")]))
    desk.update(asked("100"), version=2)
    assert {one for one in sent(outbox) if one[0] == "approval_superseded"} == {
        ("approval_superseded", "ann"),
        ("approval_superseded", "bob"),
    }
    told = text_of(outbox, "approval_superseded")
    assert "Line 1, Quantity: 10 → 100" in told
    assert "9.95" not in told
    assert "Line 1, Quantity: 10 → 100" in text_of(outbox, "approval"), "who is asked now sees it too"


def test_who_is_asked_again_is_not_told_that_they_need_not_decide(outbox: Outbox, desk: Desk) -> None:
    desk.send(asked(), version=1)
    desk.decide("ann", approve=True)
    desk.update(asked("100"), version=2)
    assert sent(outbox).count(("approval", "ann")) == 2
    assert [one for one in sent(outbox) if one[0] == "approval_superseded"] == [("approval_superseded", "bob")]


def test_a_cancelled_order_is_told_to_whom_it_concerned(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=True)
    desk.cancel(id="PO-1")
    gone = sorted(one for one in sent(outbox) if one[0] == "approval_withdrawn")
    assert gone == [("approval_withdrawn", "ann"), ("approval_withdrawn", "bob")]
    assert "No decision needed: order PO-1 was withdrawn" in text_of(outbox, "approval_withdrawn")


def test_what_was_decided_before_a_mail_left_is_not_asked_any_more(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    ring(desk, 2)
    desk.decide("ann", approve=True)
    outbox.send_all()
    states = {(row.kind, row.recipient): row.state for row in outbox.rows()}
    assert states["approval", "ann@buyer.example"] == State.NEEDLESS
    assert states["approval_reminded", "ann@buyer.example"] == State.NEEDLESS
    assert states["approval", "bob@buyer.example"] == State.SENT


def test_who_has_no_address_is_named_and_raises_one_alert(desk: Desk, clock: SetClock) -> None:
    ALARMS.take()
    desk.person("carl", "approver")
    desk.rules(stages([user("carl")]))
    desk.send()
    desk.send(id="PO-2")
    alarms = [(alarm.what, alarm.subject, alarm.count) for alarm in ALARMS.take()]
    assert alarms == [("approval.no_address", "carl", 1)]
    with desk.gateway.database.read() as session:
        rows = session.exec(select(NoticeRow).where(NoticeRow.person_id == desk.people["carl"].id)).all()
    assert {(row.kind, row.unsent, row.mail_id) for row in rows} == {("asked", "no_address", None)}


def test_without_a_mail_server_nothing_is_alarming(gateway: Gateway) -> None:
    desk = set_up(gateway)
    desk.person("ann", "approver")
    desk.rules(stages([user("ann")]))
    ALARMS.take()
    desk.send()
    with desk.gateway.database.read() as session:
        assert [row.unsent for row in session.exec(select(NoticeRow))] == ["no_server"]
    assert ALARMS.take() == []


def test_a_mail_that_was_refused_is_sent_again_to_the_right_address_with_a_link_that_works(
    outbox: Outbox, desk: Desk
) -> None:
    olga = desk.person("olga", "operator")
    outbox.box.rcpt = "550 no such user"
    desk.send()
    outbox.send_all()
    (refused,) = [row for row in outbox.rows() if row.kind == "approval"]
    assert refused.state == State.REFUSED
    outbox.box.rcpt = "250 OK"
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people["ann"].id), "email", "ann@new.example"))
    desk.write(lambda tx: send_mail.again(tx, desk.gateway, olga, refused.id, "page"))
    text = text_of(outbox, "approval")
    assert outbox.box.mails[-1]["To"] == "ann@new.example"
    token = re.findall(r"/approve/([\w-]+)", text)[0]
    with desk.gateway.database.read() as session:
        link = approval_links.by_token(session, token)
        event = session.exec(select(AuditRow).where(AuditRow.event == "mail_sent_again")).one()
    assert link is not None
    assert (event.actor, event.data["mail"]) == (f"person:{olga.id}", refused.id)
    with pytest.raises(Refusal) as again:
        desk.write(lambda tx: send_mail.again(tx, desk.gateway, olga, refused.id, "page"))
    assert again.value.no is No.CONFLICT


@pytest.mark.parametrize(("login", "roles"), [("paul", ("approver",)), ("olaf", ("auditor",))])
def test_only_operators_have_a_mail_sent_again(outbox: Outbox, desk: Desk, login: str, roles: tuple[str, ...]) -> None:
    person = desk.person(login, *roles)
    outbox.box.rcpt = "550 no such user"
    desk.send()
    outbox.send_all()
    mail_id = outbox.rows()[0].id
    with pytest.raises(Refusal):
        desk.write(lambda tx: send_mail.again(tx, desk.gateway, person, mail_id, "page"))


@pytest.mark.parametrize("language", ["en", "es", "pt", "fr", "de"])
def test_a_requester_without_an_account_is_asked_for_the_change_in_the_customers_language(
    outbox: Outbox, desk: Desk, language: str
) -> None:
    desk.rules(stages([user("ann")], send_back={}))
    desk.write(lambda tx: setattr(tx.get_one(CustomerRow, desk.customer.id), "language", language))
    desk.send()
    desk.send_back("ann", "5 will do")
    assert outbox.rows()[-1].recipient == "ana@example.com"
    said = text_of(outbox, "approval_sent_back")
    assert "5 will do" in said
    assert "Ann" in said
    assert "https://" not in said
    english = "Please change order PO-1" in said
    assert english == (language == "en")
