"""Sets what rules must know of a person. Tasks that are open keep their people, except that an absence passes them on.

Each change is an entry of the audit record."""

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from sqlmodel import Session

from app.approval.flow import OWNERS
from app.approval.people import Absence
from app.approval.working_hours import WorkingHours
from app.errors import No, Refusal
from app.flows import stand_in
from app.flows.approvers import hours_of
from app.gateway import Gateway
from app.storage import approver_profiles, audit
from app.storage.approver_profiles import AbsenceRow, ApprovalLimitRow, OwnerRow
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow
from schemas.money import Money

LONGEST_NAME: Final = 100
MOST: Final = 100
"""Groups, or absences to come, of one person."""


def set_limit(tx: Session, gateway: Gateway, person: PersonRow, limit: Money, *, actor: str, channel: str) -> None:
    """What the person may approve in that currency. Raises Refusal for an amount below zero."""
    if limit.amount < 0:
        raise Refusal(No.UNACCEPTABLE, "a limit is zero or more")
    row = tx.get(ApprovalLimitRow, (person.id, limit.currency))
    before = f"{row.amount:f}" if row else None
    row = row or ApprovalLimitRow(person_id=person.id, currency=limit.currency, realm=person.realm, amount=Decimal(0))
    row.amount = limit.amount
    tx.add(row)
    said = {"amount": f"{limit.amount:f}", "currency": limit.currency, "before": before}
    _record(tx, gateway, person, "limit_set", said, actor, channel)


def drop_limit(tx: Session, gateway: Gateway, person: PersonRow, currency: str, *, actor: str, channel: str) -> None:
    """Without a limit they have no authority in that currency. Raises Refusal where there is none."""
    row = tx.get(ApprovalLimitRow, (person.id, currency))
    if row is None:
        raise Refusal(No.UNKNOWN_REFERENCE, f"{person.login} has no limit in {currency}")
    tx.delete(row)
    said = {"currency": currency, "before": f"{row.amount:f}"}
    _record(tx, gateway, person, "limit_dropped", said, actor, channel)


def set_manager(
    tx: Session, gateway: Gateway, person: PersonRow, manager: PersonRow | None, *, actor: str, channel: str
) -> None:
    if manager is not None and manager.id == person.id:
        raise Refusal(No.UNACCEPTABLE, "nobody is their own manager")
    profile = approver_profiles.profile(tx, person.realm, person.id)
    said = {"manager": manager.id if manager else None, "before": profile.manager_id}
    profile.manager_id = said["manager"]
    tx.add(profile)
    _record(tx, gateway, person, "manager_set", said, actor, channel)


def set_groups(
    tx: Session, gateway: Gateway, person: PersonRow, groups: Iterable[str], *, actor: str, channel: str
) -> None:
    """All groups of the person; they are compared as they are written."""
    wanted = sorted({group.strip() for group in groups})
    if len(wanted) > MOST or any(not group or len(group) > LONGEST_NAME for group in wanted):
        raise Refusal(No.UNACCEPTABLE, f"up to {MOST} groups with names of 1 to {LONGEST_NAME} characters")
    profile = approver_profiles.profile(tx, person.realm, person.id)
    said = {"groups": wanted, "before": profile.groups}
    profile.groups = wanted
    tx.add(profile)
    _record(tx, gateway, person, "groups_set", said, actor, channel)


def set_hours(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    *,
    actor: str,
    channel: str,
    zone: str | None = None,
    weekdays: Iterable[int] | None = None,
    begins: time | None = None,
    ends: time | None = None,
    holidays: Iterable[date] | None = None,
) -> None:
    """What is not given stays. Absences are local times, so they move with the zone. Raises Refusal for hours that
    never come."""
    profile = approver_profiles.profile(tx, person.realm, person.id)
    before = hours_of(profile)
    try:
        hours = WorkingHours(
            zone=zone or before.zone,
            weekdays=before.weekdays if weekdays is None else frozenset(weekdays),
            begins=begins or before.begins,
            ends=ends or before.ends,
            holidays=before.holidays if holidays is None else frozenset(holidays),
        )
    except ValueError as error:
        raise Refusal(No.UNACCEPTABLE, str(error)) from None
    profile.zone, profile.weekdays = hours.zone, sorted(hours.weekdays)
    profile.begins, profile.ends = hours.begins.strftime("%H:%M"), hours.ends.strftime("%H:%M")
    profile.holidays = sorted(day.isoformat() for day in hours.holidays)
    tx.add(profile)
    now = gateway.clock.now()
    for absence in approver_profiles.absences_of(tx, person.id, now):
        _time(absence, hours)
        tx.add(absence)
    said = {**_said(hours), "before": _said(before)}
    _record(tx, gateway, person, "hours_set", said, actor, channel)


