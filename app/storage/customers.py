"""Whom we sell to: the account behind a buyer's document, with its own currency, prices and tolerances."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field

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
