"""What an approver may change of an order: the boxes of its form, and the document that comes of them.

The document stays the buyer's, in the buyer's own terms; only what was changed differs. What follows by reckoning goes
along: the stated total, the tax of a line, the shares of its accounts. Prices, items and units are never an approver's
to change, and neither is the quantity where it stands in other places of the document too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from re import fullmatch
from typing import Final

from msgspec.structs import replace

from schemas.money import Money, round_line
from schemas.order import Comment, Order, OrderLine, OrderTotals, Split, SplitSegment, Tax
from schemas.party import Address

MOST_LINES: Final = 200
"""Of longer orders the first so many lines can be changed."""
LONGEST_CODE: Final = 100
LONGEST_COMMENT: Final = 1_000

Places = Sequence[tuple[str, Address]]
"""The customer's known addresses with their codes."""


class Unfit(StrEnum):
    """What can be wrong with what was typed."""

    NO_QUANTITY = "edit.no_quantity"
    NO_DATE = "edit.no_date"
    PAST = "edit.past"
    NO_PLACE = "edit.no_place"
    NO_CODE = "edit.no_code"
    TOO_LONG = "edit.too_long"
    SEVERAL_TAXES = "edit.several_taxes"
    NOTHING = "edit.nothing"


@dataclass(frozen=True, slots=True)
class Wrong:
    """
    at        the name of a box; "" for the form as a whole.
    code      an Unfit, or what the check of the changed order found.
    expected  what would be taken, as text, where that is known; `found` what was given.
    """

    at: str
    code: str
    expected: str | None = None
    found: str | None = None


class CannotEdit(Exception):
    """With everything that is wrong."""

    def __init__(self, faults: Sequence[Wrong]) -> None:
        super().__init__("the order cannot be changed like this")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Box:
    """
    name   of the box in the form; `what` it changes, of `app.approval.flow.EDITABLE`.
    line   the number of its line; None for the order as a whole.
    value  as it stands; `unit` that of a quantity.
    """

    name: str
    what: str
    line: int | None
    value: str
    unit: str | None = None


def boxes(order: Order, allowed: Sequence[str], places: Places) -> tuple[Box, ...]:
    """Those that a step allows, as far as the order has a place for them."""
    return tuple(box for box in _boxes(order, places) if box.what in allowed)


def _boxes(order: Order, places: Places) -> Iterator[Box]:
    lines = [line for line in order.lines if line.change is None]
    if any(line.requested_delivery is None for line in lines):
        yield Box("requested_date", "requested_date", None, _day(order.requested_delivery))
    if places and any(line.ship_to is None for line in lines):
        yield Box("ship_to", "ship_to", None, _code(order.ship_to, places))
    if places:
        yield Box("bill_to", "bill_to", None, _code(order.bill_to, places))
    parents = {line.parent_number for line in order.lines}
    for line in lines[:MOST_LINES]:
        at = f"lines.{line.number}"
        alone = not line.schedule and line.parent_number is None and line.number not in parents
        if alone and not line.is_return and order.kind != "blanket":
            amount = f"{line.quantity.amount:f}"
            yield Box(f"{at}.quantity", "quantity", line.number, amount, line.quantity.unit)
        if line.requested_delivery is not None and not line.schedule:
            yield Box(f"{at}.requested_date", "requested_date", line.number, _day(line.requested_delivery))
        if places and line.ship_to is not None:
            yield Box(f"{at}.ship_to", "ship_to", line.number, _code(line.ship_to, places))
        for name, value in _accounts(line, at):
            yield Box(name, "cost_center", line.number, value)
    yield Box("comment", "comment", None, "")


def _day(when: date | datetime | None) -> str:
    if when is None:
        return ""
    return (when.date() if isinstance(when, datetime) else when).isoformat()


def _code(place: Address | None, places: Places) -> str:
    """Of the known address that it is; "" for none of them."""
    return next((code for code, _ in places if place is not None and place.id == code), "")


def _accounts(line: OrderLine, at: str) -> Iterator[tuple[str, str]]:
    """A box for each cost centre of the line, or an empty one where the line names no account at all."""
    if not line.splits and line.price is not None:
        yield f"{at}.cost_center", ""
    for number, split in enumerate(line.splits):
        found = next((segment.id for segment in split.segments if _is_cost_center(segment)), None)
        if found is not None:
            yield f"{at}.cost_center.{number}", found


