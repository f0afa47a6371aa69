"""Every column that holds something sealed with a master key: what a rotation seals anew. A test compares the list with
the tables."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Table, func, or_, select

from app.seal import Place, beginning
from app.storage.approval_links import ApprovalLinkRow
from app.storage.base import table_of
from app.storage.erps import ErpSecretRow
from app.storage.exchanges import ExchangeBodyRow, QuarantineRow
from app.storage.oidc import OidcProviderRow
from app.storage.partners import PartnerSecretRow
from app.storage.second_factors import SecondFactorRow


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """`bound` is the column's name in the Place that the value was sealed for."""

    table: Table
    name: str
    bound: str

    @property
    def column(self) -> Column[Any]:
        return self.table.c[self.name]

    @property
    def key(self) -> Column[Any]:
        return next(iter(self.table.primary_key.columns))

    def place(self, row_id: str) -> Place:
        return Place(self.table.name, row_id, self.bound)

    def sealed_with(self, *key_ids: str) -> ColumnElement[bool]:
        marks = [beginning(key_id) for key_id in key_ids]
        return or_(*(func.substr(self.column, 1, len(mark)) == mark for mark in marks))


def _of(row: Any, name: str, bound: str) -> SealedColumn:
    return SealedColumn(table_of(row), name, bound)


SEALED: Final = (
    _of(PartnerSecretRow, "sealed", "sealed"),
    _of(ErpSecretRow, "sealed", "sealed"),
    _of(SecondFactorRow, "sealed", "sealed"),
    _of(OidcProviderRow, "sealed", "sealed"),
    _of(ApprovalLinkRow, "sealed", "sealed"),
    _of(ExchangeBodyRow, "sealed_key", "body"),
    _of(QuarantineRow, "sealed_key", "body"),
)


def count(connection: Connection, *key_ids: str) -> int:
    """How many values are sealed with one of these keys."""
    if not key_ids:
        return 0
    return sum(
        connection.execute(
            select(func.count()).select_from(sealed.table).where(sealed.sealed_with(*key_ids))
        ).scalar_one()
        for sealed in SEALED
    )
