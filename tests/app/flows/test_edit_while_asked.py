"""An approver changes the order that they are asked about, within what the rules of their step allow."""

import threading
from collections.abc import Mapping
from dataclasses import replace as with_other
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from approval_rules import APPROVERS, stages, step, user
from order_desk import Desk, set_up
from sqlmodel import col, select

from app.errors import No, Refusal
from app.flows import edit_while_asked, order_outcome
from app.flows.cases import Choice
from app.flows.decide_approval import DecidedAlready
from app.flows.order_edits import CannotEdit
from app.gateway import Gateway
from app.storage import orders
from app.storage.approval_notices import NoticeKind, NoticeRow
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import AuditRow, first_broken
from app.storage.customers import CustomerAddressRow
from app.storage.database import Database
from app.storage.dispatches import DispatchRow
from app.storage.orders import OrderState
from app.storage.partners import PartnerRow
from protocols.cxml import confirmation
from schemas.base import from_json
from schemas.order import Comment, Order, OrderTotals
from schemas.order_reply import Answer, OrderReply, StatusUpdate

ALL = ["quantity", "requested_date", "ship_to", "bill_to", "cost_center", "comment"]


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "bob", "boss"):
        made.person(login, "approver")
    made.person("clerk", "operator")
    made.rules(rules())
    return made


def rules(**more: Any) -> dict[str, Any]:
    return stages([step("lead", APPROVERS, may_edit=ALL)], [user("boss")], tolerance={"percent": "5"}, **more)


def ordered(quantity: str = "100", **more: Any) -> Order:
    total = OrderTotals(total=money(f"{int(quantity) * 995 / 100:.2f}"))
    return order(line(quantity=quantity, requested_delivery=date(2030, 5, 6)), **{"totals": total, **more})


def edit(desk: Desk, login: str, order_hash: str | None = None, **given: str) -> None:
    """`line_1_quantity` stands for the box `lines.1.quantity`."""
    named = {name.replace("line_1_", "lines.1."): value for name, value in given.items()}
    send(desk, login, named, order_hash)


def send(desk: Desk, login: str, given: Mapping[str, str], order_hash: str | None = None) -> None:
    person, task_id, seen = desk.people[login], desk.task(login).id, order_hash or desk.run().order_hash
    desk.write(lambda tx: edit_while_asked.edit(tx, desk.gateway, person, task_id, given, seen, "page"))


def faults(desk: Desk, login: str = "ann", **given: str) -> list[tuple[str, str]]:
    before = desk.order().revision
    with pytest.raises(CannotEdit) as cannot:
        edit(desk, login, **given)
    assert desk.order().revision == before
    return [(fault.at, fault.code) for fault in cannot.value.faults]


def runs_of(desk: Desk) -> list[str]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(RunRow.state).order_by(col(RunRow.id))))


def notices(desk: Desk, kind: NoticeKind) -> list[str]:
    logins = {person.id: login for login, person in desk.people.items()}
    with desk.gateway.database.read() as session:
        query = select(NoticeRow.person_id).where(NoticeRow.kind == kind)
        return sorted(logins[person_id] for person_id in session.exec(query))