def _said(hours: WorkingHours) -> dict[str, Any]:
    return {
        "zone": hours.zone,
        "weekdays": sorted(hours.weekdays),
        "begins": f"{hours.begins:%H:%M}",
        "ends": f"{hours.ends:%H:%M}",
        "holidays": sorted(day.isoformat() for day in hours.holidays),
    }


def add_absence(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    begins: datetime,
    ends: datetime,
    delegate: PersonRow | None,
    *,
    actor: str,
    channel: str,
) -> AbsenceRow:
    """From `begins` until before `ends`, local times of the person without a zone; open tasks change hands when it has
    begun. Raises Refusal."""
    now, profile = gateway.clock.now(), approver_profiles.profile(tx, person.realm, person.id)
    try:
        Absence(begins=begins, ends=ends)
    except ValueError as error:
        raise Refusal(No.UNACCEPTABLE, str(error)) from None
    if delegate is not None and delegate.id == person.id:
        raise Refusal(No.UNACCEPTABLE, "nobody stands in for themselves")
    row = AbsenceRow(
        id=gateway.ids(),
        realm=person.realm,
        person_id=person.id,
        delegate_id=delegate.id if delegate else None,
        begins=begins.isoformat(timespec="minutes"),
        ends=ends.isoformat(timespec="minutes"),
        begins_at=now,
        ends_at=now,
    )
    _time(row, hours_of(profile))
    if row.ends_at <= now:
        raise Refusal(No.UNACCEPTABLE, "the absence is over already")
    others = approver_profiles.absences_of(tx, person.id, now)
    if len(others) >= MOST or any(row.begins_at < other.ends_at and other.begins_at < row.ends_at for other in others):
        raise Refusal(No.CONFLICT, f"{person.login} is away already at that time")
    tx.add(row)
    said = {"absence": row.id, "begins": row.begins, "ends": row.ends, "delegate": row.delegate_id}
    _record(tx, gateway, person, "absence_added", said, actor, channel)
    return row


def end_absence(tx: Session, gateway: Gateway, person: PersonRow, absence_id: str, *, actor: str, channel: str) -> None:
    """They are back, or do not go; their tasks come back at once. Raises Refusal."""
    row = tx.get(AbsenceRow, absence_id)
    if row is None or row.person_id != person.id:
        raise Refusal(No.UNKNOWN_REFERENCE, f"{person.login} has no such absence")
    tx.delete(row)
    _record(tx, gateway, person, "absence_ended", {"absence": absence_id}, actor, channel)
    tx.flush()
    stand_in.look_again(tx, gateway, person.id, gateway.clock.now())


def _time(row: AbsenceRow, hours: WorkingHours) -> None:
    row.begins_at = hours.instant(datetime.fromisoformat(row.begins))
    row.ends_at = hours.instant(datetime.fromisoformat(row.ends))
    row.turns_at = row.begins_at


def set_owner(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    customer: CustomerRow,
    kind: str,
    code: str,
    *,
    actor: str,
    channel: str,
) -> None:
    """The person answers for a cost centre or a ship-to of the customer, or for the customer (`code` empty), in place
    of who did before. Raises Refusal."""
    code = code.strip()
    if kind not in OWNERS or len(code) > LONGEST_NAME or bool(code) == (kind == "customer.owner"):
        raise Refusal(No.UNACCEPTABLE, "name a cost centre or a ship-to by its code, or the customer without one")
    row = tx.get(OwnerRow, (customer.id, kind, code))
    before = row.person_id if row else None
    row = row or OwnerRow(customer_id=customer.id, kind=kind, code=code, realm=person.realm, person_id=person.id)
    row.person_id = person.id
    tx.add(row)
    said = {"customer": customer.number, "kind": kind, "code": code, "before": before}
    _record(tx, gateway, person, "owner_set", said, actor, channel)


def drop_owner(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    customer: CustomerRow,
    kind: str,
    code: str,
    *,
    actor: str,
    channel: str,
) -> None:
    """Nobody answers for it from now on. Raises Refusal where the person did not."""
    row = tx.get(OwnerRow, (customer.id, kind, code))
    if row is None or row.person_id != person.id:
        raise Refusal(No.UNKNOWN_REFERENCE, f"{person.login} does not answer for that")
    tx.delete(row)
    said = {"customer": customer.number, "kind": kind, "code": code}
    _record(tx, gateway, person, "owner_dropped", said, actor, channel)


def _record(
    tx: Session, gateway: Gateway, person: PersonRow, event: str, said: dict[str, Any], actor: str, channel: str
) -> None:
    data = {"person": person.id, **said}
    at = gateway.clock.now()
    audit.record(tx, realm=person.realm, at=at, actor=actor, channel=channel, event=event, data=data)
