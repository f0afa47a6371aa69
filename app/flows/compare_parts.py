"""How one part of a cart came back in an order: kept, changed or lost, and by which known habit of a platform."""

import unicodedata
from collections.abc import Iterable, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

from msgspec.structs import replace

from app.flows import written
from app.flows.cart_comparison import ComparedPart, Part, Reason, State, deviation_percent
from app.flows.places import folded, same_place, same_town
from schemas.item import Price
from schemas.money import EXACT
from schemas.order import Order
from schemas.party import Address, Extension
from schemas.units import known

COUNTED_OUT: Final = Decimal("0.000000000000001")
"""What a price may differ by where a division cannot be written to its end."""

MOST_PLACES: Final = 4
"""Decimals to which platforms round prices."""


def unit(ours: str | None, came: str | None, read: str | None) -> ComparedPart | None:
    if ours is None:
        return None
    if not came:
        return ComparedPart(part=Part.UNIT, state=State.LOST, cart=ours)
    if came == ours:
        return ComparedPart(part=Part.UNIT, state=State.KEPT)
    reason = None
    if read == ours:
        reason = Reason.SAME_COUNT if known(came) else Reason.MAPPED
    return ComparedPart(part=Part.UNIT, state=State.CHANGED, cart=ours, order=came, reason=reason)


def price(ours: Price, theirs: Price, *, comparable: bool) -> ComparedPart:
    """`comparable`: of one currency, for one order unit."""
    if theirs == ours:
        return ComparedPart(part=Part.PRICE, state=State.KEPT)
    both = ComparedPart(part=Part.PRICE, state=State.CHANGED, cart=written.price(ours), order=written.price(theirs))
    if not comparable:
        return both
    amount = theirs.amount.amount
    # What the order's own number of price units costs in the cart.
    exact = ours.of(EXACT.divide(theirs.basis, theirs.factor))
    same_basis = (ours.basis, ours.factor) == (theirs.basis, theirs.factor)
    if abs(exact - amount) < COUNTED_OUT:
        if same_basis:
            return ComparedPart(part=Part.PRICE, state=State.KEPT)
        return replace(both, state=State.KEPT, reason=Reason.SAME_VALUE)
    reason, places = None, None
    if amount == ours.amount.amount and not same_basis:
        reason = Reason.BASIS_LOST
    else:
        places = _rounded_to(exact, amount)
        reason = Reason.ROUNDED if places is not None else None
    percent = deviation_percent(exact, amount)
    return replace(both, reason=reason, places=places, percent=percent)


def _rounded_to(exact: Decimal, amount: Decimal) -> int | None:
    """The number of decimals to which the one was rounded or cut to give the other."""
    written_with = max(-int(amount.normalize().as_tuple().exponent), 0)
    for places in range(written_with, MOST_PLACES + 1):
        quantum = Decimal(1).scaleb(-places)
        if any(exact.quantize(quantum, rounding, EXACT) == amount for rounding in _ROUNDINGS):
            return places
    return None


_ROUNDINGS: Final = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)


def extrinsics(sent: Iterable[Extension], back: Iterable[Extension]) -> Iterator[ComparedPart]:
    found: dict[str, str] = {}
    for extension in back:
        found.setdefault(folded(extension.name), extension.value)
    for extension in sent:
        yield from text(Part.EXTRINSIC, extension.value, found.get(folded(extension.name)), name=extension.name)


def exact(part: Part, ours: str | None, theirs: str | None) -> Iterator[ComparedPart]:
    if ours is None:
        return
    if not theirs:
        yield ComparedPart(part=part, state=State.LOST, cart=ours)
    elif theirs == ours:
        yield ComparedPart(part=part, state=State.KEPT)
    else:
        yield ComparedPart(part=part, state=State.CHANGED, cart=ours, order=theirs)


def text(part: Part, ours: str | None, theirs: str | None, *, name: str | None = None) -> Iterator[ComparedPart]:
    """Nothing for what the cart did not say."""
    if not ours:
        return
    if not theirs or not theirs.strip():
        yield ComparedPart(part=part, state=State.LOST, name=name, cart=ours)
        return
    if theirs == ours:
        yield ComparedPart(part=part, state=State.KEPT, name=name)
        return
    whole, back = (unicodedata.normalize("NFC", text) for text in (ours, theirs))
    places = None
    if folded(whole) == folded(back):
        reason = Reason.SPELLING
    elif (places := _cut_at(whole, back)) is not None:
        reason = Reason.CUT
    else:
        yield ComparedPart(part=part, state=State.CHANGED, name=name, cart=ours, order=theirs)
        return
    yield ComparedPart(part=part, state=State.CHANGED, name=name, cart=ours, order=theirs, reason=reason, places=places)


def _cut_at(whole: str, back: str) -> int | None:
    """How many characters were left, when it is the beginning of the whole; None when it is not."""
    left = back.rstrip().removesuffix("…").removesuffix("...").rstrip()
    return len(back.rstrip()) if left and whole.startswith(left) else None


def ship_to(asked: Address, came: Order) -> ComparedPart:
    places = [place for place in (came.ship_to, *(line.ship_to for line in came.lines)) if place is not None]
    if not places:
        return ComparedPart(part=Part.SHIP_TO, state=State.LOST, cart=written.place(asked))
    if any(_is_same(asked, place) for place in places):
        return ComparedPart(part=Part.SHIP_TO, state=State.KEPT)
    return ComparedPart(
        part=Part.SHIP_TO, state=State.CHANGED, cart=written.place(asked), order=written.place(places[0])
    )


def _is_same(asked: Address, place: Address) -> bool:
    if asked.id and place.id:
        return folded(asked.id) == folded(place.id) and same_town(asked, place)
    return asked == place or same_place(asked, place)
