"""Publishes approval rules: a definition that was read and checked without fault becomes the active version of its
flow."""

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, select

from app.approval import definition as definitions
from app.flows import flow_examples, own_fields
from app.flows.check_flow import check_flow
from app.flows.past_orders import Trial
from app.gateway import Gateway
from app.storage import audit
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.people import PersonRow
from schemas.faults import Fault


@dataclass(frozen=True, slots=True)
class Published:
    """`findings`: what is doubtful about the rules and did not forbid to publish them."""

    version: FlowVersionRow
    findings: tuple[Fault, ...]


def publish_flow(
    tx: Session,
    gateway: Gateway,
    *,
    realm: str,
    key: str,
    name: str,
    definition: str,
    customer_id: str | None,
    customer_group: str | None = None,
    by: PersonRow | None = None,
) -> Published:
    """The new active version; the one before is retired, and runs that began with it end with it. The definition that
    is active already is not published again. Raises schemas.faults.Rejected with all faults: of the definition, or of
    what it asks of people, limits and other rules, and of examples that do not hold."""
    row = tx.exec(select(FlowRow).where(FlowRow.realm == realm, FlowRow.key == key).with_for_update()).first()
    row = row or FlowRow(id=gateway.ids(), realm=realm, key=key, name=name)
    row.name, row.customer_id, row.customer_group = name, customer_id, customer_group
    tx.add(row)
    tx.flush()
    flow = definitions.read(definition, own_fields.fields_for(tx, row))
    kept = own_fields.kept_with(tx, row, flow)
    at = gateway.clock.now()
    checked = check_flow(tx, row, flow, at)
    checked.extend(flow_examples.faults(flow_examples.try_out(tx, row, flow, Trial(at))))
    checked.raise_if_any()
    active = tx.exec(
        select(FlowVersionRow).where(FlowVersionRow.flow_id == row.id, FlowVersionRow.state == VersionState.ACTIVE)
    ).first()
    same = active is not None and active.checksum == definitions.checksum(flow) and active.own_fields == kept
    if active is not None and same:
        return Published(active, checked.findings)
    if active is not None:
        active.state = VersionState.RETIRED
        tx.add(active)
    last = tx.exec(select(func.max(FlowVersionRow.number)).where(FlowVersionRow.flow_id == row.id)).one()
    version = FlowVersionRow(
        id=gateway.ids(),
        realm=realm,
        flow_id=row.id,
        number=(last or 0) + 1,
        state=VersionState.ACTIVE,
        definition=definitions.to_json(flow),
        checksum=definitions.checksum(flow),
        published_by=by.id if by else None,
        published_at=at,
        own_fields=kept,
    )
    tx.add(version)
    audit.record(
        tx,
        realm=realm,
        at=at,
        actor=audit.by(by.id) if by else "system",
        channel="page" if by else "command",
        event="flow_published",
        flow_version_id=version.id,
        data={"flow": key, "version": version.number, "checksum": version.checksum},
    )
    return Published(version, checked.findings)
