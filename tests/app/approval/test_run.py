"""Every cell of the table, and that no order of events approves with fewer or other people than asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from app.approval.flow import Rejects
from app.approval.run import (
    TRANSITIONS,
    Approved,
    Ended,
    Event,
    Move,
    NotPossible,
    NotTheirs,
    OpenStage,
    OpenStep,
    Overridden,
    Rejected,
    Run,
    StageOpened,
    State,
    Superseded,
    Task,
    TaskState,
    Withdrawn,
    advance,
    begin,
)

AT = datetime(2026, 11, 22, tzinfo=UTC)


def step(*people: str, quorum: int = 1, rejects: Rejects = Rejects.FIRST, key: str = "s") -> OpenStep:
    return OpenStep(key, quorum, rejects, tuple(Task(f"{key}-{person}", person) for person in people))


def opened(*steps: OpenStep, stages: int = 1) -> Run:
    run, effects = begin(stages)
    assert effects == (OpenStage(0),)
    return advance(run, StageOpened(steps), AT)[0]


EVENTS: dict[Move, tuple[Run, Event]] = {
    Move.STAGE_OPENS: (replace(begin(1)[0]), StageOpened((step("a"),))),
    Move.STEP_HAS_NOBODY: (replace(begin(1)[0]), StageOpened((step(),))),
    Move.NOBODY_WAS_ASKED: (begin(1, hold_when_nobody_is_asked=True)[0], StageOpened(())),
    Move.YES: (opened(step("a", "b", quorum=2)), Approved("s-a", "a")),
    Move.LAST_YES: (opened(step("a")), Approved("s-a", "a")),
    Move.NO: (opened(step("a", "b", rejects=Rejects.UNREACHABLE)), Rejected("s-a", "a")),
    Move.FINAL_NO: (opened(step("a", "b")), Rejected("s-a", "a")),
    Move.SUPERSEDE: (opened(step("a")), Superseded()),
    Move.WITHDRAW: (opened(step("a")), Withdrawn()),
    Move.OVERRIDE_YES: (opened(step("a")), Overridden(approve=True)),
    Move.OVERRIDE_NO: (opened(step("a")), Overridden(approve=False)),
}


@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("state", State)
def test_only_the_table_decides(state: State, move: Move) -> None:
    run, event = EVENTS[move]
    run = replace(run, state=state)
    if (state, move) not in TRANSITIONS:
        with pytest.raises(NotPossible):
            advance(run, event, AT)
        return
    after, effects = advance(run, event, AT)
    assert after.state is TRANSITIONS[state, move]
    if after.state is not State.OPEN:
        assert effects == (Ended(after.state),)
        assert all(task.state is not TaskState.OPEN for stage in after.opened for s in stage for task in s.tasks)


def test_a_later_stage_is_asked_only_when_the_earlier_one_is_closed() -> None:
    run = opened(step("a", key="x"), step("b", key="y"), stages=2)
    run, effects = advance(run, Approved("x-a", "a"), AT)
    assert effects == ()
    with pytest.raises(NotPossible):
        advance(run, StageOpened((step("c"),)), AT)
    run, effects = advance(run, Approved("y-b", "b"), AT)
    assert effects == (OpenStage(1),)
    assert run.state is State.OPEN


def test_an_empty_stage_is_skipped() -> None:
    run, effects = advance(begin(2)[0], StageOpened(()), AT)
    assert effects == (OpenStage(1),)
    run, effects = advance(run, StageOpened((step("a"),)), AT)
    assert (run.state, effects) == (State.OPEN, ())


def test_when_every_stage_is_empty_nobody_is_asked_and_the_flow_says_what_that_means() -> None:
    assert advance(begin(1)[0], StageOpened(()), AT)[1] == (Ended(State.APPROVED),)
    held = begin(1, hold_when_nobody_is_asked=True)[0]
    assert advance(held, StageOpened(()), AT)[1] == (Ended(State.HELD),)
    assert begin(0)[1] == (Ended(State.APPROVED),)


def test_a_quorum_that_nobody_can_reach_holds_the_run() -> None:
    run, _ = advance(begin(1)[0], StageOpened((step("a", "b", quorum=3),)), AT)
    assert run.state is State.HELD


def test_the_others_are_asked_no_longer_once_the_quorum_is_met() -> None:
    run = opened(step("a", "b", "c", quorum=2, key="x"), step("d", key="y"))
    run, _ = advance(run, Approved("x-a", "a"), AT)
    run, _ = advance(run, Approved("x-b", "b"), AT)
    assert run.task("x-c") == Task("x-c", "c", TaskState.SKIPPED)
    with pytest.raises(NotPossible, match="skipped"):
        advance(run, Rejected("x-c", "c"), AT)


def test_two_no_of_three_reject_when_two_yes_are_needed() -> None:
    run = opened(step("a", "b", "c", quorum=2, rejects=Rejects.UNREACHABLE))
    run, _ = advance(run, Rejected("s-a", "a"), AT)
    assert run.state is State.OPEN
    run, _ = advance(run, Rejected("s-b", "b"), AT)
    assert run.state is State.REJECTED


def test_the_last_of_a_b_a_is_asked_again() -> None:
    run = opened(step("a", key="1"), stages=3)
    run, _ = advance(run, Approved("1-a", "a"), AT)
    run, _ = advance(run, StageOpened((step("b", key="2"),)), AT)
    run, _ = advance(run, Approved("2-b", "b"), AT)
    run, _ = advance(run, StageOpened((step("a", key="3"),)), AT)
    assert run.state is State.OPEN
    assert run.task("3-a") == Task("3-a", "a")


@pytest.mark.parametrize("by", ["b", "requester"])
def test_nobody_decides_the_task_of_another(by: str) -> None:
    with pytest.raises(NotTheirs):
        advance(opened(step("a", "b")), Approved("s-a", by), AT)


def test_who_asked_for_the_goods_is_never_asked_to_approve_them() -> None:
    run, _ = begin(1, excluded=frozenset({"a"}))
    with pytest.raises(NotTheirs):
        advance(run, StageOpened((step("a"),)), AT)


def test_a_second_decision_on_a_task_is_refused() -> None:
    run, _ = advance(opened(step("a", "b", quorum=2)), Approved("s-a", "a"), AT)
    with pytest.raises(NotPossible, match="approved"):
        advance(run, Rejected("s-a", "a"), AT)


PEOPLE = st.sampled_from(["a", "b", "c", "requester", "editor"])
EXCLUDED = frozenset({"requester", "editor"})


class Approval(RuleBasedStateMachine):
    """Any order of events, by anybody, on any stages. The model counts by itself who said yes to what."""

    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.at = AT
        self.log: list[tuple[Event, datetime]] = []
        self.asked: list[list[tuple[int, list[str]]]] = []
        self.yes: set[tuple[str, str]] = set()
        self.overridden = False

    @initialize(stages=st.integers(1, 3), hold=st.booleans())
    def start(self, stages: int, hold: bool) -> None:
        self.run, self.effects = begin(stages, excluded=EXCLUDED, hold_when_nobody_is_asked=hold)
        self.first = self.run
        self.hold = hold

    def tell(self, event: Event) -> bool:
        try:
            self.run, effects = advance(self.run, event, self.at)
        except NotPossible:
            return False
        self.log.append((event, self.at))
        self.effects = effects
        return True

    @rule(target=tasks, people=st.lists(st.lists(PEOPLE, max_size=3, unique=True), max_size=2), data=st.data())
    def open_stage(self, people: list[list[str]], data: st.DataObject) -> list[str]:
        number = len(self.run.opened)
        steps = []
        for i, names in enumerate(people):
            quorum = data.draw(st.integers(1, max(1, len(names))))
            rejects = data.draw(st.sampled_from(Rejects))
            steps.append(step(*names, quorum=quorum, rejects=rejects, key=f"{number}.{i}"))
        if self.tell(StageOpened(tuple(steps))):
            self.asked.append([(s.quorum, [task.id for task in s.tasks]) for s in steps])
        return [f"{s.key}-{task.assignee}" for s in steps for task in s.tasks]

    @rule(tasks=tasks, by=PEOPLE, own=st.booleans(), yes=st.booleans(), data=st.data())
    def decide(self, tasks: list[str], by: str, own: bool, yes: bool, data: st.DataObject) -> None:
        if not tasks:
            return
        task = data.draw(st.sampled_from(tasks))
        by = task.rpartition("-")[2] if own else by
        if self.tell(Approved(task, by) if yes else Rejected(task, by)) and yes:
            self.yes.add((task, by))

    @rule(late=st.timedeltas(timedelta(days=-1), timedelta(days=400)))
    def clock_jumps(self, late: timedelta) -> None:
        self.at += late

    @rule(event=st.sampled_from([Superseded(), Withdrawn(), Overridden(approve=False)]))
    def stop(self, event: Event) -> None:
        self.tell(event)

    @rule()
    def override(self) -> None:
        self.overridden |= self.tell(Overridden(approve=True))

    @rule()
    def last_event_again(self) -> None:
        if self.log and not isinstance(self.log[-1][0], StageOpened):
            self.tell(self.log[-1][0])

    @invariant()
    def approved_only_by_whom_it_says(self) -> None:
        if not hasattr(self, "run"):
            return
        assert all(by not in EXCLUDED and task.endswith(f"-{by}") for task, by in self.yes)
        if self.run.state is State.APPROVED and not self.overridden:
            assert len(self.asked) == self.run.stages
            assert any(self.asked) or not self.hold
            given = {task for task, _ in self.yes}
            assert all(len(given & set(ids)) >= quorum for stage in self.asked for quorum, ids in stage)

    @invariant()
    def no_task_outlives_its_run(self) -> None:
        if hasattr(self, "run") and self.run.state is not State.OPEN:
            assert all(t.state is not TaskState.OPEN for stage in self.run.opened for s in stage for t in s.tasks)

    def teardown(self) -> None:
        if not hasattr(self, "first"):
            return
        replayed = self.first
        for event, at in self.log:
            replayed, _ = advance(replayed, event, at)
        assert replayed == self.run


TestApproval = Approval.TestCase
TestApproval.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
