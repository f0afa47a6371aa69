"""What an item costs a customer on a day, by its price list and the quantity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from app.storage.catalog import PriceListRow, PriceRow
from schemas.item import Price
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Tier:
    """A price that holds from a quantity on, in order units."""

    from_quantity: Decimal
    price: Price


def price_list(session: Session, realm: str, code: str | None) -> PriceListRow | None:
    return session.exec(select(PriceListRow).where(PriceListRow.realm == realm, PriceListRow.code == code)).first()


def valid_on(day: date) -> ColumnElement[bool]:
    """The condition that a price row holds on a day."""
    return or_(col(PriceRow.valid_from).is_(None), col(PriceRow.valid_from) <= day) & or_(
        col(PriceRow.valid_until).is_(None), col(PriceRow.valid_until) >= day
    )


def tiers(rows: Iterable[PriceRow], currency: str) -> tuple[Tier, ...]:
    """Of rows that are valid on one day: one tier a quantity, rising. Where two overlap, the one that began last."""
    latest: dict[Decimal, PriceRow] = {}
    for row in sorted(rows, key=lambda row: row.valid_from or date.min):
        latest[row.from_quantity] = row
    return tuple(
        Tier(
            from_quantity=quantity,
            price=Price(
                amount=Money(amount=row.amount, currency=currency), basis=row.basis, unit=row.unit, factor=row.factor
            ),
        )
        for quantity, row in sorted(latest.items())
    )


def at_quantity(of: Sequence[Tier], quantity: Decimal) -> Price | None:
    """None when the quantity is below the first tier: then nothing was agreed."""
    reached = [tier for tier in of if tier.from_quantity <= quantity]
    return reached[-1].price if reached else None
