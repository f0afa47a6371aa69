"""What a change after a decision means: held against what was approved, and never less than it costs."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order, subject
from msgspec.structs import replace

from app.approval.changes import Means, asks_for_new_run, compare
from app.approval.conditions import Leaf
from app.approval.fields import FIELDS
from app.approval.flow import Approver, By, Flow, LaterDate, Rejects, Step, Tolerance
from app.approval.operators import Operator
from app.approval.steps import OpenStep, Run, State
from schemas.order import Comment, Order
from schemas.party import Address

APPROVED = order(line(1, price="10.00"), line(2, sku="B", price="20.00"))
BIG = Leaf(FIELDS["order.total_net"], Operator.ABOVE, money("250"))
FLOW = Flow(
    stages=((Step("lead", "Lead", Approver(By.ROLE, "approver")), Step("cfo", "CFO", Approver(By.USER, "c"), BIG)),),
    tolerance=Tolerance(Decimal(5), money("50")),
)


def changed(line_number: int = 1, **more: Any) -> Order:
    lines = tuple(replace(x, **more) if x.number == line_number else x for x in APPROVED.lines)
    return replace(APPROVED, lines=lines)


def priced(price: str) -> Order:
    return changed(price=line(price=price).price)


def means(now: Order, flow: Flow = FLOW) -> Means:
    return compare(APPROVED, now, flow).means


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (APPROVED, Means.NOTHING),
        (priced("10.499"), Means.SAME_STEPS),
        (priced("10.50"), Means.SAME_STEPS),
        (priced("10.501"), Means.NEW_RUN),
        (priced("9.00"), Means.SAME_STEPS),
        (changed(quantity=line(quantity="10.5").quantity), Means.SAME_STEPS),
        (changed(quantity=line(quantity="11").quantity), Means.NEW_RUN),
        (changed(quantity=line(quantity="10", unit="BX").quantity), Means.NEW_RUN),
        (changed(price=line(price="10.00", currency="USD").price), Means.NEW_RUN),
        (changed(item=line(sku="C").item), Means.NEW_RUN),
        (changed(splits=line(cost_center="1").splits), Means.NEW_RUN),
        (changed(change="delete"), Means.SAME_STEPS),
        (replace(APPROVED, lines=APPROVED.lines[:1]), Means.SAME_STEPS),
        (replace(APPROVED, currency="USD"), Means.NEW_RUN),
        (replace(APPROVED, ship_to=Address(id="0002", country="DE")), Means.NEW_RUN),
        (replace(APPROVED, contacts=(), comments=(Comment(text="x"),)), Means.NEW_RUN),
        (replace(APPROVED, comments=(Comment(text="please ring"),)), Means.NOTICE),
        (replace(APPROVED, version=7), Means.NOTHING),
    ],
    ids=[
        "nothing", "4.99 %", "5 %", "5.01 %", "cheaper", "more, within", "more", "unit", "line currency", "item",
        "cost centre", "line cancelled", "line gone", "currency", "ship-to", "requester", "comment", "version",
    ],
)  # fmt: skip
def test_a_change_means(now: Order, expected: Means) -> None:
    assert means(now) is expected


def test_a_line_split_in_two_with_the_same_total_is_a_new_run() -> None:
    half = line(quantity="5", price="10.00")
    assert means(replace(APPROVED, lines=(half, APPROVED.lines[1], replace(half, number=3)))) is Means.NEW_RUN


def test_small_raises_add_up_against_what_was_approved() -> None:
    assert [means(priced(price)) for price in ("10.30", "10.40", "10.60")][-1] is Means.NEW_RUN


def test_a_raise_within_the_percentage_is_a_new_run_above_the_amount() -> None:
    small = Flow(tolerance=Tolerance(Decimal(5), money("4.99")))
    assert means(priced("10.50"), small) is Means.NEW_RUN
    other = Flow(tolerance=Tolerance(Decimal(5), money("50", "USD")))
    assert means(priced("10.50"), other) is Means.NEW_RUN


@pytest.mark.parametrize(
    ("setting", "expected"),
    [(LaterDate.NONE, Means.NOTHING), (LaterDate.NOTIFY, Means.NOTICE), (LaterDate.NEW_RUN, Means.NEW_RUN)],
)
def test_a_later_date_means_what_the_flow_says(setting: LaterDate, expected: Means) -> None:
    flow = Flow(later_date=setting)
    first, later = (replace(APPROVED, requested_delivery=date(2026, 12, day)) for day in (1, 2))
    assert compare(first, later, flow).means is expected
    assert compare(later, first, flow).means is Means.NEW_RUN


def test_a_difference_names_its_place_and_both_values() -> None:
    (found,) = compare(APPROVED, priced("11.00"), Flow(tolerance=Tolerance(Decimal(20)))).differences
    assert (found.at, found.line, found.before, found.after) == ("price", 1, "10.00 EUR", "11.00 EUR")


def open_run(*keys: str) -> Run:
    return Run(State.OPEN, 1, opened=(tuple(OpenStep(key, 1, Rejects.FIRST, ()) for key in keys),))


@pytest.mark.parametrize(
    ("asked", "now", "new_run"),
    [
        (("lead", "cfo"), priced("9.99"), False),
        (("lead", "cfo"), priced("2.00"), True),
        (("lead",), priced("2.00"), False),
        (("lead", "cfo"), priced("12.00"), True),
        (("lead", "cfo"), replace(APPROVED, comments=(Comment(text="x"),)), False),
    ],
    ids=["same steps", "one step less", "never was", "dearer", "comment"],
)
def test_cheaper_is_a_new_run_only_when_other_steps_would_be_asked(
    asked: tuple[str, ...], now: Order, new_run: bool
) -> None:
    found = compare(APPROVED, now, FLOW)
    assert asks_for_new_run(found, FLOW, open_run(*asked), subject(now)) is new_run
