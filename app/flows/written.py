"""Prices and places as one line of text, as cases, findings and comparisons name them."""

from schemas.item import Price
from schemas.party import Address


def price(of: Price) -> str:
    basis = f" per {of.basis:f}" if of.basis != 1 else ""
    return f"{of.amount}{basis}{' ' + of.unit if of.unit else ''}"


def place(of: Address) -> str:
    parts = (of.id, of.name, ", ".join(of.street), of.postal_code, of.city, of.country)
    return " · ".join(part for part in parts if part)
