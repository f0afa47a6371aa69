"""What a customer is offered: items with their text in the shopper's language and the customer's prices."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.catalog.prices import Tier, at_quantity, price_list, tiers, valid_on
from app.storage.catalog import CategoryRow, ItemRow, ItemTextRow, PriceListRow, PriceRow
from app.storage.customers import CustomerRow
from schemas.item import Price

BASE_LANGUAGE: Final = "en"
"""Every item has a text in it; other languages fall back to it."""


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom the catalog is opened: only items with a valid price on this list are there.

    language  a language code without region."""

    realm: str
    price_list: str | None
    language: str = BASE_LANGUAGE

    @staticmethod
    def of(customer: CustomerRow, language: str | None = None) -> "Audience":
        return Audience(customer.realm, customer.price_list, language or customer.language.partition("-")[0])

    @property
    def languages(self) -> tuple[str, ...]:
        return (self.language, BASE_LANGUAGE)


@dataclass(frozen=True, slots=True)
class Offer:
    """
    item      the row, which is not to be changed.
    language  of name and description.
    tiers     never empty.
    """

    item: ItemRow
    language: str
    name: str
    description: str
    tiers: tuple[Tier, ...]

    @property
    def sku(self) -> str:
        return self.item.sku

    @property
    def lowest_quantity(self) -> Decimal:
        """The smallest quantity that is both orderable and priced."""
        first = self.tiers[0].from_quantity
        if first <= self.item.minimum:
            return self.item.minimum
        steps = -((self.item.minimum - first) // self.item.step)
        return self.item.minimum + steps * self.item.step

    def price_at(self, quantity: Decimal) -> Price | None:
        return at_quantity(self.tiers, quantity)


def on_list(list_id: int | None, at: datetime) -> ColumnElement[bool]:
    """The condition that an item has a valid price on the list."""
    return (
        select(PriceRow.id)
        .where(
            PriceRow.item_id == ItemRow.id,
            PriceRow.price_list_id == list_id,
            valid_on(at.astimezone(UTC).date()),
        )
        .exists()
    )


T = TypeVar("T")

BATCH: Final = 500
"""Values a statement: below the parameter limits of both databases."""


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def rows_of(session: Session, realm: str, skus: Iterable[str]) -> Iterator[ItemRow]:
    """The rows with these SKUs, withdrawn ones too."""
    for batch in batches(skus):
        yield from session.exec(select(ItemRow).where(ItemRow.realm == realm, col(ItemRow.sku).in_(batch)))


def find(session: Session, audience: Audience, sku: str, at: datetime) -> Offer | None:
    return offers(session, audience, [sku], at).get(sku)


def offers(session: Session, audience: Audience, skus: Iterable[str], at: datetime) -> dict[str, Offer]:
    """By SKU; what the audience may not see, or what was withdrawn, is not there."""
    prices_of = price_list(session, audience.realm, audience.price_list)
    if prices_of is None:
        return {}
    rows = [row for row in rows_of(session, audience.realm, skus) if row.active]
    return {offer.sku: offer for offer in described(session, audience, prices_of, rows, at)}


def described(
    session: Session, audience: Audience, prices_of: PriceListRow, rows: Iterable[ItemRow], at: datetime
) -> list[Offer]:
    """The offers for these items in their order, without those that have no valid price or no text."""
    items = list(rows)
    ids = [item.id for item in items]
    prices: dict[int, list[PriceRow]] = {}
    for price in session.exec(
        select(PriceRow).where(
            PriceRow.price_list_id == prices_of.id,
            col(PriceRow.item_id).in_(ids),
            valid_on(at.astimezone(UTC).date()),
        )
    ):
        prices.setdefault(price.item_id, []).append(price)
    texts: dict[int, ItemTextRow] = {}
    for text in session.exec(
        select(ItemTextRow).where(col(ItemTextRow.item_id).in_(ids), col(ItemTextRow.language).in_(audience.languages))
    ):
        if text.item_id not in texts or text.language == audience.language:
            texts[text.item_id] = text
    return [
        Offer(
            item,
            texts[item.id].language,
            texts[item.id].name,
            texts[item.id].description,
            tiers(prices[item.id], prices_of.currency),
        )
        for item in items
        if item.id in prices and item.id in texts
    ]


@dataclass(frozen=True, slots=True)
class Shelf:
    code: str
    name: str
    picture: str


def shelves(session: Session, audience: Audience) -> dict[str, Shelf]:
    """All categories of the realm by code, in their order, named in the audience's language."""
    rows = session.exec(
        select(CategoryRow).where(CategoryRow.realm == audience.realm).order_by(col(CategoryRow.position))
    )
    return {
        row.code: Shelf(row.code, row.names.get(audience.language) or row.names[BASE_LANGUAGE], row.picture)
        for row in rows
    }
