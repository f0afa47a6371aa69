"""What a row needs that workers take in hand, one at a time, until it comes to an end."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar

from sqlmodel import Field, Session, col, select

from app.storage.base import Counter, Row, UtcDateTime, new_id


class Impossible(Exception):
    """An event that the state does not allow: another worker, or a person, has moved the row meanwhile."""


class InHand(Row):
    """
    sequence       order of creation; with several writing processes two rows that are made at the same moment may stand
                   either way, the rows of one order never.
    open           whether `state` is one of `open_states`, as a column for the indexes.
    due_at         when a worker must look at it again; None: as soon as it is its turn. While `claim` is set it is the
                   end of the claim's lease.
    claim          a worker's hold on it, a fresh id each time; a result under another claim is too late.
    worker         who had it last; None: nobody since it was made or replayed.
    attempts       how often it was sent.
    touched_at     last change of the row.
    first_sent_at  from here the time counts after which it is given up; a replay begins anew.
    warned_at      when people were told that it is late.
    """

    transitions: ClassVar[Mapping[tuple[str, str], StrEnum]]
    open_states: ClassVar[frozenset[str]]

    sequence: int | None = Field(
        default=None, primary_key=True, sa_type=Counter, sa_column_kwargs={"autoincrement": True}
    )
    id: str = Field(default_factory=new_id, unique=True, max_length=36)
    realm: str = Field(max_length=20)
    correlation_id: str = Field(max_length=36)
    state: str = Field(default="pending", max_length=10)
    open: bool = True
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    claim: str | None = Field(default=None, max_length=36)
    worker: str | None = Field(default=None, max_length=60)
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    touched_at: datetime = Field(sa_type=UtcDateTime)
    first_sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    warned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = Field(default=None, max_length=2_000)

    def move(self, event: StrEnum, now: datetime) -> None:
        """Applies the table; the claim ends. Raises Impossible."""
        to = self.transitions.get((self.state, event))
        if to is None:
            raise Impossible(f"what is {self.state} cannot {event}")
        self.state = to
        self.open = to in self.open_states
        self.closed_at = None if self.open else now
        self.touched_at = now
        self.claim = None
        self.due_at = None

    def take(self, now: datetime, *, claim: str, worker: str, until: datetime) -> None:
        """A worker sends it now, and has it in hand until then."""
        self.attempts += 1
        self.first_sent_at = self.first_sent_at or now
        self.claim = claim
        self.worker = worker
        self.due_at = until


class OfOrder(InHand):
    """What belongs to one order of one customer."""

    customer_id: str = Field(foreign_key="cd_customers.id", max_length=36)
    order_id: str = Field(foreign_key="cd_orders.id", max_length=36)


R = TypeVar("R", bound=InHand)


def by_id(tx: Session, kind: type[R], row_id: str) -> R | None:
    """Kept from others until the transaction ends."""
    query = select(kind).where(col(kind.id) == row_id).with_for_update()
    return tx.exec(query.execution_options(populate_existing=True)).one_or_none()


def claimed_by(tx: Session, kind: type[R], worker: str) -> list[R]:
    """What this worker has in hand; kept from others until the transaction ends."""
    query = select(kind).where(col(kind.open).is_(True), col(kind.worker) == worker, col(kind.claim).is_not(None))
    return list(tx.exec(query.with_for_update()))
