"""Compares an order with the catalog and with what was agreed with its customer.

Every difference is named at once, and none is settled here: what money or meaning depends on is a person's to decide.
What can be translated by a table is translated (item numbers, unit words) and what the order leaves to us is filled in
(the price of a line without one); both are findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from app.catalog.items import Audience, Offer
from app.flows import written
from app.flows.cases import Code, Difference
from app.flows.order_book import OrderBook
from app.flows.places import folded, same_place, same_town
from app.partners.agreement import OrderTerms
from app.storage.customers import CustomerRow
from schemas.faults import Fault, Findings, shortened
from schemas.item import Price
from schemas.money import round_line
from schemas.order import Order, OrderLine
from schemas.party import Address
from schemas.units import known, to_rec20, unit

COUNTING: Final = frozenset({"C62", "EA", "H87"})
"""One, each, piece: three codes of Recommendation 20 for counting separate things. A line in one of them for an item
that is sold in another means the same quantity."""


@dataclass(frozen=True, slots=True)
class Checked:
    """
    order          with our item numbers, Recommendation 20 units where they are known, and a price on every line that
                   has an agreed one.
    agreed         line number -> the price agreed for it.
    offers         by our item number, what the catalog offers of the items in it.
    ship_to_known  whether goods go to known addresses only; None when the order names none.
    findings       what was translated or filled in."""

    order: Order
    differences: tuple[Difference, ...]
    agreed: Mapping[int, Price]
    offers: Mapping[str, Offer]
    ship_to_known: bool | None
    findings: tuple[Fault, ...]


def check(book: OrderBook, customer: CustomerRow, terms: OrderTerms, order: Order, at: datetime) -> Checked:
    checker = _Checker(book, customer, terms, order, at)
    lines = tuple(line if line.change == "delete" else checker.line(line) for line in order.lines)
    checked = replace(order, lines=lines)
    checker.currency(checked)
    checker.total(checked)
    ship_to_known = checker.ship_tos(checked)
    return Checked(
        order=checked,
        differences=tuple(checker.differences),
        agreed=checker.agreed,
        offers=checker.offers,
        ship_to_known=ship_to_known,
        findings=checker.findings.findings,
    )


class _Checker:
    def __init__(self, book: OrderBook, customer: CustomerRow, terms: OrderTerms, order: Order, at: datetime) -> None:
        self.book = book
        self.customer = customer
        self.terms = terms
        self.blanket = order.kind == "blanket"
        self.differences: list[Difference] = []
        self.agreed: dict[int, Price] = {}
        self.findings = Findings()
        self.item_words = {word.strip(): sku for word, sku in terms.item_words.items()}
        skus = {self._sku(line) for line in order.lines if line.change != "delete"}
        self.offers = book.offers(Audience.of(customer), sorted(skus - {""}), at)

    def _sku(self, line: OrderLine) -> str:
        word = (line.item.supplier_id or "").strip()
        return self.item_words.get(word, word)

    def differs(
        self,
        code: Code,
        line: int | None,
        message: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        **data: Any,
    ) -> None:
        self.differences.append(Difference(code, line, message, shortened(expected), shortened(found), data))

    def line(self, line: OrderLine) -> OrderLine:
        offer = self._offer(line)
        line = replace(line, item=replace(line.item, supplier_id=self._sku(line) or None))
        line = self._unit(line, offer.item.unit if offer else None)
        self._quantity(line, offer)
        if offer is None or not known(line.quantity.unit or ""):
            return line
        # A price is agreed for the unit in which the item is sold, and says nothing about another one.
        agreed = offer.price_at(line.quantity.amount) if line.quantity.unit == offer.item.unit else None
        if agreed is not None:
            self.agreed[line.number] = agreed
        return self._price(line, agreed)

    def _offer(self, line: OrderLine) -> Offer | None:
        number, word, sku = line.number, (line.item.supplier_id or "").strip(), self._sku(line)
        if not word:
            named = line.description.text if line.description else None
            self.differs(Code.ITEM_MISSING, number, "the line names none of our items", found=named, word="")
            return None
        if sku != word:
            self.findings.note("item.mapped", f"line {number}", f"the customer's item number for our {sku}", word)
        if sku not in self.offers:
            message = "this customer cannot order an item of this number"
            self.differs(Code.ITEM_UNKNOWN, number, message, found=word, word=word)
        return self.offers.get(sku)

    def _unit(self, line: OrderLine, sold_in: str | None) -> OrderLine:
        number, word = line.number, (line.quantity.unit or "").strip()
        code = to_rec20(word, own=self.terms.unit_words, lists=self.terms.unit_lists)
        if code is None:
            what = Code.UNIT_UNKNOWN if word else Code.UNIT_MISSING
            message = "no table says which unit this is" if word else "the line names no unit"
            self.differs(what, number, message, expected=sold_in, found=word or None, word=word)
        elif sold_in is not None and code != sold_in:
            if {code, sold_in} <= COUNTING:
                self.findings.note("unit.same_count", f"line {number}", f"counts the same as our {sold_in}", word)
                code = sold_in
            else:
                message = "the item is sold in another unit"
                self.differs(Code.UNIT_OTHER, number, message, expected=sold_in, found=code, word=word)
        line = replace(line, quantity=replace(line.quantity, unit=code or line.quantity.unit))
        return self._price_unit(line, code)

    def _price_unit(self, line: OrderLine, ordered_in: str | None) -> OrderLine:
        price = line.price
        if price is None or price.unit is None:
            return line
        code = to_rec20(price.unit, own=self.terms.unit_words, lists=self.terms.unit_lists)
        if code is None:
            message = "no table says which unit the price is for"
            self.differs(Code.PRICE_UNIT_UNKNOWN, line.number, message, found=price.unit, word=price.unit.strip())
            return line
        if ordered_in is not None and {code, ordered_in} <= COUNTING:
            code = ordered_in
        if ordered_in is not None and code != ordered_in and price.factor == 1:
            message = "the price is for another unit than the quantity, and no conversion is given"
            self.differs(Code.PRICE_UNIT_OTHER, line.number, message, expected=ordered_in, found=code)
        return replace(line, price=replace(price, unit=code))

    def _quantity(self, line: OrderLine, offer: Offer | None) -> None:
        number, amount, code = line.number, line.quantity.amount, line.quantity.unit
        if self.blanket:
            return
        if amount <= 0:
            self.differs(Code.QUANTITY_NOT_POSITIVE, number, "the quantity is not above zero", found=f"{amount:f}")
            return
        if code and known(code) and unit(code).whole and amount != amount.to_integral_value():
            message = f"{unit(code).name} is counted in whole numbers"
            self.differs(Code.QUANTITY_NOT_WHOLE, number, message, found=f"{amount:f} {code}")
        if offer is None or code != offer.item.unit:
            return
        least, step = offer.item.minimum, offer.item.step
        if amount < least:
            message = "less than the smallest quantity that is sold"
            self.differs(
                Code.QUANTITY_BELOW_MINIMUM, number, message, expected=f"{least:f} {code}", found=f"{amount:f} {code}"
            )
        elif (amount - least) % step:
            message = "the item is sold in steps"
            expected = f"{least:f} {code}, then steps of {step:f}"
            self.differs(Code.QUANTITY_OFF_STEP, number, message, expected=expected, found=f"{amount:f} {code}")

    def _price(self, line: OrderLine, agreed: Price | None) -> OrderLine:
        number, price = line.number, line.price
        if price is None:
            if agreed is None:
                self.differs(Code.PRICE_MISSING, number, "neither the order nor the agreement gives a price")
                return line
            self.findings.note(
                "price.from_agreement", f"line {number}", f"taken from the agreement: {written.price(agreed)}"
            )
            return replace(line, price=agreed)
        if agreed is None:
            message = "no price is agreed for this item, quantity and unit"
            self.differs(Code.PRICE_NOT_AGREED, number, message, found=written.price(price))
        elif agreed.amount.currency == price.amount.currency and self._off(price, agreed, line.quantity.amount):
            message = "the price is not the agreed one"
            self.differs(Code.PRICE_OFF, number, message, expected=written.price(agreed), found=written.price(price))
        return line

    def _off(self, price: Price, agreed: Price, quantity: Decimal) -> bool:
        asked, wanted = price.of(Decimal(1)), agreed.of(Decimal(1))
        if abs(asked - wanted) * 100 > abs(wanted) * self.terms.price_tolerance_percent:
            return True
        limit = self.terms.price_tolerance_amount
        return limit is not None and abs((asked - wanted) * quantity) > limit

    def currency(self, order: Order) -> None:
        """Agreed prices are in the customer's currency, so another one makes every price incomparable."""
        if order.currency != self.customer.currency:
            message = "the order is in another currency than agreed"
            self.differs(Code.CURRENCY_OTHER, None, message, expected=self.customer.currency, found=order.currency)
        for line in order.lines:
            if line.change != "delete" and line.price and line.price.amount.currency != order.currency:
                message = "the line's price is in another currency than the order"
                found = line.price.amount.currency
                self.differs(Code.CURRENCY_MIXED, line.number, message, expected=order.currency, found=found)

    def total(self, order: Order) -> None:
        """The sum of the rounded lines, and what else the agreement says the total holds, against the stated one."""
        if order.totals is None:
            self.findings.note("total.missing", "order", "states no total; the sum of its lines counts")
            return
        stated, currency = order.totals.total, order.currency
        lines = [line for line in order.lines if not line.is_return and line.change != "delete"]
        prices = [line.price for line in lines if line.price is not None]
        if currency is None or len(prices) < len(lines):
            return
        if any(price.amount.currency != currency for price in prices) or stated.currency != currency:
            if stated.currency != currency:
                message = "the total is in another currency than the order"
                self.differs(Code.TOTAL_OFF, None, message, expected=currency, found=str(stated))
            return
        total = sum((round_line(x.price.of(x.quantity.amount), currency) for x in lines if x.price), Decimal(0))
        if "shipping" in self.terms.total_includes and order.totals.shipping:
            total += order.totals.shipping.amount
        if "tax" in self.terms.total_includes and order.totals.tax:
            total += order.totals.tax.amount.amount
        above = stated.amount - total
        if order.kind == "blanket" and above >= 0:
            return
        if abs(above) > self.terms.total_tolerance:
            message = "the stated total is not the sum of its parts"
            self.differs(Code.TOTAL_OFF, None, message, expected=f"{currency} {total:f}", found=str(stated))

    def ship_tos(self, order: Order) -> bool | None:
        """Each place that the goods go to, once, with the first line that names it."""
        places: dict[Address, int | None] = {}
        lines = [line for line in order.lines if line.change != "delete"]
        if order.ship_to is not None and (not lines or any(line.ship_to is None for line in lines)):
            places[order.ship_to] = None
        for line in lines:
            for place in (line.ship_to, *(part.ship_to for part in line.schedule)):
                if place is not None:
                    places.setdefault(place, line.number)
        if not places:
            self.differs(Code.SHIP_TO_MISSING, None, "the order says nowhere where the goods go")
            return None
        by_code = {folded(code): address for code, address in self.book.places(self.customer)}
        found = [self._known(place, line, by_code) for place, line in places.items()]
        return all(found)

    def _known(self, place: Address, line: int | None, by_code: Mapping[str, Address]) -> bool:
        data = {"address": msgspec.to_builtins(place)}
        if place.id:
            registered = by_code.get(folded(place.id))
            if registered is not None and same_town(place, registered):
                return True
            if registered is not None:
                message = "the ship-to of this code is registered at another place"
                self.differs(
                    Code.SHIP_TO_OTHER,
                    line,
                    message,
                    expected=written.place(registered),
                    found=written.place(place),
                    **data,
                )
                return False
        elif any(same_place(place, registered) for registered in by_code.values()):
            return True
        self.differs(
            Code.SHIP_TO_UNKNOWN, line, "not one of the customer's addresses", found=written.place(place), **data
        )
        return False
