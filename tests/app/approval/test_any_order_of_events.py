"""No order of events approves an order with fewer or other people than its steps say."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.approval.flow import OnSilence, OnTimeout, Rejects
from app.approval.moves import (
    Approved,
    Delegated,
    Due,
    Edited,
    Event,
    Forwarded,
    Left,
    Overridden,
    Refused,
    Rejected,
    RemindDue,
    Reopened,
    SentBack,
    StageOpened,
    Superseded,
    Withdrawn,
)
from app.approval.run import NotPossible, advance, begin
from app.approval.steps import OpenStep, State, Task, TaskState

AT = datetime(2026, 11, 22, tzinfo=UTC)
STAFF = ["a", "b", "c", "d", "requester"]
PEOPLE = st.sampled_from(STAFF)
RARELY = st.integers(0, 9).map(lambda number: number == 9)


def has_tasks(machine: "Approval") -> bool:
    return any(True for _ in machine.run.tasks)


class Approval(RuleBasedStateMachine):
    """Any order of events, by anybody, on any stages, with clocks that jump. The model writes down by itself which yes
    was taken, of whom, and on which content of the order."""

    @initialize(
        stages=st.integers(1, 3),
        hold=st.booleans(),
        merge=st.booleans(),
        back=st.none() | st.sampled_from(OnSilence),
    )
    def start(self, stages: int, hold: bool, merge: bool, back: OnSilence | None) -> None:
        self.run, self.effects = begin(
            stages,
            order_hash="0",
            excluded=frozenset({"requester"}),
            hold_when_nobody_is_asked=hold,
            merge_consecutive=merge,
            on_silence=back,
        )
        self.first, self.hold, self.merge = self.run, hold, merge
        self.at = AT
        self.log: list[tuple[Event, datetime]] = []
        self.barred = {"requester"}
        self.yes: set[tuple[str, str, str]] = set()
        self.needed: dict[str, int] = {}
        self.overridden = False
        self.made = 0
        self.edits = 0

    def tell(self, event: Event) -> bool:
        before = self.run
        try:
            self.run, self.effects = advance(self.run, event, self.at)
        except NotPossible:
            assert self.run == before
            return False
        self.log.append((event, self.at))
        return True

    @property
    def waits_for_a_stage(self) -> bool:
        return self.run.state is State.OPEN and len(self.run.opened) == self.run.stage

    @precondition(lambda self: self.waits_for_a_stage)
    @rule(sizes=st.lists(st.integers(1, 3), max_size=2), hostile=RARELY, data=st.data())
    def open_stage(self, sizes: list[int], hostile: bool, data: st.DataObject) -> None:
        """Mostly with people who count; now and then with anybody, and with nobody."""
        allowed = STAFF if hostile else sorted(set(STAFF) - self.barred)
        steps = []
        for size in sizes:
            self.made += 1
            key = f"{self.made}"
            names = data.draw(st.permutations(allowed))[: 0 if hostile and size == 3 else size]
            due = self.at + timedelta(hours=data.draw(st.integers(1, 48)))
            steps.append(
                OpenStep(
                    key=key,
                    quorum=data.draw(st.integers(1, max(1, len(names)))),
                    rejects=data.draw(st.sampled_from(Rejects)),
                    tasks=tuple(Task(f"{key}-{name}", name, due_at=due, remind_at=due) for name in names),
                    on_timeout=data.draw(st.sampled_from(OnTimeout)),
                    escalate_to=tuple(data.draw(st.lists(PEOPLE, max_size=2))),
                )
            )
        if self.tell(StageOpened(tuple(steps))):
            self.needed |= {step.key: step.quorum for step in steps}

    @precondition(lambda self: not self.waits_for_a_stage)
    @rule()
    def open_a_stage_out_of_turn(self) -> None:
        assert not self.tell(StageOpened(()))

    def a_task(self, data: st.DataObject) -> Task:
        """Mostly an open one."""
        tasks = list(self.run.tasks)
        waiting = [task for task in tasks if task.state is TaskState.OPEN]
        return data.draw(st.sampled_from(tasks if not waiting or data.draw(RARELY) else waiting))

    @precondition(has_tasks)
    @rule(by=PEOPLE, other=RARELY, no=RARELY, stale=RARELY, data=st.data())
    def decide(self, by: str, other: bool, no: bool, stale: bool, data: st.DataObject) -> None:
        task, yes = self.a_task(data), not no
        by = by if other else data.draw(st.sampled_from([task.assignee, task.delegate or task.assignee]))
        of = "stale" if stale else self.run.order_hash
        if self.tell((Approved if yes else Rejected)(task.id, by, of)):
            assert not stale
            assert by not in self.barred
            assert by in (task.assignee, task.delegate)
            if yes:
                self.yes.add((task.id, by, of))

    @precondition(has_tasks)
    @rule(other=RARELY, stale=RARELY, really=RARELY, data=st.data())
    def send_back(self, other: bool, stale: bool, really: bool, data: st.DataObject) -> None:
        if not really:
            return
        task = self.a_task(data)
        by = data.draw(PEOPLE) if other else task.assignee
        due_at = data.draw(st.none() | st.just(self.at + timedelta(hours=1)))
        if self.tell(SentBack(task.id, by, "stale" if stale else self.run.order_hash, due_at)):
            assert self.run.on_silence is not None
            assert not stale
            assert by not in self.barred
            assert self.run.state is State.SENT_BACK

    @precondition(has_tasks)
    @rule(to=PEOPLE, other=RARELY, hand_on=st.booleans(), data=st.data())
    def pass_on(self, to: str, other: bool, hand_on: bool, data: st.DataObject) -> None:
        task = self.a_task(data)
        by = to if other else task.assignee
        self.tell(Forwarded(task.id, by, to) if hand_on else Delegated(task.id, to))

    @precondition(has_tasks)
    @rule(data=st.data(), late=st.timedeltas(timedelta(days=-2), timedelta(days=20)))
    def timers_go_off(self, data: st.DataObject, late: timedelta) -> None:
        task = self.a_task(data)
        self.at += late
        self.tell(RemindDue(task.id))
        self.tell(Due(task.id))

    @precondition(has_tasks)
    @rule(by=st.none() | PEOPLE)
    def edit(self, by: str | None) -> None:
        self.edits += 1
        if self.tell(Edited(by, f"{self.edits}")) and by is not None:
            self.barred.add(by)

    @precondition(has_tasks)
    @rule(person=PEOPLE)
    def leave(self, person: str) -> None:
        self.tell(Left(person))

    @precondition(has_tasks)
    @rule(
        event=st.sampled_from([Superseded(), Withdrawn(), Overridden(approve=False, by="root"), Refused("root")]),
        really=RARELY,
    )
    def stop(self, event: Event, really: bool) -> None:
        if really:
            self.tell(event)

    @precondition(lambda self: not self.waits_for_a_stage)
    @rule()
    def reopen(self) -> None:
        self.tell(Reopened())

    @precondition(has_tasks)
    @rule(by=st.sampled_from(["root", "requester"]), really=RARELY)
    def override(self, by: str, really: bool) -> None:
        if really and self.tell(Overridden(approve=True, by=by)):
            assert by == "root"
            self.overridden = True

    @precondition(has_tasks)
    @rule()
    def last_event_again(self) -> None:
        if self.log and not isinstance(self.log[-1][0], StageOpened | Reopened):
            again = self.log[-1][0]
            before = self.run
            if self.tell(again) and isinstance(again, Approved | Rejected | SentBack | Forwarded | Due | RemindDue):
                assert self.run == before

    @invariant()
    def a_yes_is_one_that_was_given(self) -> None:
        if not hasattr(self, "run"):
            return
        given = {(by, of) for _, by, of in self.yes}
        for step in self.run.steps:
            deciders = []
            for task in step.tasks:
                if task.state is TaskState.APPROVED:
                    assert (task.decided_by, task.order_hash) in given
                    assert task.decided_by not in self.barred
                    assert task.merged is False or self.merge
                    deciders.append(task.decided_by)
            assert len(deciders) == len(set(deciders))

    @invariant()
    def approved_only_by_whom_it_says(self) -> None:
        if not hasattr(self, "run") or self.run.state is not State.APPROVED or self.overridden:
            return
        assert len(self.run.opened) == self.run.stages
        assert any(self.run.opened) or not self.hold
        for step in self.run.steps:
            assert step.quorum == self.needed[step.key]
            assert sum(task.state is TaskState.APPROVED for task in step.tasks) >= step.quorum

    @invariant()
    def no_task_outlives_its_run_and_no_open_run_is_stuck(self) -> None:
        if not hasattr(self, "run"):
            return
        open_tasks = [task for task in self.run.tasks if task.state is TaskState.OPEN]
        if self.run.state is State.OPEN:
            assert open_tasks or self.waits_for_a_stage
            assert all(step.reachable for step in self.run.steps)
        else:
            assert not open_tasks

    def teardown(self) -> None:
        if hasattr(self, "first"):
            replayed = self.first
            for event, at in self.log:
                replayed, _ = advance(replayed, event, at)
            assert replayed == self.run


TestApproval = Approval.TestCase
TestApproval.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
