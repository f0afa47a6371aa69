"""Who is asked: found, with authority, four eyes kept, absences passed on."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from approval_orders import money
from approval_people import away, ids, in_zone, person

from app.approval.asking import Case, may_take, open_step, reroute
from app.approval.flow import Approver, By, Flow, Step
from app.approval.moves import Delegated, StageOpened
from app.approval.people import Directory, Person
from app.approval.run import advance, begin
from app.approval.steps import OpenStep
from app.approval.working_hours import WorkingHours
from schemas.money import Money

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOVEMBER = ("2026-11-23T00:00", "2026-11-24T00:00")
HIERARCHY = Approver(By.HIERARCHY, "requester")
PLAIN, NOBODY = Flow(), Case()


def by(kind: By, name: str, **more: object) -> Step:
    return Step("s", "S", Approver(kind, name), **more)  # type: ignore[arg-type]


def asked(step: Step, people: list[Person], case: Case = NOBODY, *, flow: Flow = PLAIN) -> OpenStep:
    return open_step(step, flow, case, Directory(people), AT, ids().__next__)


def names(step: OpenStep) -> list[str]:
    return [f"{t.assignee}->{t.delegate}" if t.delegate else t.assignee for t in step.tasks]


A, B, C = (person(name, groups=frozenset({"g"})) for name in "abc")


@pytest.mark.parametrize(
    ("approver", "expected"),
    [
        (Approver(By.USER, "Ana "), ["ana"]),
        (Approver(By.USER, "nobody"), []),
        (Approver(By.USER, "gone"), []),
        (Approver(By.GROUP, "g"), ["boss"]),
        (Approver(By.ROLE, "approver"), ["ana", "boss"]),
        (Approver(By.FIELD, "cost_center.owner"), ["owner"]),
        (Approver(By.FIELD, "ship_to.owner"), []),
        (Approver(By.MANAGER, "requester"), ["boss"]),
    ],
    ids=["user", "unknown", "inactive", "group", "role", "owner", "no owner", "manager"],
)
def test_people_are_found_by_what_the_step_says(approver: Approver, expected: list[str]) -> None:
    people = [
        person("ana", roles=frozenset({"approver"})),
        person("boss", roles=frozenset({"approver"}), groups=frozenset({"g"})),
        person("gone", roles=frozenset({"approver"}), groups=frozenset({"g"}), active=False),
        person("owner"),
        person("req", manager="boss"),
    ]
    case = Case(requesters=("req",), owners={"cost_center.owner": "owner"})
    assert names(asked(Step("s", "S", approver), people, case)) == expected


# Limits


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((money("100"),), ["a"]),
        ((money("99.99"),), []),
        ((money("1000", "USD"),), []),
        ((money("1000", "USD"), money("100")), ["a"]),
        ((), []),
    ],
    ids=["exactly", "below", "other currency", "both", "no row"],
)
@pytest.mark.parametrize("how", [{"min_limit": money("100")}, {"covers_total": True}], ids=["minimum", "total"])
def test_without_a_limit_in_the_currency_there_is_no_authority(
    limits: tuple[Money, ...], expected: list[str], how: dict[str, object]
) -> None:
    assert names(asked(by(By.USER, "a", **how), [person("a", *limits)], Case(total=money("100")))) == expected


def test_an_unknown_total_is_covered_by_nobody() -> None:
    assert names(asked(by(By.USER, "a", covers_total=True), [person("a", money("1e9"))])) == []


CHAIN = [
    person("r", manager="m1"),
    person("m1", money("100"), manager="m2"),
    person("m2", money("500"), manager="m3"),
    person("m3", money("10000")),
    person("cfo", money("1")),
]


@pytest.mark.parametrize(("total", "expected"), [("100", "m1"), ("100.01", "m2"), ("9000", "m3"), ("10001", "cfo")])
def test_a_hierarchy_is_climbed_to_the_first_limit_that_covers(total: str, expected: str) -> None:
    flow = Flow(final_approver=Approver(By.USER, "cfo"))
    found = asked(Step("s", "S", HIERARCHY), CHAIN, Case(requesters=("r",), total=money(total)), flow=flow)
    assert names(found) == [expected]


@pytest.mark.parametrize(
    "people",
    [
        [person("r", manager="x"), person("x", manager="r")],
        [person("r", manager="gone")],
        [person("r")],
        [person("r", manager="x"), person("x", money("1e6"), active=False)],
        [
            person("r", manager="p1"),
            *(person(f"p{i}", manager=f"p{i + 1}") for i in range(1, 11)),
            person("p11", money("1e6")),
        ],
    ],
    ids=["loop", "missing", "no manager", "inactive", "11 levels"],
)
def test_a_hierarchy_that_leads_nowhere_ends_with_the_final_approver(people: list[Person]) -> None:
    case = Case(requesters=("r",), total=money("100"))
    with_final = Flow(final_approver=Approver(By.USER, "cfo"))
    assert names(asked(Step("s", "S", HIERARCHY), [*people, person("cfo")], case, flow=with_final)) == ["cfo"]
    assert not asked(Step("s", "S", HIERARCHY), people, case).reachable


# Four eyes


def test_requesters_and_editors_are_not_asked() -> None:
    case = Case(requesters=("a",), editors=frozenset({"b"}))
    assert names(asked(by(By.GROUP, "g"), [A, B, C], case)) == ["c"]


@pytest.mark.parametrize(
    ("total", "limit", "own", "expected"),
    [
        ("500", "500", (), ["a"]),
        ("500.01", "500", (), []),
        ("500", None, (money("500"),), ["a"]),
        ("500", None, (), []),
        ("500", None, (money("1000", "USD"),), []),
    ],
    ids=["within", "above", "own limit", "no limit", "other currency"],
)
def test_requesters_decide_on_their_own_orders_within_their_limit_only(
    total: str, limit: str | None, own: tuple[Money, ...], expected: list[str]
) -> None:
    step = by(By.USER, "a", allow_self=True, self_limit=money(limit) if limit else None)
    found = asked(step, [person("a", *own)], Case(requesters=("a",), total=money(total)))
    assert names(found) == expected
    assert found.own == frozenset(expected)


def test_an_editor_does_not_decide_though_requesters_may() -> None:
    step = by(By.USER, "a", allow_self=True, self_limit=money("500"))
    case = Case(requesters=("a",), editors=frozenset({"a"}), total=money("1"))
    assert names(asked(step, [person("a")], case)) == []


def test_a_task_is_handed_on_to_people_with_the_authority_only() -> None:
    step = by(By.USER, "a", min_limit=money("100"))
    assert may_take(person("b", money("100")), step, Case())
    assert not may_take(person("b", money("99")), step, Case())
    assert not may_take(person("b", money("100"), active=False), step, Case())
    assert not may_take(person("b", money("100")), step, Case(requesters=("b",)))


# Absences


def test_the_task_of_who_is_away_is_passed_on_to_the_delegate() -> None:
    people = [person("a", absences=away(*NOVEMBER, "b")), person("b")]
    assert names(asked(by(By.USER, "a"), people)) == ["a->b"]


@pytest.mark.parametrize("quorum", [1, 2, None], ids=["any", "n", "all"])
def test_an_absent_members_share_is_passed_on_only_where_all_must_say_yes(quorum: int | None) -> None:
    people = [
        person("a", groups=frozenset({"g"}), absences=away(*NOVEMBER, "d")),
        B,
        person("d"),
    ]
    assert names(asked(by(By.GROUP, "g", quorum=quorum), people)) == (["a->d", "b"] if quorum is None else ["a", "b"])


def chain(*delegates: str) -> list[Person]:
    """a is away for b, who is away for c, and so on; the last one is there."""
    pairs = zip(("a", *delegates), delegates, strict=False)
    gone = [person(name, absences=away(*NOVEMBER, delegate)) for name, delegate in pairs]
    return gone if delegates[-1] in ("a", *delegates[:-1]) else [*gone, person(delegates[-1])]


@pytest.mark.parametrize(
    ("delegates", "expected"),
    [("b", "a->b"), ("bc", "a->c"), ("bcd", "a->d"), ("bcde", "boss"), ("ba", "boss")],
    ids=["1", "2", "3", "4", "loop"],
)
def test_delegates_are_followed_three_deep_and_never_in_a_circle(delegates: str, expected: str) -> None:
    step = by(By.USER, "a", escalate_to=Approver(By.USER, "boss"))
    assert names(asked(step, [*chain(*delegates), person("boss")])) == [expected]


@pytest.mark.parametrize("case", [Case(requesters=("b",)), Case(editors=frozenset({"b"}))], ids=["requester", "editor"])
def test_a_delegate_who_does_not_count_is_passed_over(case: Case) -> None:
    people = [person("a", absences=away(*NOVEMBER, "b")), person("b"), person("boss")]
    assert names(asked(by(By.USER, "a", escalate_to=Approver(By.USER, "boss")), people, case)) == ["boss"]
    assert names(asked(by(By.USER, "a"), people, case)) == ["a"]


def test_a_delegate_who_is_in_the_step_does_not_count_twice() -> None:
    members = [person("a", groups=frozenset({"g"}), absences=away(*NOVEMBER, "b")), B]
    assert names(asked(by(By.GROUP, "g", quorum=None), members)) == ["a", "b"]


@pytest.mark.parametrize(
    ("zone", "at", "is_away"),
    [
        ("UTC", "2026-11-22T23:59:59+00:00", False),
        ("UTC", "2026-11-23T00:00:00+00:00", True),
        ("UTC", "2026-11-23T23:59:59+00:00", True),
        ("UTC", "2026-11-24T00:00:00+00:00", False),
        ("America/Sao_Paulo", "2026-11-23T02:59:59+00:00", False),
        ("America/Sao_Paulo", "2026-11-24T02:59:59+00:00", True),
        ("Asia/Tokyo", "2026-11-22T15:00:00+00:00", True),
        ("Asia/Tokyo", "2026-11-23T15:00:00+00:00", False),
    ],
)
def test_an_absence_is_of_the_persons_own_days(zone: str, at: str, is_away: bool) -> None:
    someone = person("a", absences=away(*NOVEMBER), hours=in_zone(zone))
    assert (someone.absence_at(datetime.fromisoformat(at)) is not None) is is_away


def test_an_absence_ends_once_when_the_clocks_go_back() -> None:
    """In Berlin 02:30 comes twice on 25 October 2026; the first one, 00:30 UTC, ends it."""
    someone = person("a", absences=away("2026-10-25T00:00", "2026-10-25T02:30"), hours=in_zone("Europe/Berlin"))
    assert someone.absence_at(datetime(2026, 10, 25, 0, 29, tzinfo=UTC))
    assert not someone.absence_at(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert not someone.absence_at(datetime(2026, 10, 25, 1, 15, tzinfo=UTC))


def test_an_absence_without_dates_does_not_exist() -> None:
    with pytest.raises(ValueError, match="begins before"):
        away("2026-11-24T00:00", "2026-11-24T00:00")


def test_absences_that_begin_and_end_reroute_open_tasks() -> None:
    flow = Flow(stages=((by(By.USER, "a"),),))
    people = Directory([person("a", absences=away("2026-11-24T00:00", "2026-11-26T00:00", "b")), person("b")])
    run, _ = begin(1)
    step = open_step(flow.stages[0][0], flow, Case(), people, AT, ids().__next__)
    run, _ = advance(run, StageOpened((step,)), AT)
    assert reroute(run, flow, Case(), people, AT) == ()
    later = AT + timedelta(days=1)
    (began,) = reroute(run, flow, Case(), people, later)
    assert began == Delegated("t1", "b")
    run, _ = advance(run, began, later)
    assert reroute(run, flow, Case(), people, later) == ()
    assert reroute(run, flow, Case(), people, AT + timedelta(days=3)) == (Delegated("t1", None),)


# Too few, and when


def test_those_to_whom_a_step_escalates_are_asked_at_once_when_there_are_too_few() -> None:
    step = by(By.GROUP, "g", quorum=2, escalate_to=Approver(By.USER, "boss"))
    assert names(asked(step, [A, person("boss")])) == ["a", "boss"]
    enough = asked(step, [A, B, person("boss")])
    assert (names(enough), enough.escalate_to) == (["a", "b"], ("boss",))
    assert not asked(step, [person("boss")]).reachable


def test_watchers_are_found_and_not_asked() -> None:
    found = asked(by(By.USER, "a", watchers=(Approver(By.GROUP, "g"), Approver(By.USER, "b"))), [A, B])
    assert (names(found), found.watchers) == (["a"], ("a", "b"))


def test_a_task_is_due_by_the_working_hours_of_its_person() -> None:
    people = [person("a", groups=frozenset({"g"})), person("z", groups=frozenset({"g"}), hours=in_zone("Asia/Tokyo"))]
    due = [task.due_at for task in asked(by(By.GROUP, "g", due_hours=8, remind_hours=4), people).tasks]
    assert due == [datetime(2026, 11, 24, 12, 0, tzinfo=UTC), datetime(2026, 11, 24, 8, 0, tzinfo=UTC)]


# Working hours

BERLIN = WorkingHours(zone="Europe/Berlin", holidays=frozenset({date(2026, 12, 25)}))


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-23T09:00+01:00", 8, "2026-11-23T17:00+01:00"),
        ("2026-11-23T09:00+01:00", 9, "2026-11-24T10:00+01:00"),
        ("2026-11-23T03:00+01:00", 1, "2026-11-23T10:00+01:00"),
        ("2026-11-23T18:00+01:00", 1, "2026-11-24T10:00+01:00"),
        ("2026-11-27T16:00+01:00", 2, "2026-11-30T10:00+01:00"),
        ("2026-11-28T12:00+01:00", 1, "2026-11-30T10:00+01:00"),
        ("2026-12-24T16:00+01:00", 2, "2026-12-28T10:00+01:00"),
        ("2026-03-27T16:00+01:00", 2, "2026-03-30T10:00+02:00"),
    ],
    ids=["a day", "next day", "at night", "evening", "weekend", "on a weekend", "holiday", "clock change"],
)
def test_only_working_hours_count(start: str, hours: int, due: str) -> None:
    assert BERLIN.after(datetime.fromisoformat(start), hours) == datetime.fromisoformat(due)


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    """Sunday work in Berlin: on 29 March 2026 the hour from 2 to 3 does not exist, on 25 October it comes twice."""
    night = WorkingHours(
        zone="Europe/Berlin",
        weekdays=frozenset({6}),
        begins=time(1),
        ends=time(5),
    )
    assert night.after(datetime(2026, 3, 28, tzinfo=UTC), 3) == datetime(2026, 3, 29, 3, tzinfo=UTC)
    assert night.after(datetime(2026, 10, 24, tzinfo=UTC), 5) == datetime(2026, 10, 25, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [{"zone": "Mars/Base"}, {"weekdays": frozenset()}, {"weekdays": frozenset({7})}, {"ends": time(0)}],
    ids=["zone", "no day", "eighth day", "ends first"],
)
def test_hours_that_never_come_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        WorkingHours(**wrong)  # type: ignore[arg-type]
