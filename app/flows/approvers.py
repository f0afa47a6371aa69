"""The people whom rules may ask about one order, from the rows: accounts, profiles, and who counts for it."""

from dataclasses import replace
from datetime import date, datetime, time

from sqlmodel import Session, select

from app.approval.asking import Case
from app.approval.people import Absence, Directory, Person
from app.approval.subject import Subject
from app.approval.working_hours import WorkingHours
from app.storage import approver_profiles, people
from app.storage.approvals import RunRow
from app.storage.approver_profiles import AbsenceRow, ApproverProfileRow
from app.storage.orders import HoldRow, OrderRevisionRow, OrderRow
from app.storage.people import PersonRow
from schemas.money import Money


def directory_of(tx: Session, order: OrderRow, at: datetime) -> Directory:
    """Everybody who serves the order's customer."""
    return Directory(person for row, person in everybody(tx, order.realm, at) if row.serves(order.customer_id))


def everybody(tx: Session, realm: str, at: datetime) -> list[tuple[PersonRow, Person]]:
    """Each account with what rules know of the person; `at` tells which absences are over."""
    profiles = approver_profiles.profiles(tx, realm)
    limits: dict[str, list[Money]] = {}
    for limit in approver_profiles.limits(tx, realm):
        limits.setdefault(limit.person_id, []).append(Money(amount=limit.amount, currency=limit.currency))
    absences: dict[str, list[Absence]] = {}
    for absence in approver_profiles.absences(tx, realm, at):
        absences.setdefault(absence.person_id, []).append(_absence(absence))
    found = []
    for row in people.of_realm(tx, realm):
        profile = profiles.get(row.id)
        person = Person(
            id=row.id,
            login=row.login,
            name=row.name,
            active=row.active,
            roles=frozenset(row.roles),
            groups=frozenset(profile.groups if profile else ()),
            manager=profile.manager_id if profile else None,
            limits=tuple(limits.get(row.id, ())),
            absences=tuple(absences.get(row.id, ())),
            hours=hours_of(profile) if profile else WorkingHours(),
            language=row.language,
        )
        found.append((row, person))
    return found


def _absence(row: AbsenceRow) -> Absence:
    return Absence(
        begins=datetime.fromisoformat(row.begins), ends=datetime.fromisoformat(row.ends), delegate=row.delegate_id
    )


def hours_of(profile: ApproverProfileRow) -> WorkingHours:
    return WorkingHours(
        zone=profile.zone,
        weekdays=frozenset(profile.weekdays),
        begins=time.fromisoformat(profile.begins),
        ends=time.fromisoformat(profile.ends),
        holidays=frozenset(map(date.fromisoformat, profile.holidays)),
    )


def case_of(tx: Session, order: OrderRow, row: RunRow, subject: Subject | None = None) -> Case:
    """Who counts and who does not. Total and owners are known when the order is given as `subject`.

    Whom the run of an older release excludes is taken for one who changed the order: such a person never counts."""
    requesters = tuple(row.requesters or ())
    counted_out = Case(
        requesters=requesters, editors=frozenset(row.excluded) - frozenset(requesters) | editors(tx, order)
    )
    if subject is None:
        return counted_out
    ship_to = subject.ship_to.id if subject.ship_to else None
    owners = approver_profiles.owners(tx, order.customer_id, subject.cost_center, ship_to)
    return replace(counted_out, total=subject.total_net, owners=owners)


def editors(tx: Session, order: OrderRow) -> frozenset[str]:
    """Whoever changed this order, or settled a difference of it, never counts as its approver: four eyes."""
    settled = select(HoldRow.settled_by).where(HoldRow.order_id == order.id)
    changed = select(OrderRevisionRow.editor_id).where(OrderRevisionRow.order_id == order.id)
    return frozenset(person_id for query in (settled, changed) for person_id in tx.exec(query) if person_id)
