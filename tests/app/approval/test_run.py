"""Every cell of the table, and what each event does to the tasks."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from app.approval.flow import OnSilence, OnTimeout, Rejects
from app.approval.moves import (
    Approved,
    Asked,
    Delegated,
    Due,
    Edited,
    Effect,
    Ended,
    Event,
    Forwarded,
    Informed,
    Left,
    OpenStage,
    Overdue,
    Overridden,
    Questioned,
    Refused,
    Rejected,
    Released,
    RemindDue,
    Reminded,
    Reopened,
    Sent,
    SentBack,
    StageOpened,
    Superseded,
    Withdrawn,
)
from app.approval.run import TRANSITIONS, Move, NotPossible, NotTheirs, OrderChanged, advance, begin
from app.approval.steps import OpenStep, Run, State, Task, TaskState

AT = datetime(2026, 11, 22, tzinfo=UTC)
LATER = AT + timedelta(hours=9)


def step(*people: str, quorum: int = 1, key: str = "s", due: datetime | None = None, **more: object) -> OpenStep:
    rejects = more.pop("rejects", Rejects.FIRST)
    tasks = tuple(Task(f"{key}-{person}", person, due_at=due, remind_at=due) for person in people)
    return OpenStep(key, quorum, rejects, tasks, **more)  # type: ignore[arg-type]


def opened(*steps: OpenStep, stages: int = 1, **more: object) -> Run:
    run, effects = begin(stages, **more)  # type: ignore[arg-type]
    assert effects == (OpenStage(0),)
    return told(run, StageOpened(steps))


def told(run: Run, *events: Event, at: datetime = AT) -> Run:
    for event in events:
        run, _ = advance(run, event, at)
    return run


def state(run: Run, task: str) -> TaskState:
    found = run.task(task)
    assert found is not None
    return found.state


def waiting(on_silence: OnSilence = OnSilence.NOTIFY, due: datetime | None = LATER) -> Run:
    """For the buyer: `a` has sent it back, and `b` was asked too."""
    run = told(begin(1, on_silence=on_silence)[0], StageOpened((step("a", "b", quorum=2, due=AT),)))
    return told(run, SentBack("s-a", "a", due_at=due))


EVENTS: dict[Move, tuple[Run, Event]] = {
    Move.STAGE_OPENS: (begin(1)[0], StageOpened((step("a"),))),
    Move.STEP_HAS_NOBODY: (begin(1)[0], StageOpened((step(),))),
    Move.NOBODY_WAS_ASKED: (begin(1, hold_when_nobody_is_asked=True)[0], StageOpened(())),
    Move.YES: (opened(step("a", "b", quorum=2)), Approved("s-a", "a")),
    Move.LAST_YES: (opened(step("a")), Approved("s-a", "a")),
    Move.NO: (opened(step("a", "b", rejects=Rejects.UNREACHABLE)), Rejected("s-a", "a")),
    Move.FINAL_NO: (opened(step("a", "b")), Rejected("s-a", "a")),
    Move.SEND_BACK: (
        told(begin(1, on_silence=OnSilence.NOTIFY)[0], StageOpened((step("a"),))),
        SentBack("s-a", "a"),
    ),
    Move.REFUSE: (opened(step("a")), Refused("desk")),
    Move.HAND_ON: (opened(step("a")), Forwarded("s-a", "a", "b")),
    Move.DELEGATE: (opened(step("a")), Delegated("s-a", "b")),
    Move.LEAVE: (opened(step("a", "b")), Left("a")),
    Move.ASK: (opened(step("a")), Questioned("s-a", "a", "requester", "why so many?")),
    Move.CARRY: (opened(step("a")), Edited(None, "other")),
    Move.REOPEN: (opened(step("a")), Reopened()),
    Move.SEND: (opened(step("a")), Sent()),
    Move.SUPERSEDE: (opened(step("a")), Superseded()),
    Move.WITHDRAW: (opened(step("a")), Withdrawn()),
    Move.OVERRIDE_YES: (opened(step("a")), Overridden(approve=True, by="root")),
    Move.OVERRIDE_NO: (opened(step("a")), Overridden(approve=False, by="root")),
}
TIMERS: dict[Move, tuple[Run, Event]] = {
    Move.REMIND: (opened(step("a", due=AT)), RemindDue("s-a")),
    Move.OVERDUE: (opened(step("a", due=AT)), Due("s-a")),
    Move.TIME_OUT: (opened(step("a", due=AT, on_timeout=OnTimeout.REJECT)), Due("s-a")),
}


def test_every_move_has_its_event() -> None:
    assert EVENTS.keys() | TIMERS.keys() == set(Move) - {Move.TIMER}


@pytest.mark.parametrize("move", EVENTS)
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
    if after.state is not state:
        assert effects[0] == (OpenStage(0) if move is Move.REOPEN else Ended(after.state))
    if after.state not in (State.OPEN, state):
        assert all(task.state is not TaskState.OPEN for task in after.tasks)


@pytest.mark.parametrize("move", TIMERS)
@pytest.mark.parametrize("state", State)
def test_a_timer_does_something_in_an_open_run_only(state: State, move: Move) -> None:
    run, event = TIMERS[move]
    run = replace(run, state=state)
    after, effects = advance(run, event, AT)
    if state is State.OPEN:
        assert after.state is TRANSITIONS[state, move]
        assert effects != ()
    else:
        assert (after, effects) == (run, ())


# Stages and quorums


def test_a_later_stage_is_asked_only_when_the_earlier_one_is_closed() -> None:
    run = opened(step("a", key="x"), step("b", key="y"), stages=2)
    run, effects = advance(run, Approved("x-a", "a"), AT)
    assert effects == (Released(("x-a",)),)
    with pytest.raises(NotPossible):
        advance(run, StageOpened((step("c", key="z"),)), AT)
    run, effects = advance(run, Approved("y-b", "b"), AT)
    assert effects == (OpenStage(1), Released(("y-b",)))
    assert run.state is State.OPEN


def test_an_empty_stage_is_skipped() -> None:
    run, effects = advance(begin(2)[0], StageOpened(()), AT)
    assert effects == (OpenStage(1),)
    run, effects = advance(run, StageOpened((step("a"),)), AT)
    assert (run.state, effects) == (State.OPEN, (Asked(("s-a",)),))


def test_when_every_stage_is_empty_nobody_is_asked_and_the_flow_says_what_that_means() -> None:
    assert advance(begin(1)[0], StageOpened(()), AT)[1] == (Ended(State.APPROVED),)
    held = begin(1, hold_when_nobody_is_asked=True)[0]
    assert advance(held, StageOpened(()), AT)[1] == (Ended(State.HELD),)
    assert begin(0)[1] == (Ended(State.APPROVED),)


def test_a_quorum_that_nobody_can_reach_holds_the_run() -> None:
    assert opened(step("a", "b", quorum=3)).state is State.HELD


def test_the_others_are_asked_no_longer_once_the_quorum_is_met() -> None:
    run = opened(step("a", "b", "c", quorum=2, key="x"), step("d", key="y"))
    run = told(run, Approved("x-a", "a"))
    run, effects = advance(run, Approved("x-b", "b"), AT)
    assert effects == (Released(("x-b", "x-c")),)
    assert state(run, "x-c") is TaskState.SKIPPED
    with pytest.raises(NotPossible, match="skipped"):
        advance(run, Rejected("x-c", "c"), AT)


def test_two_no_of_three_reject_when_two_yes_are_needed() -> None:
    run = told(opened(step("a", "b", "c", quorum=2, rejects=Rejects.UNREACHABLE)), Rejected("s-a", "a"))
    assert run.state is State.OPEN
    assert told(run, Rejected("s-b", "b")).state is State.REJECTED
    assert told(run, Approved("s-b", "b"), Approved("s-c", "c")).state is State.APPROVED


def test_a_step_that_was_taken_is_not_taken_again() -> None:
    run = told(opened(step("a", key="x"), stages=2), Approved("x-a", "a"))
    with pytest.raises(NotPossible, match="taken before"):
        advance(run, StageOpened((step("a", key="x"),)), AT)


@pytest.mark.parametrize("merge", [False, True])
def test_of_a_a_b_a_the_last_is_asked_again(merge: bool) -> None:
    run = opened(step("a", key="1"), stages=4, merge_consecutive=merge)
    run = told(run, Approved("1-a", "a"), StageOpened((step("a", key="2"),)))
    second = run.task("2-a")
    assert second is not None
    assert (second.state is TaskState.APPROVED, second.merged) == (merge, merge)
    if not merge:
        run = told(run, Approved("2-a", "a"))
    run = told(run, StageOpened((step("b", key="3"),)), Approved("3-b", "b"), StageOpened((step("a", key="4"),)))
    assert (run.state, state(run, "4-a")) == (State.OPEN, TaskState.OPEN)


def test_a_yes_to_another_content_of_the_order_is_not_merged() -> None:
    run = opened(step("a", key="1"), stages=2, merge_consecutive=True, order_hash="1")
    run = told(run, Approved("1-a", "a", "1"), Edited(None, "2"), StageOpened((step("a", key="2"),)))
    assert state(run, "2-a") is TaskState.OPEN


# Who counts


@pytest.mark.parametrize("by", ["b", "requester"])
def test_nobody_decides_the_task_of_another(by: str) -> None:
    with pytest.raises(NotTheirs):
        advance(opened(step("a", "b")), Approved("s-a", by), AT)


@pytest.mark.parametrize("event", [Approved("other", "a"), Due("other"), Questioned("other", "a", "b", "?")])
def test_a_task_of_another_run_is_unknown(event: Event) -> None:
    with pytest.raises(NotTheirs):
        advance(opened(step("a")), event, AT)


def test_who_asked_for_the_goods_is_never_asked_to_approve_them() -> None:
    run, _ = begin(1, excluded=frozenset({"a"}))
    with pytest.raises(NotTheirs):
        advance(run, StageOpened((step("a"),)), AT)
    with pytest.raises(NotTheirs):
        advance(opened(step("b"), excluded=frozenset({"a"})), Overridden(approve=True, by="a"), AT)


def test_who_may_decide_on_their_own_order_does_so_in_that_step_only() -> None:
    run = opened(step("a", key="1", own=frozenset({"a"})), stages=2, excluded=frozenset({"a"}))
    run = told(run, Approved("1-a", "a"))
    with pytest.raises(NotTheirs):
        advance(run, StageOpened((step("a", key="2"),)), AT)


def test_a_second_decision_on_a_task_is_refused() -> None:
    run = told(opened(step("a", "b", quorum=2)), Approved("s-a", "a"))
    with pytest.raises(NotPossible, match="approved"):
        advance(run, Rejected("s-a", "a"), AT)


def test_a_decision_on_what_is_no_longer_up_for_approval_is_refused() -> None:
    run = opened(step("a"), order_hash="1")
    with pytest.raises(OrderChanged):
        advance(told(run, Edited(None, "2")), Approved("s-a", "a", "1"), AT)


def test_both_names_are_kept_when_a_delegate_decides() -> None:
    run = told(opened(step("a")), Delegated("s-a", "b"), Approved("s-a", "b"))
    task = run.task("s-a")
    assert task is not None
    assert (run.state, task.decided_by, task.acting_for) == (State.APPROVED, "b", "a")


def test_of_the_absent_one_and_the_delegate_the_first_wins() -> None:
    run = told(opened(step("a", "c", quorum=2)), Delegated("s-a", "b"), Approved("s-a", "a"))
    with pytest.raises(NotPossible, match="approved"):
        advance(run, Rejected("s-a", "b"), AT)


def test_a_delegate_whose_absent_one_is_back_decides_no_longer() -> None:
    run = told(opened(step("a")), Delegated("s-a", "b"), Delegated("s-a", None))
    with pytest.raises(NotTheirs):
        advance(run, Approved("s-a", "b"), AT)


@pytest.mark.parametrize("to", ["requester", "b"])
def test_neither_the_requester_nor_one_of_the_step_takes_over(to: str) -> None:
    run = opened(step("a", "b", quorum=2), excluded=frozenset({"requester"}))
    for event in (Forwarded("s-a", "a", to), Delegated("s-a", to)):
        with pytest.raises(NotPossible):
            advance(run, event, AT)


def test_what_is_handed_on_is_the_others_alone() -> None:
    run, effects = advance(opened(step("a", due=LATER)), Forwarded("s-a", "a", "b"), AT)
    asked, released = effects
    assert isinstance(asked, Asked)
    assert released == Released(("s-a",))
    (new,) = asked.tasks
    with pytest.raises(NotPossible, match="handed_on"):
        advance(run, Approved("s-a", "a"), AT)
    assert told(run, Approved(new, "b")).state is State.APPROVED


def test_a_question_leaves_the_task_where_it_is() -> None:
    run = opened(step("a"))
    after, effects = advance(run, Questioned("s-a", "a", "requester", "why?"), AT)
    assert (after, effects) == (run, (Informed(("requester",), "s-a"),))


def test_watchers_are_told_and_not_asked() -> None:
    run, effects = advance(begin(1)[0], StageOpened((step("a", watchers=("w",)),)), AT)
    assert effects == (Informed(("w",), None), Asked(("s-a",)))
    assert [task.assignee for task in run.tasks] == ["a"]


# Somebody leaves, somebody changes the order


def test_when_one_of_two_leaves_the_step_escalates_and_is_not_stuck() -> None:
    run = told(opened(step("a", "b", quorum=2, escalate_to=("c",))), Approved("s-a", "a"), Left("b"))
    assert run.state is State.OPEN
    (new,) = (task for task in run.tasks if task.state is TaskState.OPEN)
    assert new.assignee == "c"
    assert told(run, Approved(new.id, "c")).state is State.APPROVED


def test_without_anybody_to_escalate_to_the_run_is_held_and_can_be_judged_again() -> None:
    run = told(opened(step("a", "b", quorum=2)), Approved("s-a", "a"), Left("b"))
    assert run.state is State.HELD
    run, effects = advance(run, Reopened(), AT)
    assert effects == (OpenStage(0),)
    run = told(run, StageOpened((replace(step("a", "c", quorum=2), tasks=(Task("n1", "a"), Task("n2", "c"))),)))
    assert (state(run, "n1"), state(run, "n2")) == (TaskState.APPROVED, TaskState.OPEN)
    assert told(run, Approved("n2", "c")).state is State.APPROVED


def test_who_edits_the_order_counts_no_longer_and_those_let_go_are_asked_again() -> None:
    run = told(opened(step("a", "b", key="1"), stages=2), Approved("1-a", "a"), StageOpened((step("c", key="2"),)))
    assert state(run, "1-b") is TaskState.SKIPPED
    run = told(run, Edited("a", "new"))
    assert (state(run, "1-a"), state(run, "1-b")) == (TaskState.CANCELLED, TaskState.OPEN)
    run = told(run, Approved("2-c", "c", "new"))
    assert run.state is State.OPEN
    assert told(run, Approved("1-b", "b", "new")).state is State.APPROVED


def test_an_editor_without_whom_nobody_is_left_holds_the_run() -> None:
    assert told(opened(step("a")), Edited("a", "new")).state is State.HELD


def test_an_edit_that_takes_back_an_approval_needs_a_new_run() -> None:
    run = told(opened(step("a")), Approved("s-a", "a"))
    with pytest.raises(NotPossible, match="new run"):
        advance(run, Edited("a", "new"), AT)
    assert told(run, Edited("b", "new")).order_hash == "new"


@pytest.mark.parametrize("event", [Withdrawn(), Edited(None, "new")])
def test_what_was_sent_is_taken_back_from_the_erp_only(event: Event) -> None:
    run = told(opened(step("a")), Approved("s-a", "a"), Sent())
    with pytest.raises(NotPossible, match="was sent"):
        advance(run, event, AT)


@pytest.mark.parametrize("before", [(), (Left("a"),)], ids=["open", "held"])
def test_a_cancelled_order_leaves_no_open_task_and_its_history(before: tuple[Event, ...]) -> None:
    run = told(opened(step("b", key="1"), step("a", key="2")), Approved("1-b", "b"), *before, Withdrawn())
    assert run.state is State.WITHDRAWN
    assert (state(run, "1-b"), state(run, "2-a")) == (TaskState.APPROVED, TaskState.CANCELLED)


# Time


def effects_of(run: Run, event: Event, at: datetime) -> tuple[Effect, ...]:
    return advance(run, event, at)[1]


def test_a_reminder_is_one_mail() -> None:
    run = opened(step("a", due=LATER))
    assert effects_of(run, RemindDue("s-a"), AT) == ()
    run, effects = advance(run, RemindDue("s-a"), LATER)
    assert effects == (Reminded("s-a"),)
    assert effects_of(run, RemindDue("s-a"), LATER) == ()


def test_an_escalation_asks_one_more_and_takes_nothing_from_the_first() -> None:
    run = opened(step("a", due=LATER, on_timeout=OnTimeout.ESCALATE, escalate_to=("b", "a")))
    assert effects_of(run, Due("s-a"), AT) == ()
    run, effects = advance(run, Due("s-a"), LATER)
    assert effects[0] == Overdue("s-a")
    assert [(task.assignee, task.state) for task in run.tasks] == [("a", TaskState.OPEN), ("b", TaskState.OPEN)]
    assert effects_of(run, Due("s-a"), LATER) == ()
    assert told(run, Approved("s-a", "a"), at=LATER).state is State.APPROVED


def test_who_is_named_twice_for_an_escalation_is_asked_once() -> None:
    run = told(opened(step("a", escalate_to=("b", "b"))), Left("a"))
    assert [task.assignee for task in run.tasks if task.state is TaskState.OPEN] == ["b"]


def test_an_escalation_after_the_decision_has_no_effect() -> None:
    run = opened(step("a", "b", quorum=2, due=LATER, on_timeout=OnTimeout.REJECT))
    run = told(run, Approved("s-a", "a"))
    assert advance(run, Due("s-a"), LATER) == (run, ())
    assert told(run, Due("s-b"), at=LATER).state is State.REJECTED


@pytest.mark.parametrize("on_timeout", OnTimeout)
def test_silence_never_approves(on_timeout: OnTimeout) -> None:
    run = opened(step("a", due=AT, on_timeout=on_timeout, escalate_to=("b",)))
    for days in range(0, 4000, 400):
        for task in list(run.tasks):
            for event in (RemindDue(task.id), Due(task.id)):
                run = told(run, event, at=AT + timedelta(days=days))
    assert run.state is (State.REJECTED if on_timeout is OnTimeout.REJECT else State.OPEN)
    assert all(task.state is not TaskState.APPROVED for task in run.tasks)


# Sent back


def test_what_is_sent_back_waits_for_the_buyer_and_asks_nobody() -> None:
    run, effects = advance(
        told(begin(1, on_silence=OnSilence.NOTIFY)[0], StageOpened((step("a", "b", quorum=2),))),
        SentBack("s-a", "a", due_at=LATER),
        AT,
    )
    assert effects == (Ended(State.SENT_BACK), Released(("s-a", "s-b")))
    assert (state(run, "s-a"), state(run, "s-b")) == (TaskState.SENT_BACK, TaskState.CANCELLED)
    for event in (Approved("s-b", "b"), Rejected("s-b", "b"), SentBack("s-a", "a"), Edited(None, "new")):
        with pytest.raises(NotPossible):
            advance(run, event, AT)


def test_rules_that_do_not_say_so_let_nobody_send_back() -> None:
    with pytest.raises(NotPossible, match="the rules let nobody"):
        advance(opened(step("a")), SentBack("s-a", "a"), AT)


@pytest.mark.parametrize(
    ("event", "error"),
    [(SentBack("s-a", "b"), NotTheirs), (SentBack("s-a", "a", "stale"), OrderChanged)],
    ids=["another's task", "another content"],
)
def test_sending_back_is_a_decision_like_the_others(event: Event, error: type[Exception]) -> None:
    run = told(begin(1, on_silence=OnSilence.NOTIFY)[0], StageOpened((step("a", "b", quorum=2),)))
    with pytest.raises(error):
        advance(run, event, AT)


@pytest.mark.parametrize("event", [Superseded(), Withdrawn()])
def test_a_change_or_a_cancellation_ends_the_waiting(event: Event) -> None:
    run = told(waiting(), event)
    assert run.state is TRANSITIONS[State.SENT_BACK, Move.SUPERSEDE if event == Superseded() else Move.WITHDRAW]
    assert advance(run, Due("s-a"), LATER) == (run, ())


@pytest.mark.parametrize("on_silence", OnSilence)
def test_a_buyer_who_is_silent_never_approves(on_silence: OnSilence) -> None:
    run = waiting(on_silence)
    assert advance(run, Due("s-a"), AT) == (run, ())
    assert advance(run, Due("s-b"), LATER) == (run, ())
    late, effects = advance(run, Due("s-a"), LATER)
    if on_silence is OnSilence.REJECT:
        assert (late.state, effects) == (State.REJECTED, (Ended(State.REJECTED),))
    else:
        assert (late.state, effects) == (State.SENT_BACK, (Overdue("s-a"),))
    assert advance(late, Due("s-a"), LATER + timedelta(days=400)) == (late, ())


def test_without_a_limit_the_buyer_has_all_the_time() -> None:
    run = waiting(OnSilence.REJECT, due=None)
    assert advance(run, Due("s-a"), LATER + timedelta(days=4000)) == (run, ())


# As JSON


@pytest.mark.parametrize("move", [*EVENTS, *TIMERS])
def test_runs_events_and_effects_can_be_kept_as_json(move: Move) -> None:
    run, event = (EVENTS | TIMERS)[move]
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
    assert msgspec.json.decode(msgspec.json.encode(OpenStage(0)), type=Effect) == OpenStage(0)