def _is_cost_center(segment: SplitSegment) -> bool:
    return segment.name.replace(" ", "").casefold() == "costcenter"


def edited(
    order: Order, offered: Sequence[Box], places: Places, given: Mapping[str, str], today: date, *, taxed_total: bool
) -> Order:
    """The document as the boxes say. A box that was not sent leaves its place as it is. `taxed_total`: the stated total
    holds the tax. Raises CannotEdit with everything that is wrong, also when nothing was changed."""
    form = _Form(order, places, today, taxed_total)
    for box in offered:
        typed = given.get(box.name, box.value).strip()
        if typed != box.value:
            form.change(box, typed)
    if not form.changed and not form.faults:
        form.faults.append(Wrong("", Unfit.NOTHING))
    if form.faults:
        raise CannotEdit(form.faults)
    return form.order


class _Form:
    def __init__(self, order: Order, places: Places, today: date, taxed_total: bool) -> None:
        self.order = order
        self.places = dict(places)
        self.today = today
        self.taxed_total = taxed_total
        self.changed = False
        self.faults: list[Wrong] = []

    def change(self, box: Box, typed: str) -> None:
        self.changed = True
        match box.what:
            case "quantity":
                self._quantity(box, typed)
            case "requested_date":
                self._date(box, typed)
            case "cost_center":
                self._cost_center(box, typed)
            case "comment":
                self._comment(box, typed)
            case _:
                self._place(box, typed)

    def _wrong(self, box: Box, code: Unfit, found: str) -> None:
        self.faults.append(Wrong(box.name, code, found=found[:100] or None))

    def _line(self, box: Box, change: Callable[[OrderLine], OrderLine]) -> None:
        lines = tuple(change(line) if line.number == box.line else line for line in self.order.lines)
        self.order = replace(self.order, lines=lines)

    def _quantity(self, box: Box, typed: str) -> None:
        amount = Decimal(typed) if fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", typed) else Decimal(0)
        if amount <= 0:
            self._wrong(box, Unfit.NO_QUANTITY, typed)
            return
        line = next(line for line in self.order.lines if line.number == box.line)
        changed = _of_quantity(line, amount)
        if self.order.totals is not None:
            totals = _totals(self.order, self.order.totals, line, changed, taxed=self.taxed_total)
            if totals is None:
                self._wrong(box, Unfit.SEVERAL_TAXES, typed)
                return
            self.order = replace(self.order, totals=totals)
        self._line(box, lambda _: changed)

    def _date(self, box: Box, typed: str) -> None:
        try:
            day = date.fromisoformat(typed)
        except ValueError:
            self._wrong(box, Unfit.NO_DATE, typed)
            return
        if day < self.today:
            self._wrong(box, Unfit.PAST, typed)
        elif box.line is None:
            self.order = replace(self.order, requested_delivery=_on(self.order.requested_delivery, day))
        else:
            self._line(box, lambda line: replace(line, requested_delivery=_on(line.requested_delivery, day)))

    def _place(self, box: Box, typed: str) -> None:
        place = self.places.get(typed)
        if place is None:
            self._wrong(box, Unfit.NO_PLACE, typed)
            return
        known = replace(place, id=typed)
        if box.line is not None:
            self._line(box, lambda line: replace(line, ship_to=known))
        elif box.what == "bill_to":
            self.order = replace(self.order, bill_to=known)
        else:
            self.order = replace(self.order, ship_to=known)

    def _cost_center(self, box: Box, typed: str) -> None:
        if not typed or len(typed) > LONGEST_CODE or not typed.isprintable():
            self._wrong(box, Unfit.NO_CODE, typed)
            return
        _, _, number = box.name.partition(".cost_center.")
        self._line(box, lambda line: _assigned(line, int(number) if number else None, typed))

    def _comment(self, box: Box, typed: str) -> None:
        if len(typed) > LONGEST_COMMENT:
            self._wrong(box, Unfit.TOO_LONG, "")
            return
        self.order = replace(self.order, comments=(*self.order.comments, Comment(text=typed)))


