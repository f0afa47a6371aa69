"""Many cases settled by one choice: those that are alike, what the choice would come to, and the settling itself, each
order in a transaction of its own.

What is foreseen is read, not tried: the same checks and rules look at the order as it would stand. A run is told about
while it goes on; when its process dies, what was settled is settled, and the rest can be chosen again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

from sqlmodel import Session, col, select

from app.approval.flow import Ruling
from app.errors import No, Refusal
from app.flows import release_hold
from app.flows.cases import AS_A_RULE, Choice, Code, choices
from app.flows.consider_order import Considered, consider
from app.flows.end_run import LONGEST_REASON
from app.flows.hold_order import same
from app.flows.order_book import OrderBook
from app.flows.release_hold import Settlement
from app.gateway import Gateway
from app.partners.agreement import keep
from app.storage import case_runs, orders
from app.storage.case_runs import CaseRunRow, CaseRunState
from app.storage.customers import CustomerRow
from app.storage.orders import OPEN_CASE, HoldRow, HoldState, OrderRow, OrderState
from app.storage.people import PersonRow

MOST: Final = 500
"""Cases of one run."""
AT_ONCE: Final = 20
"""Orders that are settled while the browser waits."""
KEPT_FOR: Final = timedelta(days=30)
TOLD_EACH: Final = 1.0
"""Seconds between two entries of how far a run is."""
NOT_TOGETHER: Final = frozenset({Choice.OVERRIDE, Choice.KEEP_ORDER})
"""Each of these is weighed for one order."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The same for each case."""

    choice: Choice
    value: str = ""
    reason: str = ""


def choices_for(cases: Sequence[HoldRow]) -> tuple[Choice, ...]:
    """What all of these can be settled by: a rule where one customer means one thing by all of them, anything else
    where they are of one kind."""
    offered = [choices(case.code, case.data) for case in cases]
    one_kind = len({case.code for case in cases}) == 1
    one_meaning = len({(case.customer_id, _meant(case)) for case in cases}) == 1
    return tuple(
        choice
        for choice in offered[0]
        if all(choice in of_case for of_case in offered)
        and choice not in NOT_TOGETHER
        and (one_meaning if choice in AS_A_RULE else one_kind)
    )


def _meant(case: HoldRow) -> tuple[str | None, str]:
    """What a rule made of the case is about: a word or an address that was found, or a way to change carts, whatever
    was found."""
    if "change" in case.data:
        return None, str(case.data["change"])
    return case.found, str(case.data.get("word") or case.data.get("address"))


def alike(session: Session, case: HoldRow, choice: Choice | None = None, most: int = MOST) -> list[HoldRow]:
    """The customer's open cases in which the same was found, oldest first: of the same kind, or of all kinds that a
    rule made by `choice` settles."""
    codes = [case.code]
    if choice in AS_A_RULE and choice is not Choice.ALLOW_CHANGE:
        codes = [code.value for code in Code if choice in choices(code, {})]
    query = (
        select(HoldRow)
        .where(
            OPEN_CASE,
            HoldRow.customer_id == case.customer_id,
            col(HoldRow.code).in_(codes),
        )
        .order_by(col(HoldRow.id))
        .limit(most)
    )
    if choice is not Choice.ALLOW_CHANGE:
        query = query.where(HoldRow.found == case.found)
    meant = _meant(case)
    return [one for one in session.exec(query) if choice not in AS_A_RULE or _meant(one) == meant]


