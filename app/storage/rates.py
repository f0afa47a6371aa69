"""Exchange rates as they were published, for rules that compare amounts of two currencies."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date
from sqlalchemy import select as columns_of
from sqlmodel import Field, Session, col, select

from app.storage.base import DecimalText, Row, UtcDateTime


class RateRow(Row, table=True):
    """`factor` units of `target` for one unit of `base`, as `source` published it for `day`."""

    __tablename__ = "cd_rates"

    realm: str = Field(primary_key=True, max_length=20)
    base: str = Field(primary_key=True, max_length=3)
    target: str = Field(primary_key=True, max_length=3)
    day: date = Field(primary_key=True, sa_type=Date)
    factor: Decimal = Field(sa_type=DecimalText)
    source: str = Field(max_length=100)
    set_at: datetime = Field(sa_type=UtcDateTime)


def newest(session: Session, realm: str, base: str, target: str, day: date) -> RateRow | None:
    """That of the day, or the last one before it."""
    query = (
        select(RateRow)
        .where(
            col(RateRow.realm) == realm,
            col(RateRow.base) == base,
            col(RateRow.target) == target,
            col(RateRow.day) <= day,
        )
        .order_by(col(RateRow.day).desc())
        .limit(1)
    )
    return session.exec(query).first()


def all_of(session: Session, realm: str) -> Iterable[tuple[str, str, date, Decimal, str]]:
    """Base, target, day, factor and source: by currencies, the newest day first."""
    order = (col(RateRow.base), col(RateRow.target), col(RateRow.day).desc())
    columns = map(col, (RateRow.base, RateRow.target, RateRow.day, RateRow.factor, RateRow.source))
    found = session.execute(columns_of(*columns).where(col(RateRow.realm) == realm).order_by(*order))
    return ((base, target, day, factor, source) for base, target, day, factor, source in found)
