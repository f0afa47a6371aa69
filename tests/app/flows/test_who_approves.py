"""Whatever the order of events, no order is approved by other people than its rules say: the rows are checked against a
count that the test keeps by itself."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from approval_orders import line, money, order
from conftest import AT, RecordedWork
from databases import Templates
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from order_desk import Desk, set_up
from sqlmodel import col, select

from app.approval.steps import State
from app.clock import SetClock
from app.errors import Refusal
from app.flows import edit_while_asked
from app.flows.cases import Choice
from app.flows.decide_approval import DecidedAlready
from app.flows.order_edits import CannotEdit
from app.gateway import Gateway
from app.seal import KeyRing
from app.settings import Settings
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import first_broken
from app.storage.database import Database
from app.storage.orders import OrderState
from app.storage.people import PersonRow
from schemas.order import Order, OrderTotals

APPROVERS = ("ann", "bob", "cid", "desk")
RULES: dict[str, Any] = {
    "send_back": {},
    "stages": [
        {
            "steps": [
                {
                    "key": "two",
                    "name": "Two",
                    "approver": {"role": "approver"},
                    "quorum": 2,
                    "reject": "unreachable",
                    "may_edit": ["quantity"],
                }
            ]
        },
        {
            "steps": [
                {
                    "key": "boss",
                    "name": "Boss",
                    "approver": {"user": "boss"},
                    "condition": {"field": "order.total_net", "op": ">", "value": "1000.00", "currency": "EUR"},
                }
            ]
        },
    ],
}
QUANTITIES = st.sampled_from([10, 60, 101, 200])
PRICES = st.sampled_from(["9.95", "9.95", "9.96"])


def ordered(quantity: int, price: str) -> Order:
    total = OrderTotals(total=money(str(quantity * money(price).amount)))
    return order(line(quantity=str(quantity), price=price), totals=total, contacts=())


@contextmanager
def desk_of_its_own(template: Templates) -> Iterator[Desk]:
    with TemporaryDirectory() as folder, template.migrated_url("sqlite", Path(folder)) as url:
        database = Database(url, pool=2)
        database.start()
        settings_ = Settings(data=Path(folder), database_url=url, base_url="https://crossdock.example")
        gateway = Gateway(
            settings=settings_,
            clock=SetClock(AT),
            database=database,
            engine=RecordedWork(),
            keys=KeyRing.made("test"),
            erps={},
        )
        try:
            yield set_up(gateway)
        finally:
            database.stop()


TEMPLATE: list[Templates] = []


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    made = Templates(tmp_path_factory.mktemp("who-approves"))
    TEMPLATE.append(made)
    yield
    TEMPLATE.clear()
    made.close()


class Office(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.opened = desk_of_its_own(TEMPLATE[0])
        self.desk = self.opened.__enter__()
        for login in APPROVERS:
            self.desk.person(login, "approver", *(("operator",) if login == "desk" else ()))
        self.desk.person("boss", "approver")
        self.desk.rules(RULES)
        self.version = 1
        self.quantity = 0
        self.yes: dict[str, set[str]] = {}

    def teardown(self) -> None:
        with self.desk.gateway.database.read() as session:
            assert first_broken(session) is None
        self.opened.__exit__(None, None, None)

    @initialize(quantity=QUANTITIES, price=PRICES)
    def buyer_sends(self, quantity: int, price: str) -> None:
        self.desk.send(ordered(quantity, price), version=self.version)
        self.quantity = quantity

    @rule(quantity=QUANTITIES, price=PRICES)
    def buyer_changes(self, quantity: int, price: str) -> None:
        self.version += 1
        try:
            self.desk.update(ordered(quantity, price), version=self.version)
        except Refusal:
            return
        self.quantity = quantity

    @precondition(lambda self: self.version > 2)
    @rule()
    def buyer_cancels(self) -> None:
        self.desk.cancel()

    @precondition(lambda self: self.desk.order().state == OrderState.HELD)
    @rule(login=st.sampled_from(["desk", "ann"]))
    def desk_settles(self, login: str) -> None:
        choices = {"price.off": Choice.ACCEPT_PRICE}
        case = self.desk.cases()[0]
        choice = choices.get(case.code, Choice.CHECK_AGAIN)
        with suppress(Refusal):
            self.desk.settle(login, (0, choice, "", "agreed"))

    @rule(
        login=st.sampled_from([*APPROVERS, "boss"]),
        of=st.sampled_from([*APPROVERS, "boss"]),
        own=st.booleans(),
        approve=st.sampled_from([True, True, True, False]),
        old=st.booleans(),
    )
    def somebody_decides(self, login: str, of: str, own: bool, approve: bool, old: bool) -> None:
        tasks = self.tasks_of(login if own else of)
        if tasks:
            self.decide(login, tasks[0] if old else tasks[-1], approve=approve)

    @precondition(lambda self: self.desk.order().state == OrderState.AWAITING_APPROVAL)
    @rule(how_many=st.integers(1, 3))
    def those_who_are_asked_approve(self, how_many: int) -> None:
        for _ in range(how_many):
            asked = [(login, t) for login in self.desk.people for t in self.tasks_of(login) if t.state == "open"]
            if asked:
                self.decide(*asked[0], approve=True)

    @precondition(lambda self: self.desk.order().state == OrderState.AWAITING_APPROVAL)
    @rule(login=st.sampled_from([*APPROVERS, "boss"]), really=st.integers(0, 4))
    def somebody_sends_back(self, login: str, really: int) -> None:
        if really == 0 and self.tasks_of(login):
            with suppress(Refusal, DecidedAlready):
                self.desk.send_back(login)
                assert self.desk.order().state == OrderState.SENT_BACK

    @precondition(lambda self: self.desk.order().state == OrderState.AWAITING_APPROVAL)
    @rule(login=st.sampled_from(APPROVERS), quantity=QUANTITIES)
    def somebody_changes_the_order(self, login: str, quantity: int) -> None:
        tasks = self.tasks_of(login)
        if not tasks:
            return
        person, given, seen = self.desk.people[login], {"lines.1.quantity": str(quantity)}, self.desk.run().order_hash
        with suppress(Refusal, DecidedAlready, CannotEdit):
            self.desk.write(
                lambda tx: edit_while_asked.edit(tx, self.desk.gateway, person, tasks[-1].id, given, seen, "page")
            )
            self.quantity = quantity
            self.yes.get(self.desk.run().id, set()).discard(login)
            assert person.id in self.desk.run().excluded

    def decide(self, login: str, task: RunTaskRow, *, approve: bool) -> None:
        with suppress(Refusal, DecidedAlready):
            self.desk.decide(login, approve=approve, task=task.id)
            if approve:
                self.yes.setdefault(task.run_id, set()).add(login)

    @rule(login=st.sampled_from([*APPROVERS, "boss"]), active=st.booleans())
    def somebody_leaves_or_returns(self, login: str, active: bool) -> None:
        person = self.desk.people[login]
        self.desk.write(lambda tx: setattr(tx.get_one(PersonRow, person.id), "active", active))
        person.active = active

    @rule(late=st.timedeltas(timedelta(days=-1), timedelta(days=400)))
    def clock_jumps(self, late: timedelta) -> None:
        clock = self.desk.gateway.clock
        assert isinstance(clock, SetClock)
        clock.move(late)

    def tasks_of(self, login: str) -> list[RunTaskRow]:
        with self.desk.gateway.database.read() as session:
            query = select(RunTaskRow).where(RunTaskRow.assignee_id == self.desk.people[login].id)
            return list(session.exec(query.order_by(col(RunTaskRow.id))))

    @invariant()
    def approved_by_whom_the_rules_name(self) -> None:
        with self.desk.gateway.database.read() as session:
            runs = session.exec(select(RunRow).where(RunRow.state == State.APPROVED)).all()
        for run in runs:
            said_yes = self.yes.get(run.id, set())
            assert len(said_yes) >= 2
            assert not {self.desk.people[login].id for login in said_yes} & set(run.excluded)
            assert "boss" in said_yes or not run.opened[1]

    @invariant()
    def a_large_order_reaches_the_lane_only_past_the_boss(self) -> None:
        row = self.desk.order()
        if row.state in (OrderState.APPROVED, OrderState.FORWARDING) and self.quantity >= 101:
            assert "boss" in self.yes.get(self.desk.run().id, set())

    @invariant()
    def what_waits_in_the_lane_is_what_was_approved(self) -> None:
        row = self.desk.order()
        if row.state not in (OrderState.APPROVED, OrderState.FORWARDING, OrderState.ACCEPTED):
            assert self.desk.waiting() == []
        elif row.state == OrderState.APPROVED:
            assert [revision for _, revision in self.desk.waiting()] == [row.revision]
            assert self.desk.run().order_hash == self.desk.revision().hash

    @invariant()
    def only_an_order_that_waits_has_open_tasks(self) -> None:
        asked = any(task.state == "open" for login in (*APPROVERS, "boss") for task in self.tasks_of(login))
        assert asked == (self.desk.order().state == OrderState.AWAITING_APPROVAL)


TestOffice = Office.TestCase
TestOffice.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
