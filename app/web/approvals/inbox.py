"""What waits for whom: the open tasks of one person, those of others, and what was decided.

A person with a hundred thousand open tasks reads a page of them by an index: each list is put together from parts that
an index holds in the order in which they are shown, and a page begins behind the last row of the one before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Numeric, String, Tuple, cast, literal, literal_column, tuple_
from sqlmodel import Session, col, func, or_, select
from starlette.datastructures import QueryParams

from app.approval.steps import TaskState
from app.storage import people
from app.storage.approvals import OPEN, FlowVersionRow, RunRow, RunTaskRow
from app.storage.base import UtcDateTime
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from app.web.forms import as_query
from schemas.money import CURRENCIES, Money

PAGE: Final = 50
COUNTED: Final = 1_000
"""Up to here the rows of a filter are counted."""
FEW: Final = 20
"""For so many customers each has its part of the list; beyond, all of a realm are read and sorted out."""
FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
NOT_OPEN: Final = tuple(state for state in TaskState if state is not TaskState.OPEN)
DECIDED: Final = (TaskState.APPROVED, TaskState.REJECTED, TaskState.SENT_BACK)
AMOUNT: Final[Numeric[Any]] = Numeric(38, 6, asdecimal=False)
"""What two totals are compared as; never read."""

OF_OPEN: Final[ColumnElement[bool]] = col(RunTaskRow.state) == literal_column(f"'{OPEN}'")
"""In the words of the indexes that hold the open ones alone."""

Part = Sequence[ColumnElement[bool]]


class Show(StrEnum):
    """
    OPEN     what waits for this person, or for somebody whose place they take.
    OTHERS   what waits for others, of customers whose orders they see.
    DECIDED  what they decided.
    CLOSED   what they were asked and need not decide any more, whoever did.
    """

    OPEN = "open"
    OTHERS = "others"
    DECIDED = "decided"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        return self in (Show.OPEN, Show.OTHERS)


class Sort(StrEnum):
    """`AMOUNT` compares within one currency."""

    OLDEST = "oldest"
    NEWEST = "newest"
    DUE = "due"
    AMOUNT = "amount"

    @property
    def backwards(self) -> bool:
        return self in (Sort.NEWEST, Sort.AMOUNT)


OVERDUE: Final = "overdue"
WAITS: Final = ("1", "3", "7", "30", OVERDUE)
"""Days that a task has waited for at least, or that its time is up."""


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """
    text      part of the order number or of the requester.
    rules     the id of a flow, or with `/` and the key of a step behind it.
    least, most   amounts in `currency`, both included.
    after     where the page before ended: a value of what is sorted by, `~`, the id of the task.
    """

    show: Show = Show.OPEN
    text: str = ""
    customer: str = ""
    rules: str = ""
    waits: str = ""
    currency: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    sort: Sort = Sort.OLDEST
    after: str = ""

    @staticmethod
    def of(query: QueryParams) -> "InboxFilter":
        """What cannot be understood is left out: a filter is no form to be refused."""
        show = query.get("show", "")
        chosen = Show(show) if show in list(Show) else Show.OPEN
        currency, sort, waits = query.get("currency", ""), query.get("sort", ""), query.get("waits", "")
        return InboxFilter(
            show=chosen,
            text=query.get("q", "").strip()[:200],
            customer=query.get("customer", "")[:36],
            rules=query.get("rules", "")[:240],
            waits=waits if waits in WAITS and chosen.is_open else "",
            currency=currency if currency in CURRENCIES else "",
            least=_amount(query.get("least", "")),
            most=_amount(query.get("most", "")),
            sort=Sort(sort) if sort in list(Sort) else Sort.OLDEST if chosen.is_open else Sort.NEWEST,
            after=query.get("after", "")[:100],
        )

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text or self.customer or self.rules or self.waits or self.by_amount)

    @property
    def by_amount(self) -> bool:
        return bool(self.currency) and (self.least is not None or self.most is not None or self.sort is Sort.AMOUNT)

    def query(self, **changes: str) -> str:
        """As the query of a link."""
        values = {
            "show": "" if self.show is Show.OPEN else self.show.value,
            "q": self.text,
            "customer": self.customer,
            "rules": self.rules,
            "waits": self.waits,
            "currency": self.currency,
            "least": "" if self.least is None else f"{self.least:f}",
            "most": "" if self.most is None else f"{self.most:f}",
            "sort": self.sort.value,
            "after": self.after,
            **changes,
        }
        return as_query(values)


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text.strip()[:30])
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < 10**18 else None


@dataclass(frozen=True, slots=True)
class Item:
    """
    step        what the rules call it.
    acting_for  whose place the reader takes, or whoever decided took: a name.
    asked, decided_by   names; overridden: an administrator decided the order in place of those who were asked.
    """

    task: RunTaskRow
    order: OrderRow
    customer: str
    step: str
    asked: str
    acting_for: str | None
    decided_by: str | None
    overridden: bool
    order_hash: str

    @property
    def total(self) -> Money | None:
        return None if self.order.total is None else Money(amount=self.order.total, currency=self.order.currency)

    def overdue(self, now: datetime) -> bool:
        return self.task.state == TaskState.OPEN and self.task.due_at is not None and self.task.due_at <= now


def listed(
    session: Session, person: PersonRow, chosen: InboxFilter, now: datetime, most: int = PAGE
) -> tuple[list[Item], str | None]:
    """A page, and the `after` of the next one, where there is one."""
    found = _found(session, person, chosen, now, most + 1)
    shown = found[:most]
    return _described(session, person, shown), _place(chosen, *shown[-1]) if len(found) > most else None


def exported(session: Session, person: PersonRow, chosen: InboxFilter, now: datetime, most: int) -> Iterator[Item]:
    """All that the filter selects, at most so many; read in batches that end with the iteration."""
    left = replace(chosen, after="")
    while most > 0:
        batch = _found(session, person, left, now, min(most, 1_000))
        if not batch:
            return
        left = replace(left, after=_place(left, *batch[-1]))
        yield from _described(session, person, batch)
        session.expunge_all()
        most -= len(batch)


def _found(
    session: Session, person: PersonRow, chosen: InboxFilter, now: datetime, most: int
) -> list[tuple[RunTaskRow, OrderRow]]:
    key, parts = _key(chosen.sort), []
    for part in _parts(person, chosen):
        query = _narrowed(select(RunTaskRow, OrderRow), person, chosen, part, now)
        if chosen.after and (behind := _behind(chosen, key)) is not None:
            query = query.where(behind)
        order = (key.desc(), col(RunTaskRow.id).desc()) if chosen.sort.backwards else (key, col(RunTaskRow.id))
        parts.append(session.exec(query.order_by(*order).limit(most)).all())
    sorted_ = merge(*parts, key=lambda row: (_value(chosen.sort, *row), row[0].id), reverse=chosen.sort.backwards)
    return [(task, order) for task, order in islice(sorted_, most)]


def _parts(person: PersonRow, chosen: InboxFilter) -> list[Part]:
    """Conditions whose rows an index holds in the order of their opening; no task is in two of them."""
    task = RunTaskRow
    theirs, instead = col(task.assignee_id) == person.id, col(task.delegate_id) == person.id
    no_twin = col(task.assignee_id) != person.id
    match chosen.show:
        case Show.OPEN:
            open_ = col(task.state) == TaskState.OPEN
            return [(theirs, open_), (instead, open_, no_twin)]
        case Show.CLOSED:
            states = [col(task.state) == state for state in NOT_OPEN]
            return [part for state in states for part in ((theirs, state), (instead, state, no_twin))]
        case Show.DECIDED:
            by_them = col(task.decided_by) == person.id
            # Of an older release, whose tasks were decided by whoever was asked.
            earlier = [(theirs, col(task.state) == state, col(task.decided_by).is_(None)) for state in DECIDED]
            return [(by_them, col(task.state).in_(DECIDED)), *earlier]
        case Show.OTHERS:
            others = (
                OF_OPEN,
                no_twin,
                or_(col(task.delegate_id).is_(None), col(task.delegate_id) != person.id),
            )
            customers = [chosen.customer] if chosen.customer else person.customers
            if customers is not None and len(customers) <= FEW:
                return [(col(task.customer_id) == customer, *others) for customer in customers]
            return [(col(task.realm) == person.realm, *others)]


def _narrowed(query: Any, person: PersonRow, chosen: InboxFilter, part: Part, now: datetime) -> Any:
    query = query.where(*part, RunTaskRow.realm == person.realm, OrderRow.id == RunTaskRow.order_id)
    if person.customers is not None:
        query = query.where(col(RunTaskRow.customer_id).in_(person.customers))
    if chosen.customer:
        query = query.where(RunTaskRow.customer_id == chosen.customer)
    if chosen.text:
        number = col(OrderRow.number).icontains(chosen.text, autoescape=True)
        query = query.where(or_(number, col(OrderRow.requester).icontains(chosen.text, autoescape=True)))
    if chosen.rules:
        flow, _, step = chosen.rules.partition("/")
        versions = select(FlowVersionRow.id).where(FlowVersionRow.flow_id == flow)
        query = query.where(RunRow.id == RunTaskRow.run_id, col(RunRow.flow_version_id).in_(versions))
        if step:
            query = query.where(RunTaskRow.step == step)
    if chosen.waits == OVERDUE:
        query = query.where(col(RunTaskRow.due_at) <= now)
    elif chosen.waits:
        query = query.where(col(RunTaskRow.opened_at) <= now - timedelta(days=int(chosen.waits)))
    if chosen.by_amount:
        total = cast(col(OrderRow.total), AMOUNT)
        query = query.where(OrderRow.currency == chosen.currency)
        if chosen.least is not None:
            query = query.where(total >= _as_amount(chosen.least))
        if chosen.most is not None:
            query = query.where(total <= _as_amount(chosen.most))
    return query


def _as_amount(amount: Decimal) -> ColumnElement[Any]:
    return cast(literal(f"{amount:f}", String), AMOUNT)


def _key(sort: Sort) -> Any:
    match sort:
        case Sort.DUE:
            return func.coalesce(col(RunTaskRow.due_at), literal(FAR, UtcDateTime()))
        case Sort.AMOUNT:
            return func.coalesce(cast(col(OrderRow.total), AMOUNT), _as_amount(Decimal(0)))
        case _:
            return col(RunTaskRow.opened_at)


def _value(sort: Sort, task: RunTaskRow, order: OrderRow) -> Any:
    match sort:
        case Sort.DUE:
            return task.due_at or FAR
        case Sort.AMOUNT:
            return order.total or Decimal(0)
        case _:
            return task.opened_at


def _place(chosen: InboxFilter, task: RunTaskRow, order: OrderRow) -> str:
    value = _value(chosen.sort, task, order)
    return f"{value:f}~{task.id}" if isinstance(value, Decimal) else f"{value.isoformat()}~{task.id}"


def _behind(chosen: InboxFilter, key: Any) -> ColumnElement[bool] | None:
    """None for a place that is none."""
    text, _, task_id = chosen.after.partition("~")
    value: ColumnElement[Any]
    if chosen.sort is Sort.AMOUNT:
        amount = _amount(text)
        if amount is None:
            return None
        value = _as_amount(amount)
    else:
        try:
            value = literal(datetime.fromisoformat(text).astimezone(UTC), UtcDateTime())
        except (ValueError, OverflowError):
            return None
    here: Tuple = tuple_(key, col(RunTaskRow.id))
    there = tuple_(value, literal(task_id, String))
    behind: ColumnElement[bool] = here < there if chosen.sort.backwards else here > there
    return behind


def _described(session: Session, person: PersonRow, rows: Iterable[tuple[RunTaskRow, OrderRow]]) -> list[Item]:
    rows = list(rows)
    wanted = {task.customer_id for task, _ in rows}
    customers = dict(
        session.exec(select(CustomerRow.id, CustomerRow.name).where(col(CustomerRow.id).in_(wanted))).all()
    )
    ids = {task.run_id for task, _ in rows}
    runs = {run.id: run for run in session.exec(select(RunRow).where(col(RunRow.id).in_(ids)))}
    everybody = {one for task, _ in rows for one in (task.assignee_id, task.decided_by, task.acting_for)}
    names = people.named(session, person.realm, everybody)
    items = []
    for task, order in rows:
        run = runs[task.run_id]
        instead = task.acting_for
        if task.state == TaskState.OPEN and task.delegate_id == person.id and task.assignee_id != person.id:
            instead = task.assignee_id
        items.append(
            Item(
                task=task,
                order=order,
                customer=customers[task.customer_id],
                step=run.step_name(task),
                asked=names.get(task.assignee_id, ""),
                acting_for=names.get(instead) if instead else None,
                decided_by=names.get(task.decided_by) if task.decided_by else None,
                overridden=run.overridden_by is not None,
                order_hash=run.order_hash,
            )
        )
    return items


def of_ids(session: Session, person: PersonRow, ids: Sequence[str]) -> list[Item]:
    """Their own tasks among these, in that order."""
    tasks = [task for task in (task_of(session, person, task_id) for task_id in ids) if task is not None]
    return _described(session, person, [(task, session.get_one(OrderRow, task.order_id)) for task in tasks])


def counted(session: Session, person: PersonRow, chosen: InboxFilter, now: datetime) -> int:
    """How many rows the filter selects; counted up to COUNTED + 1."""
    number = 0
    for part in _parts(person, chosen):
        query = _narrowed(select(RunTaskRow.id), person, chosen, part, now).limit(COUNTED + 1 - number)
        number += session.exec(select(func.count()).select_from(query.subquery())).one()
        if number > COUNTED:
            break
    return number


def task_of(session: Session, person: PersonRow, task_id: str) -> RunTaskRow | None:
    """The task, when it is this person's, or was decided by them."""
    task = session.get(RunTaskRow, task_id)
    if task is None or task.realm != person.realm:
        return None
    if person.id not in (task.assignee_id, task.delegate_id, task.decided_by):
        return None
    return task if person.serves(task.customer_id) else None
