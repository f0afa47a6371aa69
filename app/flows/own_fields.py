"""The fields of a customer's own: declared, changed and retired, and what rules may name of them.

Only rules of one customer may ask about its fields: a field of the same name would mean another thing elsewhere, and
whoever is asked by the rules of a group could not see what it means. A published version keeps the type and label of
the fields that it asks about, so it is read the same for ever; the values are read as the fields are declared when an
order is judged."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlmodel import Session, select

from app.approval.extras import HEADER, LINE, Extra
from app.approval.fields import Catalogue, catalogue
from app.approval.flow import Flow
from app.approval.operators import Type
from app.errors import No, Refusal
from app.flows import judge_again
from app.flows.consider_order import own_fields_in, read_version
from app.flows.looked_up import extra_of
from app.gateway import Gateway
from app.storage import audit, own_fields
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.customers import CustomerRow
from app.storage.own_fields import OwnFieldRow

MOST: Final = 50
"""Fields of one customer."""


def declare(
    tx: Session, gateway: Gateway, customer_id: str, given: Mapping[str, Any], *, actor: str, channel: str
) -> Extra:
    """Adds a field, or changes the one of this name. Raises Refusal: for what is no field, and for another type,
    currency or place in the document of one that active rules ask about."""
    extra = _extra(given)
    customer = _locked(tx, customer_id)
    row = tx.get(OwnFieldRow, (customer.id, extra.name))
    before = extra_of(row) if row is not None else None
    if before == extra:
        return extra
    if before is None and len(own_fields.of_customer(tx, customer.id)) >= MOST:
        raise Refusal(No.UNACCEPTABLE, f"A customer has at most {MOST} fields of its own.")
    if before is not None and _means(before) != _means(extra):
        _refuse_while_used(tx, customer, before, "keep its type, currency and place, or change")
    values: dict[str, Any] = {
        "type": extra.type.value,
        "label": extra.label,
        "currency": extra.currency,
        "of_line": extra.of_line,
        "read_from": {"extension": extra.extension},
        "set_at": gateway.clock.now(),
    }
    row = row or OwnFieldRow(customer_id=customer.id, name=extra.name, realm=customer.realm, **values)
    row.sqlmodel_update(values)
    tx.add(row)
    tx.flush()
    said = {"before": _said(before), "after": _said(extra)}
    _record(tx, gateway, customer, "own_field_set", extra, said, actor, channel)
    return extra


def retire(tx: Session, gateway: Gateway, customer_id: str, name: str, *, actor: str, channel: str) -> None:
    """No rule may name it any more. Raises Refusal where there is none, and while active rules ask about it."""
    customer = _locked(tx, customer_id)
    row = tx.get(OwnFieldRow, (customer.id, name))
    if row is None:
        raise Refusal(No.UNKNOWN_REFERENCE, f"This customer has no field {name[:40]!r} of its own.")
    extra = extra_of(row)
    _refuse_while_used(tx, customer, extra, "change or retire")
    tx.delete(row)
    _record(tx, gateway, customer, "own_field_retired", extra, {"before": _said(extra)}, actor, channel)


def judge_waiting(gateway: Gateway, customer: CustomerRow, name: str) -> int:
    """Judges again what is held as the field was not known; how many orders that were."""
    waits = judge_again.asks_for_field(f"{HEADER}{name}", f"{LINE}{name}")
    return judge_again.judge_waiting(gateway, customer.realm, waits, customer.id)


def _extra(given: Mapping[str, Any]) -> Extra:
    if given.get("type") not in list(Type):
        raise Refusal(No.UNACCEPTABLE, f"A type is one of {', '.join(Type)}.")
    try:
        return Extra(**{**given, "type": Type(given["type"])})
    except ValueError as error:
        raise Refusal(No.UNACCEPTABLE, f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _locked(tx: Session, customer_id: str) -> CustomerRow:
    """So that rules which ask about its fields are not published meanwhile."""
    return tx.get_one(CustomerRow, customer_id, with_for_update=True)


def _means(extra: Extra) -> tuple[object, ...]:
    return extra.type, extra.currency, extra.of_line


def _refuse_while_used(tx: Session, customer: CustomerRow, extra: Extra, what: str) -> None:
    named = used_by(tx, customer, extra.key)
    if named:
        listed = ", ".join(f"'{name}'" for name in named)
        raise Refusal(No.CONFLICT, f"Active rules ask about {extra.key!r}: {what} {listed} first.")


def used_by(session: Session, customer: CustomerRow, key: str) -> list[str]:
    """The names of the active rules that ask about a field of the customer's own."""
    query = select(FlowRow.name, FlowVersionRow).where(
        FlowRow.customer_id == customer.id,
        FlowVersionRow.flow_id == FlowRow.id,
        FlowVersionRow.state == VersionState.ACTIVE,
    )
    found = session.exec(query.order_by(FlowRow.name))
    return [name for name, version in found if key in read_version(version).needs]


def of_customer(session: Session, customer_id: str) -> tuple[Extra, ...]:
    return tuple(map(extra_of, own_fields.of_customer(session, customer_id)))


def fields_for(session: Session, flow: FlowRow) -> Catalogue:
    """What the rules of a flow may name now."""
    return catalogue(of_customer(session, flow.customer_id) if flow.customer_id is not None else ())


def fields_of(session: Session, version: FlowVersionRow, flow: FlowRow) -> Catalogue:
    """What a published version names, beside what may be named now."""
    now = of_customer(session, flow.customer_id) if flow.customer_id is not None else ()
    return catalogue((*now, *own_fields_in(version.own_fields)))


def kept_with(tx: Session, row: FlowRow, flow: Flow) -> str | None:
    """What a version keeps of the fields that its rules ask about; None where they ask about none."""
    if row.customer_id is None or not any(key.startswith((HEADER, LINE)) for key in flow.needs):
        return None
    _locked(tx, row.customer_id)
    return _kept(extra for extra in of_customer(tx, row.customer_id) if extra.key in flow.needs)


def _kept(extras: Iterable[Extra]) -> str:
    return msgspec.json.encode(list(extras)).decode()


def _said(extra: Extra | None) -> dict[str, Any] | None:
    return msgspec.to_builtins(extra) if extra is not None else None


def _record(
    tx: Session,
    gateway: Gateway,
    customer: CustomerRow,
    event: str,
    extra: Extra,
    said: dict[str, Any],
    actor: str,
    channel: str,
) -> None:
    data = {"customer": customer.number, "field": extra.key, **said}
    at = gateway.clock.now()
    audit.record(tx, realm=customer.realm, at=at, actor=actor, channel=channel, event=event, data=data)
