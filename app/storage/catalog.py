"""Items, what they are called, what they cost whom.

An item is sold to a customer when the customer's price list has a valid price for it: the price list is also the
assortment. Texts carry their search words beside them, folded by `catalog/words.py`; the full-text index over those
words belongs to the database (migration 0002: FTS5 with triggers on SQLite, a generated tsvector on PostgreSQL), so
nothing that writes a text can forget it.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field

from app.storage.base import DecimalText, Row, UtcDateTime, new_id


class CodeKind(StrEnum):
    """What one may type to mean exactly one item."""

    SKU = "sku"
    GTIN = "gtin"
    MANUFACTURER_PART = "manufacturer_part"


class CategoryRow(Row, table=True):
    """A shelf. `names` by language; `picture` is one of our drawings (`templates/storefront/pictures.html`)."""

    __tablename__ = "cd_categories"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    code: str = Field(max_length=50)
    names: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    picture: str = Field(max_length=50)
    position: int

    __table_args__ = (UniqueConstraint("realm", "code"),)


class ItemRow(Row, table=True):
    """
    active         a withdrawn item is kept: old carts still name it.
    unit           the order unit, UN/ECE Recommendation 20.
    content        how many `content_unit` are in one order unit (a box of 100 pieces).
    minimum, step  order quantities are `minimum` plus a multiple of `step`.
    lead_days      working days until it leaves us when it is not in stock; None: unknown.
    stock          in order units, as known at `stock_at`; None: not kept.
    supplier       our number of whom we buy it from; `hazardous`: dangerous goods. None: not kept.
    """

    __tablename__ = "cd_items"

    id: int | None = Field(default=None, primary_key=True)
    realm: str = Field(max_length=20)
    sku: str = Field(max_length=100)
    active: bool = True
    category: str = Field(max_length=50)
    unit: str = Field(max_length=3)
    content: Decimal | None = Field(default=None, sa_type=DecimalText)
    content_unit: str | None = Field(default=None, max_length=3)
    unspsc: str | None = Field(default=None, max_length=8)
    manufacturer: str | None = Field(default=None, max_length=100)
    manufacturer_part: str | None = Field(default=None, max_length=100)
    gtin: str | None = Field(default=None, max_length=14)
    lead_days: int | None = None
    minimum: Decimal = Field(default=Decimal(1), sa_type=DecimalText)
    step: Decimal = Field(default=Decimal(1), sa_type=DecimalText)
    stock: Decimal | None = Field(default=None, sa_type=DecimalText)
    stock_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    supplier: str | None = Field(default=None, max_length=100)
    hazardous: bool | None = None
    changed_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("realm", "sku"), Index("ix_cd_items_realm_category", "realm", "category"))


class ItemTextRow(Row, table=True):
    """
    key_words   folded words of name, SKU, maker and codes: a hit here ranks high.
    more_words  folded words of the description and the category.
    """

    __tablename__ = "cd_item_texts"

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="cd_items.id", ondelete="CASCADE")
    language: str = Field(max_length=10)
    name: str = Field(max_length=255)
    description: str = Field(default="", max_length=4_000)
    key_words: str
    more_words: str

    __table_args__ = (UniqueConstraint("item_id", "language"),)


class ItemCodeRow(Row, table=True):
    """A code by which one finds exactly this item, folded to letters and digits."""

    __tablename__ = "cd_item_codes"

    id: int | None = Field(default=None, primary_key=True)
    realm: str = Field(max_length=20)
    code: str = Field(max_length=100)
    kind: str = Field(max_length=20)
    item_id: int = Field(foreign_key="cd_items.id", ondelete="CASCADE")

    __table_args__ = (UniqueConstraint("item_id", "kind"), Index("ix_cd_item_codes_realm_code", "realm", "code"))


class PriceListRow(Row, table=True):
    __tablename__ = "cd_price_lists"

    id: int | None = Field(default=None, primary_key=True)
    realm: str = Field(max_length=20)
    code: str = Field(max_length=50)
    currency: str = Field(max_length=3)

    __table_args__ = (UniqueConstraint("realm", "code"),)


class PriceRow(Row, table=True):
    """
    from_quantity        the price holds from this many order units on.
    amount               for `basis` price units, in the list's currency.
    unit, factor         price unit and price units in one order unit, as in `schemas.item.Price`.
    valid_from, _until   first and last day (UTC); None: open.
    """

    __tablename__ = "cd_prices"

    id: int | None = Field(default=None, primary_key=True)
    price_list_id: int = Field(foreign_key="cd_price_lists.id", ondelete="CASCADE")
    item_id: int = Field(foreign_key="cd_items.id", ondelete="CASCADE")
    from_quantity: Decimal = Field(default=Decimal(0), sa_type=DecimalText)
    amount: Decimal = Field(sa_type=DecimalText)
    basis: Decimal = Field(default=Decimal(1), sa_type=DecimalText)
    unit: str | None = Field(default=None, max_length=3)
    factor: Decimal = Field(default=Decimal(1), sa_type=DecimalText)
    valid_from: date | None = None
    valid_until: date | None = None

    __table_args__ = (
        UniqueConstraint("price_list_id", "item_id", "from_quantity", "valid_from"),
        Index("ix_cd_prices_item_id", "item_id"),
    )
