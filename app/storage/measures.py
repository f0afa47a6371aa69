"""What one hour came to, counted in SQL from exchanges, attempts and deliveries.

Each query reads one range of one index on a time, so its cost is that of the hour and not of the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, String, cast, func, literal, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from app.storage.attempts import AttemptRow
from app.storage.base import table_of
from app.storage.deliveries import DeliveryRow
from app.storage.deliveries import State as DeliveryState
from app.storage.durations import bucket_of, rounded
from app.storage.exchanges import NOT_TAKEN, Direction, ExchangeRow, ExchangeState
from app.storage.orders import OrderRow


class Measure(StrEnum):
    """
    documents   received, by time of arrival; name: protocol, key: state.
    faults      in what was not taken; name: code.
    answered    from arrival to the answer; key: duration.
    deliveries  attempts to hand an order to an ERP, by their end; name: ERP, key: outcome, and `one` where a look-up
                found that it had arrived.
    erp_time    from the request to the ERP's answer, or to the end of patience; name: ERP, key: duration.
    delivered   from an order's entry into its lane until the ERP had it; name: ERP, key: duration.
    """

    DOCUMENTS = "documents"
    FAULTS = "faults"
    ANSWERED = "answered"
    DELIVERIES = "deliveries"
    ERP_TIME = "erp_time"
    DELIVERED = "delivered"


DURATIONS: Final = frozenset({Measure.ANSWERED, Measure.ERP_TIME, Measure.DELIVERED})
_ANSWERED: Final = (ExchangeState.ACCEPTED, *NOT_TAKEN)
_SENT: Final = ("accepted", "rejected", "retry", "uncertain")
_WAITED: Final = ("accepted", "rejected", "uncertain")
LONGEST_NAME: Final = 100
NOBODY: Final = "-"
"""As partner or customer: not known."""


@dataclass(frozen=True, slots=True)
class Counted:
    measure: Measure
    partner_id: str
    customer_id: str
    name: str
    key: str
    number: int


def measured_hour(session: Session, realm: str, since: datetime, until: datetime) -> Iterator[Counted]:
    """`until` is not included. What agrees in all but the number may come in several parts."""
    queries = (
        (Measure.DOCUMENTS, _documents(realm, since, until)),
        (Measure.FAULTS, _faults(session, realm, since, until)),
        (Measure.ANSWERED, _answered(session, realm, since, until)),
        (Measure.DELIVERIES, _deliveries(realm, since, until)),
        (Measure.ERP_TIME, _erp_time(session, realm, since, until)),
        (Measure.DELIVERED, _delivered(session, realm, since, until)),
    )
    for measure, query in queries:
        for partner, customer, name, key, number in session.execute(query):
            told = str(bucket_of(int(key)) if measure in DURATIONS else key)
            yield Counted(measure, partner, customer, (name or "")[:LONGEST_NAME], told, int(number))


def _arrived(realm: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [
        col(ExchangeRow.realm) == realm,
        col(ExchangeRow.at) >= since,
        col(ExchangeRow.at) < until,
        col(ExchangeRow.direction) == Direction.IN,
    ]


def _counted(partner: Any, customer: Any, name: Any, key: Any, *conditions: ColumnElement[bool], of: Any = None) -> Any:
    # As they are, SQLite would take an index that has their order, and so read the whole table.
    owners = func.coalesce(partner, NOBODY).label("partner"), func.coalesce(customer, NOBODY).label("customer")
    query = select(*owners, name.label("name"), key.label("key"), func.count()).where(*conditions)
    if of is not None:
        query = query.select_from(of)
    # By what was labelled, else PostgreSQL takes the same expression with other parameters for another one.
    return query.group_by("partner", "customer", "name", "key")


def _documents(realm: str, since: datetime, until: datetime) -> Any:
    row = ExchangeRow
    return _counted(
        col(row.partner_id), col(row.customer_id), col(row.protocol), col(row.state), *_arrived(realm, since, until)
    )


def _faults(session: Session, realm: str, since: datetime, until: datetime) -> Any:
    row: Any = table_of(ExchangeRow)
    code: ColumnElement[Any]
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(row.c.faults).table_valued("value").alias("fault")
        code = func.json_extract(each.c.value, "$.code")
    else:
        each = func.json_array_elements(row.c.faults).table_valued("value").render_derived("fault")
        code = each.c.value.op("->>")("code")
    conditions = [*_arrived(realm, since, until), col(ExchangeRow.state).in_(NOT_TAKEN)]
    join = row.join(each, literal(True))
    return _counted(row.c.partner_id, row.c.customer_id, cast(code, String), literal(""), *conditions, of=join)


def _answered(session: Session, realm: str, since: datetime, until: datetime) -> Any:
    row = ExchangeRow
    answer = aliased(ExchangeRow)
    took = rounded(session, col(row.at), col(answer.at))
    conditions = [
        *_arrived(realm, since, until),
        col(row.state).in_(_ANSWERED),
        col(answer.id) == col(row.answered_by),
    ]
    return _counted(col(row.partner_id), col(row.customer_id), literal(""), took, *conditions)


def _ended(realm: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [
        col(AttemptRow.ended_at) >= since,
        col(AttemptRow.ended_at) < until,
        col(DeliveryRow.id) == col(AttemptRow.subject_id),
        # Not by the column alone: SQLite would begin with all deliveries of the realm.
        col(DeliveryRow.realm).concat("") == realm,
        col(OrderRow.id) == col(DeliveryRow.order_id),
    ]


def _deliveries(realm: str, since: datetime, until: datetime) -> Any:
    submitted = (col(AttemptRow.act) == "submit") & col(AttemptRow.outcome).in_(_SENT)
    found = (col(AttemptRow.act) == "find") & (col(AttemptRow.outcome) == "one")
    conditions = [*_ended(realm, since, until), submitted | found]
    return _counted(
        col(OrderRow.partner_id), col(DeliveryRow.customer_id), col(DeliveryRow.erp), col(AttemptRow.outcome),
        *conditions,
    )  # fmt: skip


def _erp_time(session: Session, realm: str, since: datetime, until: datetime) -> Any:
    took = rounded(session, col(AttemptRow.started_at), col(AttemptRow.ended_at))
    conditions = [
        *_ended(realm, since, until),
        col(AttemptRow.act) == "submit",
        col(AttemptRow.outcome).in_(_WAITED),
    ]
    return _counted(col(OrderRow.partner_id), col(DeliveryRow.customer_id), col(DeliveryRow.erp), took, *conditions)


def _delivered(session: Session, realm: str, since: datetime, until: datetime) -> Any:
    took = rounded(session, col(DeliveryRow.created_at), col(DeliveryRow.closed_at))
    conditions = [
        col(DeliveryRow.realm) == realm,
        col(DeliveryRow.closed_at) >= since,
        col(DeliveryRow.closed_at) < until,
        col(DeliveryRow.state) == DeliveryState.ACCEPTED,
        col(OrderRow.id) == col(DeliveryRow.order_id),
    ]
    return _counted(col(OrderRow.partner_id), col(DeliveryRow.customer_id), col(DeliveryRow.erp), took, *conditions)