def _on(before: date | datetime | None, day: date) -> date | datetime:
    """That day, at the hour that the buyer had named."""
    return before.replace(day.year, day.month, day.day) if isinstance(before, datetime) else day


def _assigned(line: OrderLine, number: int | None, code: str) -> OrderLine:
    if number is None:
        assert line.price is not None
        currency = line.price.amount.currency
        charge = Money(amount=round_line(line.price.of(line.quantity.amount), currency), currency=currency)
        segment = SplitSegment(name="CostCenter", id=code)
        return replace(line, splits=(Split(name="CostCenter", segments=(segment,), charge=charge),))
    split = line.splits[number]
    segments = tuple(
        SplitSegment(name=segment.name, id=code) if _is_cost_center(segment) else segment for segment in split.segments
    )
    splits = (*line.splits[:number], replace(split, segments=segments), *line.splits[number + 1 :])
    return replace(line, splits=splits)


# What follows from another quantity


def _of_quantity(line: OrderLine, amount: Decimal) -> OrderLine:
    """With its tax and the shares of its accounts, each as much more or less."""
    ratio = amount / line.quantity.amount if line.quantity.amount else Decimal(1)
    return replace(
        line,
        quantity=replace(line.quantity, amount=amount),
        tax=_scaled(line.tax, ratio),
        splits=_shares(line.splits, ratio),
    )


def _times(money: Money, ratio: Decimal) -> Money:
    return Money(amount=round_line(money.amount * ratio, money.currency), currency=money.currency)


def _scaled(tax: Tax | None, ratio: Decimal) -> Tax | None:
    if tax is None:
        return None
    parts = tuple(
        replace(
            part,
            amount=_times(part.amount, ratio) if part.amount else None,
            taxable=_times(part.taxable, ratio) if part.taxable else None,
        )
        for part in tax.parts
    )
    return replace(tax, amount=_times(tax.amount, ratio), parts=parts)


def _shares(splits: tuple[Split, ...], ratio: Decimal) -> tuple[Split, ...]:
    """The last one takes what rounding leaves, so that they add up as before."""
    if not splits or len({split.charge.currency for split in splits}) > 1:
        return splits
    currency = splits[0].charge.currency
    whole = round_line(sum((split.charge.amount for split in splits), Decimal(0)) * ratio, currency)
    shares = [_times(split.charge, ratio) for split in splits[:-1]]
    rest = whole - sum((share.amount for share in shares), Decimal(0))
    shares.append(Money(amount=rest, currency=currency))
    return tuple(replace(split, charge=share) for split, share in zip(splits, shares, strict=True))


def _totals(
    order: Order, totals: OrderTotals, before: OrderLine, after: OrderLine, *, taxed: bool
) -> OrderTotals | None:
    """The stated totals with the difference that the line makes; as they are where nothing can be reckoned. None where
    one tax stands for lines of several rates, so that nobody can say how much of it the line is."""
    if before.price is None:
        return totals
    currency = totals.total.currency
    difference = _net(after, currency) - _net(before, currency)
    tax, more = totals.tax, Decimal(0)
    if tax is not None and tax.amount.amount:
        if before.tax is not None and after.tax is not None:
            more = after.tax.amount.amount - before.tax.amount.amount
        elif len(tax.parts) <= 1 and (net := _sum(order, currency)):
            more = round_line(tax.amount.amount * (net + difference) / net, currency) - tax.amount.amount
        else:
            return None
        if len(tax.parts) > 1:
            return None
        ratio = (tax.amount.amount + more) / tax.amount.amount
        tax = replace(_scaled(tax, ratio) or tax, amount=Money(amount=tax.amount.amount + more, currency=currency))
    total = totals.total.amount + difference + (more if taxed else Decimal(0))
    return replace(totals, total=Money(amount=total, currency=currency), tax=tax)


def _net(line: OrderLine, currency: str) -> Decimal:
    return round_line(line.price.of(line.quantity.amount), currency) if line.price else Decimal(0)


def _sum(order: Order, currency: str) -> Decimal:
    counted = (line for line in order.lines if not line.is_return and line.change != "delete")
    return sum((_net(line, currency) for line in counted), Decimal(0))
