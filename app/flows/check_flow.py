"""What is wrong or doubtful about rules, held against the people, limits, currencies and other rules that there are."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlmodel import Session, col, select

from app.approval import checks
from app.approval.condition_reader import nearest
from app.approval.flow import Flow
from app.approval.people import Directory, Person
from app.flows.approvers import everybody
from app.flows.consider_order import read_version
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.customers import CustomerRow, groups, same_group
from app.storage.people import PersonRow
from schemas.faults import Fault, Findings


def check_flow(tx: Session, row: FlowRow, flow: Flow, at: datetime) -> Findings:
    """All at once: faults forbid to publish `flow` as the definition of `row`, findings advise."""
    findings = Findings()
    beside = _beside(tx, row)
    customers = _customers(tx, row)
    found: dict[Fault, list[str]] = {}
    for directory, reached in _audiences(everybody(tx, row.realm, at), customers):
        currencies = sorted({customer.currency for customer in reached})
        checked = checks.check(flow, directory, currencies)
        for fault in (*checked.faults, *checked.findings):
            found.setdefault(fault, []).extend(customer.number for customer in reached)
    findings.extend(_told(fault, numbers, len(customers)) for fault, numbers in found.items())
    _check_order(row, flow, beside, findings)
    _check_reach(tx, row, customers, findings)
    return findings


def _beside(tx: Session, row: FlowRow) -> list[tuple[FlowRow, Flow]]:
    """The other active rules of the same customer or group, or the other rules for all."""
    query = select(FlowRow, FlowVersionRow).where(
        FlowRow.realm == row.realm,
        col(FlowRow.customer_id).is_not_distinct_from(row.customer_id),
        FlowRow.key != row.key,
        FlowVersionRow.flow_id == FlowRow.id,
        FlowVersionRow.state == VersionState.ACTIVE,
    )
    found = [(other, version) for other, version in tx.exec(query) if _same_scope(other, row)]
    return [(other, read_version(version)) for other, version in found]


def _same_scope(one: FlowRow, other: FlowRow) -> bool:
    if one.customer_group is None or other.customer_group is None:
        return one.customer_group is other.customer_group
    return same_group(one.customer_group, other.customer_group)


def _customers(tx: Session, row: FlowRow) -> list[CustomerRow]:
    """Whose orders the rules may meet. Rules for a group or for all meet none of a customer whose more special rules
    fit every order."""
    query = select(FlowRow, FlowVersionRow).where(
        FlowRow.realm == row.realm,
        FlowVersionRow.flow_id == FlowRow.id,
        FlowVersionRow.state == VersionState.ACTIVE,
    )
    special = [(flow, version) for flow, version in tx.exec(query) if flow.turn[0] < row.turn[0]]
    before = [flow for flow, version in special if read_version(version).match is None]
    return [customer for customer in _named(tx, row) if not any(flow.meets(customer) for flow in before)]


def _named(tx: Session, row: FlowRow) -> list[CustomerRow]:
    """The customers whom the rules are for."""
    query = select(CustomerRow).where(CustomerRow.realm == row.realm, col(CustomerRow.active).is_(True))
    return [customer for customer in tx.exec(query.order_by(CustomerRow.number)) if row.meets(customer)]


def _audiences(
    everyone: Sequence[tuple[PersonRow, Person]], customers: Iterable[CustomerRow]
) -> list[tuple[Directory, list[CustomerRow]]]:
    """Customers who are served by the same people are looked at together; without a customer, everybody."""
    by_people: dict[frozenset[str], list[CustomerRow]] = {}
    for customer in customers:
        by_people.setdefault(frozenset(row.id for row, _ in everyone if row.serves(customer.id)), []).append(customer)
    by_people = by_people or {frozenset(row.id for row, _ in everyone): []}
    return [
        (Directory(person for row, person in everyone if row.id in ids), reached) for ids, reached in by_people.items()
    ]


def _told(fault: Fault, numbers: Sequence[str], customers: int) -> Fault:
    if len(numbers) == customers:
        return fault
    more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
    return replace(fault, message=f"{fault.message} (for customer {numbers[0]}{more})")


def _check_reach(tx: Session, row: FlowRow, customers: Sequence[CustomerRow], findings: Findings) -> None:
    """Rules whose customers are not there, or all have more special ones that fit every order."""
    if customers or row.customer_id is not None:
        return
    if _named(tx, row):
        message = "never reached: every customer has more special rules, which fit every order"
        findings.note("flow.shadowed", "match", message)
    elif row.customer_group is not None:
        message = f"no customer is in the group{nearest(row.customer_group, groups(tx, row.realm))}"
        findings.note("flow.nobody_in_group", "match", message, row.customer_group)


def _check_order(row: FlowRow, flow: Flow, beside: Sequence[tuple[FlowRow, Flow]], findings: Findings) -> None:
    """Rules that stand behind others which fit every order."""
    tried = sorted([*beside, (row, flow)], key=lambda one: (-one[0].priority, one[0].key))
    missed = checks.shadowed([(other.key, of) for other, of in tried])
    if row.key in missed:
        first = next(other for other, of in tried if of.match is None)
        message = f"never reached: '{first.name}' is tried before and fits every order"
        findings.note("flow.shadowed", "match", message, first.key)
    elif flow.match is None:
        for other, _ in tried:
            if other.key in missed:
                message = f"fits every order, so that '{other.name}' is never reached"
                findings.note("flow.shadows", "match", message, other.key)
