"""Whom we sell to: the account behind a buyer's document, with its own currency, prices and tolerances."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, Session, select

from app.storage.base import Row, UtcDateTime, new_id


class CustomerRow(Row, table=True):
    """
    number      the customer's number in the ERP.
    price_list  name of the price list; the catalog knows its prices.
    settings    order tolerance, unit words, approval rule: read by the flows that need them.
    """

    __tablename__ = "cd_customers"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    number: str = Field(max_length=50)
    name: str = Field(max_length=200)
    currency: str = Field(max_length=3)
    language: str = Field(default="en", max_length=10)
    price_list: str | None = Field(default=None, max_length=50)
    active: bool = True
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("realm", "number"),)

    @property
    def group(self) -> str | None:
        """As its terms name it (`orders.group`)."""
        named = self.settings.get("orders", {}).get("group")
        return named if isinstance(named, str) and named.strip() else None

    def is_in(self, group: str) -> bool:
        """Whether it belongs to this group, whose name is compared without case."""
        return self.group is not None and same_group(self.group, group)


def same_group(one: str, other: str) -> bool:
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def of_group(session: Session, realm: str, group: str) -> list[CustomerRow]:
    query = select(CustomerRow).where(CustomerRow.realm == realm).order_by(CustomerRow.number)
    return [customer for customer in session.exec(query) if customer.is_in(group)]


def groups(session: Session, realm: str) -> list[str]:
    """The groups that customers are in, by name; of several ways to write one, the first."""
    query = select(CustomerRow).where(CustomerRow.realm == realm).order_by(CustomerRow.number)
    named = (customer.group for customer in session.exec(query))
    found = {_folded(group): group for group in reversed([group for group in named if group is not None])}
    return sorted(found.values(), key=str.casefold)


class CustomerAddressRow(Row, table=True):
    """A known ship-to: `code` is the buyer's addressID, `address` the canonical JSON of it."""

    __tablename__ = "cd_customer_addresses"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    customer_id: str = Field(foreign_key="cd_customers.id", ondelete="CASCADE", max_length=36)
    code: str = Field(max_length=100)
    name: str = Field(max_length=200)
    address: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))

    __table_args__ = (UniqueConstraint("customer_id", "code"),)
