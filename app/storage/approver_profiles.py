"""What rules must know of a person besides the account: limits, manager, groups, hours, absences, and what they own."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, Session, col, or_, select

from app.storage.base import DecimalText, Row, UtcDateTime, new_id

WEEK: Final = (0, 1, 2, 3, 4)


class ApproverProfileRow(Row, table=True):
    """
    zone          IANA name.
    weekdays      Monday is 0; `begins` and `ends` are local times of each working day, `HH:MM`.
    holidays      days without work, ISO dates.
    """

    __tablename__ = "cd_approver_profiles"

    person_id: str = Field(primary_key=True, foreign_key="cd_people.id", ondelete="CASCADE", max_length=36)
    realm: str = Field(max_length=20)
    manager_id: str | None = Field(default=None, foreign_key="cd_people.id", max_length=36)
    groups: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    zone: str = Field(default="UTC", max_length=60)
    weekdays: list[int] = Field(default_factory=lambda: list(WEEK), sa_column=Column(JSON, nullable=False))
    begins: str = Field(default="09:00", max_length=5)
    ends: str = Field(default="17:00", max_length=5)
    holidays: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class ApprovalLimitRow(Row, table=True):
    """What a person may approve in one currency. Without a row they have no authority in it."""

    __tablename__ = "cd_approval_limits"

    person_id: str = Field(primary_key=True, foreign_key="cd_people.id", ondelete="CASCADE", max_length=36)
    currency: str = Field(primary_key=True, max_length=3)
    realm: str = Field(max_length=20)
    amount: Decimal = Field(sa_type=DecimalText)


class AbsenceRow(Row, table=True):
    """
    begins, ends        local times of the person as they were entered, ISO without a zone.
    begins_at, ends_at  the same as moments; from the first until before the second they are away.
    turns_at            when open tasks change hands next: it begins, or it ends. Absent when it is over.
    """

    __tablename__ = "cd_absences"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", max_length=36)
    delegate_id: str | None = Field(default=None, foreign_key="cd_people.id", max_length=36)
    begins: str = Field(max_length=19)
    ends: str = Field(max_length=19)
    begins_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    turns_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)

    __table_args__ = (Index("ix_cd_absences_person_id_ends_at", "person_id", "ends_at"),)


class OwnerRow(Row, table=True):
    """Who answers for something that orders of a customer name.

    kind   `cost_center.owner`, `ship_to.owner` or `customer.owner`.
    code   of the cost centre or the ship-to; empty for the customer itself."""

    __tablename__ = "cd_approval_owners"

    customer_id: str = Field(primary_key=True, foreign_key="cd_customers.id", ondelete="CASCADE", max_length=36)
    kind: str = Field(primary_key=True, max_length=40)
    code: str = Field(primary_key=True, max_length=100)
    realm: str = Field(max_length=20)
    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", max_length=36)


def profiles(session: Session, realm: str) -> dict[str, ApproverProfileRow]:
    """By the person's id."""
    query = select(ApproverProfileRow).where(ApproverProfileRow.realm == realm)
    return {row.person_id: row for row in session.exec(query)}


def profile(session: Session, realm: str, person_id: str) -> ApproverProfileRow:
    """A new one, not yet added, for a person without."""
    return session.get(ApproverProfileRow, person_id) or ApproverProfileRow(person_id=person_id, realm=realm)


def limits(session: Session, realm: str) -> list[ApprovalLimitRow]:
    return list(session.exec(select(ApprovalLimitRow).where(ApprovalLimitRow.realm == realm)))


def limits_of(session: Session, person_id: str) -> list[ApprovalLimitRow]:
    """By currency."""
    query = select(ApprovalLimitRow).where(ApprovalLimitRow.person_id == person_id)
    return list(session.exec(query.order_by(ApprovalLimitRow.currency)))


def absences(session: Session, realm: str, now: datetime) -> list[AbsenceRow]:
    """Those that are not over."""
    query = select(AbsenceRow).where(AbsenceRow.realm == realm, col(AbsenceRow.ends_at) > now)
    return list(session.exec(query.order_by(col(AbsenceRow.begins_at))))


def absences_of(session: Session, person_id: str, now: datetime) -> list[AbsenceRow]:
    """Those of one person that are not over, the first one first."""
    query = select(AbsenceRow).where(AbsenceRow.person_id == person_id, col(AbsenceRow.ends_at) > now)
    return list(session.exec(query.order_by(col(AbsenceRow.begins_at))))


def turning(session: Session, now: datetime, most: int) -> list[AbsenceRow]:
    """Absences that have begun or ended since open tasks were looked at for them."""
    query = select(AbsenceRow).where(col(AbsenceRow.turns_at) <= now).order_by(col(AbsenceRow.turns_at)).limit(most)
    return list(session.exec(query))


def owners(session: Session, customer_id: str, cost_center: str | None, ship_to: str | None) -> dict[str, str]:
    """Kind to a person's id, of what an order names."""
    named = [("customer.owner", "")]
    named += [("cost_center.owner", cost_center)] if cost_center else []
    named += [("ship_to.owner", ship_to)] if ship_to else []
    wanted = [(OwnerRow.kind == kind) & (OwnerRow.code == code) for kind, code in named]
    query = select(OwnerRow).where(OwnerRow.customer_id == customer_id, or_(*wanted))
    return {row.kind: row.person_id for row in session.exec(query)}


def owned_by(session: Session, person_id: str) -> list[OwnerRow]:
    """What a person answers for."""
    query = select(OwnerRow).where(OwnerRow.person_id == person_id)
    return list(session.exec(query.order_by(OwnerRow.customer_id, OwnerRow.kind, OwnerRow.code)))