def test_a_smaller_quantity_is_carried_over_and_its_editor_decides_no_more(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    edit(desk, "ann", line_1_quantity="90")
    now = desk.revision().order()
    assert (now.lines[0].quantity.amount, now.totals and now.totals.total) == (Decimal(90), money("895.50"))
    assert (runs_of(desk), sorted(desk.asked())) == (["open"], ["bob", "boss"])
    assert desk.run().order_hash == desk.revision().hash
    assert notices(desk, NoticeKind.CHANGED) == ["bob", "boss"]
    with pytest.raises(DecidedAlready):
        desk.decide("ann", approve=True)
    desk.decide("bob", approve=True)
    desk.decide("boss", approve=True)
    assert (desk.order().state, desk.waiting()) == (OrderState.APPROVED, [("create", 2)])


def test_more_than_the_tolerance_begins_a_new_round_without_the_editor_and_with_the_differences(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    edit(desk, "ann", line_1_quantity="106")
    assert runs_of(desk) == ["superseded", "open"]
    assert sorted(desk.asked()) == ["bob", "boss"]
    assert desk.people["ann"].id in desk.run().excluded
    assert {"at": "quantity", "line": 1, "before": "100", "after": "106"} in desk.run().explanation["differences"]


def tasks_of(desk: Desk, login: str) -> dict[str, RunTaskRow]:
    """By step."""
    with desk.gateway.database.read() as session:
        query = select(RunTaskRow).where(RunTaskRow.assignee_id == desk.people[login].id)
        return {task.step: task for task in session.exec(query)}


def test_an_earlier_yes_of_the_editor_falls(desk: Desk) -> None:
    desk.rules(stages([step("one", APPROVERS, may_edit=ALL), step("two", APPROVERS, quorum=2)]))
    desk.send(ordered())
    desk.decide("ann", approve=True, task=tasks_of(desk, "ann")["two"].id)
    ann, task, seen = desk.people["ann"], tasks_of(desk, "ann")["one"].id, desk.run().order_hash
    given = {"lines.1.quantity": "90"}
    desk.write(lambda tx: edit_while_asked.edit(tx, desk.gateway, ann, task, given, seen, "page"))
    assert {task.state for task in tasks_of(desk, "ann").values()} == {"cancelled"}
    for login in ("bob", "boss"):
        assert desk.order().state == OrderState.AWAITING_APPROVAL
        desk.decide(login, approve=True, task=tasks_of(desk, login)["two"].id)
    desk.decide("bob", approve=True, task=tasks_of(desk, "bob")["one"].id)
    assert desk.order().state == OrderState.APPROVED


def test_an_editor_without_whom_too_few_are_left_brings_the_order_to_the_desk(desk: Desk) -> None:
    desk.rules(stages([user("ann", may_edit=["quantity"])]))
    desk.send(ordered())
    edit(desk, "ann", line_1_quantity="90")
    assert (desk.order().state, desk.codes()) == (OrderState.HELD, [("approval.nobody", None)])


def test_the_record_says_who_changed_what_from_what_to_what(desk: Desk) -> None:
    desk.send(ordered())
    edit(desk, "ann", line_1_quantity="90", comment="by the back door")
    with desk.gateway.database.read() as session:
        entry = session.exec(select(AuditRow).where(AuditRow.event == "order_edited")).one()
        assert first_broken(session) is None
    assert (entry.actor, entry.channel) == (f"person:{desk.people['ann'].id}", "page")
    changed = {one["at"]: (one["before"], one["after"]) for one in entry.data["changes"]}
    assert changed["lines[1].quantity.amount"] == ("100", "90")
    assert "comments" in changed


def test_each_field_goes_into_the_order(desk: Desk) -> None:
    def known(tx: Any) -> None:
        address = {"id": "0002", "street": ["Kai 2"], "postal_code": "20457", "country": "DE"}
        tx.add(
            CustomerAddressRow(realm="live", customer_id=desk.customer.id, code="0002", name="Hamburg", address=address)
        )

    desk.write(known)
    desk.send(ordered(comments=(Comment(text="urgent"),)))
    send(
        desk,
        "ann",
        {
            "lines.1.requested_date": "2030-06-01",
            "lines.1.cost_center": "4711",
            "ship_to": "0002",
            "bill_to": "0001",
            "comment": "by the back door",
        },
    )
    now = desk.revision().order()
    assert now.lines[0].requested_delivery == date(2030, 6, 1)
    assert [(part.name, part.id) for split in now.lines[0].splits for part in split.segments] == [
        ("CostCenter", "4711")
    ]
    assert (now.ship_to and now.ship_to.postal_code, now.bill_to and now.bill_to.id) == ("20457", "0001")
    assert [comment.text for comment in now.comments] == ["urgent", "by the back door"]
    assert runs_of(desk) == ["superseded", "open"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"line_1_quantity": "0"}, [("lines.1.quantity", "edit.no_quantity")]),
        ({"line_1_quantity": "1e3"}, [("lines.1.quantity", "edit.no_quantity")]),
        ({"line_1_quantity": "10,5"}, [("lines.1.quantity", "edit.no_quantity")]),
        ({"line_1_quantity": "10.5"}, [("lines.1.quantity", f"quantity.{why}") for why in ("not_whole", "off_step")]),
        ({"line_1_requested_date": "2020-01-01"}, [("lines.1.requested_date", "edit.past")]),
        ({"line_1_requested_date": "tomorrow"}, [("lines.1.requested_date", "edit.no_date")]),
        ({"ship_to": "9999"}, [("ship_to", "edit.no_place")]),
        ({"line_1_cost_center": "x" * 101}, [("lines.1.cost_center", "edit.no_code")]),
        ({"comment": "x" * 1001}, [("comment", "edit.too_long")]),
        ({}, [("", "edit.nothing")]),
        ({"line_1_price": "1"}, [("", "edit.nothing")]),
    ],
)
def test_what_cannot_be_is_told_beside_its_box(
    desk: Desk, typed: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    desk.send(ordered())
    assert faults(desk, **typed) == expected


def test_all_faults_are_told_at_once(desk: Desk) -> None:
    desk.send(ordered())
    found = faults(desk, line_1_quantity="-1", line_1_requested_date="x", ship_to="x", comment="x" * 1001)
    assert len(found) == 4
    assert runs_of(desk) == ["open"]


def test_only_what_the_step_allows_is_changed(desk: Desk) -> None:
    desk.rules(stages([step("lead", APPROVERS, may_edit=["comment"])]))
    desk.send(ordered())
    edit(desk, "ann", line_1_quantity="90", comment="by the back door")
    assert desk.revision().order().lines[0].quantity.amount == 100
    desk.rules(stages([step("lead", APPROVERS)]))
    desk.send(ordered(id="PO-2"))
    ann, task, seen = desk.people["ann"], desk.task("ann", "PO-2").id, desk.run("PO-2").order_hash
    with pytest.raises(Refusal, match="do not let approvers change") as refused:
        desk.write(lambda tx: edit_while_asked.edit(tx, desk.gateway, ann, task, {"comment": "x"}, seen, "page"))
    assert refused.value.no is No.FORBIDDEN


def test_a_comment_asks_nobody_again_but_bars_its_writer(desk: Desk) -> None:
    desk.send(ordered())
    edit(desk, "ann", comment="by the back door")
    assert (runs_of(desk), sorted(desk.asked())) == (["open"], ["bob", "boss"])


def test_what_was_settled_at_the_desk_stays_settled(desk: Desk) -> None:
    desk.send(order(line(quantity="100", price="9.90"), totals=OrderTotals(total=money("990.00"))))
    desk.settle("clerk", (0, Choice.ACCEPT_PRICE, "", "agreed by telephone"))
    edit(desk, "ann", comment="by the back door")
    assert (desk.order().state, desk.codes()) == (OrderState.AWAITING_APPROVAL, [])


def test_a_page_that_is_behind_changes_nothing(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    before = desk.run().order_hash
    desk.update(ordered("101"), version=2)
    with pytest.raises(Refusal, match="look at it again") as refused:
        edit(desk, "ann", order_hash=before, line_1_quantity="90")
    assert (refused.value.no, desk.revision().number) == (No.CONFLICT, 2)


def test_what_was_decided_is_not_changed_any_more(desk: Desk) -> None:
    desk.send(ordered())
    desk.decide("ann", approve=True)
    with pytest.raises(DecidedAlready):
        edit(desk, "bob", line_1_quantity="90")


def test_of_two_servers_that_change_at_once_one_is_told(desk: Desk) -> None:
    database = Database(desk.gateway.settings.url_of_database, pool=4)
    database.start()
    there = with_other(desk, gateway=with_other(desk.gateway, database=database))
    desk.send(ordered())
    seen, together, outcomes = desk.run().order_hash, threading.Barrier(2), list[str]()

    def press(where: Desk, login: str, quantity: str) -> None:
        together.wait(20)
        try:
            edit(where, login, order_hash=seen, line_1_quantity=quantity)
            outcomes.append("changed")
        except Refusal as refusal:
            outcomes.append(refusal.no)

    threads = [threading.Thread(target=press, args=who) for who in ((desk, "ann", "90"), (there, "bob", "80"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    database.stop()
    assert sorted(outcomes) == ["changed", No.CONFLICT]
    assert desk.revision().number == 2


# What the buyer hears


def test_the_buyers_document_again_is_no_conflict_after_an_edit(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    edit(desk, "ann", line_1_quantity="90")
    desk.update(ordered(), version=1)
    assert (desk.revision().number, runs_of(desk)) == (2, ["open"])


def test_the_buyers_next_change_replaces_the_edit_and_is_asked_about(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    edit(desk, "ann", line_1_quantity="80")
    desk.decide("bob", approve=True)
    desk.update(ordered(), version=2)
    assert desk.revision().order().lines[0].quantity.amount == 100
    assert "ann" not in desk.asked()
    assert desk.order().state == OrderState.AWAITING_APPROVAL


def delivered(desk: Desk) -> tuple[StatusUpdate, OrderReply]:
    def accept(tx: Any) -> None:
        row = orders.locked(tx, "live", desk.order().id)
        assert row is not None
        order_outcome.accepted(tx, desk.gateway, row, None, desk.gateway.clock.now())

    desk.decide("bob", approve=True)
    desk.decide("boss", approve=True)
    desk.write(accept)
    with desk.gateway.database.read() as session:
        status, reply = session.exec(select(DispatchRow).order_by(col(DispatchRow.sequence)))
    return from_json(status.document, StatusUpdate), from_json(reply.document, OrderReply)


def test_the_confirmation_lists_what_was_changed(desk: Desk) -> None:
    def confirms(tx: Any) -> None:
        tx.get_one(PartnerRow, desk.partner.id).settings = {"cxml": {"confirmations": True}}

    desk.write(confirms)
    desk.send(ordered())
    edit(desk, "ann", line_1_quantity="90", line_1_requested_date="2030-06-01", line_1_cost_center="4711")
    status, reply = delivered(desk)
    assert (status.code, "line 1: quantity 90 instead of 100" in (status.reason or "")) == (200, True)
    assert confirmation.check(reply) == ()
    assert (reply.answer, reply.comments[0]) == (Answer.EXCEPT, "line 1: accounts CostCenter, 4711 instead of none")
    (answered,) = reply.lines
    assert [(part.status, part.quantity.amount, part.delivery_date) for part in answered.parts] == [
        ("detail", Decimal(90), date(2030, 6, 1)),
        ("reject", Decimal(10), None),
    ]