class Becomes(StrEnum):
    """
    released  goes to its ERP.
    asked     the approval rules have people asked.
    rejected  a rule forbids it.
    held      something else still waits for a person.
    closed    is not held any more, or none of the chosen cases is open.
    """

    RELEASED = "released"
    ASKED = "asked"
    REJECTED = "rejected"
    HELD = "held"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`causes`: kinds of cases for which the order would stay held."""

    order: OrderRow
    cases: tuple[HoldRow, ...]
    becomes: Becomes
    causes: tuple[str, ...] = ()


def foresee(
    session: Session, gateway: Gateway, person: PersonRow, cases: Sequence[HoldRow], chosen: Chosen
) -> list[Foreseen]:
    """Order by order. Raises Refusal for a choice that does not fit one of the cases."""
    if chosen.choice in NOT_TOGETHER:
        raise Refusal(No.UNACCEPTABLE, "this is decided for each order by itself")
    at = gateway.clock.now()
    customers: dict[str, CustomerRow] = {}
    for case in cases:
        release_hold.check(person, case, Settlement(case.id, chosen.choice, chosen.value, chosen.reason))
        if case.customer_id not in customers:
            customer = session.get_one(CustomerRow, case.customer_id)
            # It is to be looked at with terms that nobody has kept yet.
            session.expunge(customer)
            keep(customer, release_hold.terms_with(session, customer, case, chosen.choice, chosen.value, at))
            customers[case.customer_id] = customer
    return [
        _foresee(session, customers, session.get_one(OrderRow, order_id), of_order, chosen, at)
        for order_id, of_order in _by_order(cases).items()
    ]


def _foresee(
    session: Session,
    customers: Mapping[str, CustomerRow],
    order: OrderRow,
    cases: Sequence[HoldRow],
    chosen: Chosen,
    at: datetime,
) -> Foreseen:
    kept = orders.holds(session, order)
    chosen_ids = {case.id for case in cases}
    open_ = [case for case in kept if case.state == HoldState.OPEN]
    if order.state != OrderState.HELD or not any(case.id in chosen_ids for case in open_):
        return Foreseen(order, tuple(cases), Becomes.CLOSED)
    if chosen.choice is Choice.SEND_AGAIN and all(case.id in chosen_ids for case in open_):
        return Foreseen(order, tuple(cases), Becomes.RELEASED)
    considered = consider(
        OrderBook(session), customers[order.customer_id], orders.revision(session, order).document(), order.protocol, at
    )
    settled = {same(case) for case in kept if case.state == HoldState.SETTLED or case.id in chosen_ids}
    differs = [difference for difference in considered.checked.differences if same(difference) not in settled]
    if differs:
        return Foreseen(order, tuple(cases), Becomes.HELD, _codes(difference.code for difference in differs))
    becomes, causes = _ruled(considered)
    return Foreseen(order, tuple(cases), becomes, causes)


def _ruled(considered: Considered) -> tuple[Becomes, tuple[str, ...]]:
    match considered.asked.ruling:
        case Ruling.NOT_THIS_FLOW if considered.terms.without_flow == "hold":
            return Becomes.HELD, (Code.NO_FLOW,)
        case Ruling.CANNOT_TELL:
            return Becomes.HELD, (Code.CANNOT_TELL,)
        case Ruling.BLOCKED:
            return Becomes.REJECTED, ()
        case Ruling.ASK:
            return Becomes.ASKED, ()
        case _:
            return Becomes.RELEASED, ()


def _codes(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(code) for code in codes))


def _by_order(cases: Iterable[HoldRow]) -> dict[str, list[HoldRow]]:
    found: dict[str, list[HoldRow]] = defaultdict(list)
    for case in cases:
        found[case.order_id].append(case)
    return found


def of_ids(session: Session, person: PersonRow, ids: Sequence[str]) -> list[HoldRow]:
    """Of orders that the person sees, open or closed, in the order of their opening; at most MOST."""
    query = select(HoldRow).where(col(HoldRow.id).in_(ids[:MOST]), HoldRow.realm == person.realm)
    if person.customers is not None:
        query = query.where(col(HoldRow.customer_id).in_(person.customers))
    return list(session.exec(query.order_by(col(HoldRow.id))))


def begin(tx: Session, gateway: Gateway, person: PersonRow, case_ids: Sequence[str], chosen: Chosen) -> CaseRunRow:
    """To be run by `run`. Raises Refusal."""
    cases = of_ids(tx, person, case_ids)
    if not cases:
        raise Refusal(No.UNACCEPTABLE, "choose at least one case")
    now = gateway.clock.now()
    case_runs.forget(tx, person.realm, now - KEPT_FOR)
    row = CaseRunRow(
        id=gateway.ids(),
        realm=person.realm,
        asked_by=person.id,
        choice=chosen.choice,
        value=chosen.value.strip()[:200],
        reason=chosen.reason.strip()[:LONGEST_REASON],
        cases=[case.id for case in cases],
        state=CaseRunState.RUNNING,
        total=len(_by_order(cases)),
        began_at=now,
        seen_at=now,
    )
    tx.add(row)
    tx.flush()
    return row


def run(gateway: Gateway, person: PersonRow, run_id: str) -> None:
    """To the end: each order in a transaction of its own, so that one that cannot be settled stops no other."""
    database, clock = gateway.database, gateway.clock
    with database.read() as session:
        row = session.get_one(CaseRunRow, run_id)
        by_order = _by_order(of_ids(session, person, row.cases))
    chosen = Chosen(Choice(row.choice), row.value, row.reason)
    outcomes: list[dict[str, Any]] = []
    told_at = clock.elapsed()
    for order_id, cases in by_order.items():
        ids = [case.id for case in cases]
        outcomes.append(database.write(partial(_settle, gateway, person, order_id, ids, chosen)))
        if clock.elapsed() - told_at >= TOLD_EACH:
            told_at = clock.elapsed()
            _tell(gateway, run_id, done=len(outcomes))
    _tell(gateway, run_id, done=len(outcomes), outcomes=outcomes, state=CaseRunState.DONE)


def _tell(gateway: Gateway, run_id: str, **values: object) -> None:
    gateway.database.write(lambda tx: case_runs.told(tx, run_id, seen_at=gateway.clock.now(), **values))


def _settle(
    gateway: Gateway, person: PersonRow, order_id: str, case_ids: Sequence[str], chosen: Chosen, tx: Session
) -> dict[str, Any]:
    """`settled` of the chosen cases, `closed` ones that somebody or something was faster with; `refused`: why none was
    settled."""
    order = tx.get_one(OrderRow, order_id)
    told: dict[str, Any] = {"order": order_id, "number": order.number, "settled": 0, "closed": [], "refused": None}
    try:
        with tx.begin_nested():
            locked = orders.locked(tx, person.realm, order_id) or order
            open_ = {case.id: case for case in orders.holds(tx, locked, HoldState.OPEN)}
            settled = [one for one in case_ids if one in open_]
            told["closed"] = [tx.get_one(HoldRow, one).code for one in case_ids if one not in open_]
            if settled:
                settlements = [Settlement(one, chosen.choice, chosen.value, chosen.reason) for one in settled]
                release_hold.settle(tx, gateway, person, order_id, settlements, "page")
                told["settled"] = len(settled)
    except Refusal as refusal:
        told["refused"] = refusal.reason
    tx.refresh(order)
    told["state"] = order.state
    if order.state == OrderState.HELD:
        told["causes"] = list(_codes(case.code for case in orders.holds(tx, order, HoldState.OPEN)))
    return told
