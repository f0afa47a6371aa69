"""What the rules look at: one order, beside what was agreed with its customer and what is known about both.

Lines that the buyer has cancelled do not count. Returns are seen by line conditions but stay out of every sum, as they
stay out of the buyer's own total."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from app.approval.extras import NO_EXTRAS, Extra, Extras, Said, read
from app.approval.lazy import lazy
from app.approval.operators import Value
from app.approval.rates import NO_RATES, Rates
from schemas.item import Price
from schemas.money import Money, round_line
from schemas.order import Order, OrderLine
from schemas.party import Address, Contact

_REQUESTER_ROLES = ("enduser", "requester", "buyer", "purchasingagent", "correspondent")
_REQUESTER_FIELDS = ("useremail", "requesteremail", "user", "uniquename", "requester")


Known = Mapping[str, Value]
_NOTHING: Final[Known] = MappingProxyType({})


@dataclass(frozen=True)
class LineSubject:
    """One line and the price agreed for it; `agreed` is None when there is none. `known`: what the catalog and the
    customer's past orders say of the item, by the key of the field."""

    line: OrderLine
    agreed: Price | None
    known: Known = field(default_factory=dict)
    extras: Extras = field(default_factory=lambda: NO_EXTRAS)

    def said(self, key: str) -> tuple[Extra, Said | None] | None:
        """As `Subject.said`, of this line."""
        extra = self.extras.get(key)
        if extra is None:
            return None
        described = self.line.description.extensions if self.line.description is not None else ()
        return extra, read(extra, (*self.line.extensions, *described))

    @lazy
    def net(self) -> Money | None:
        """Rounded to the currency's minor unit; None without a price."""
        if self.line.price is None:
            return None
        currency = self.line.price.amount.currency
        return Money(amount=round_line(self.line.price.of(self.line.quantity.amount), currency), currency=currency)

    @lazy
    def agreed_net(self) -> Money | None:
        if self.agreed is None:
            return None
        currency = self.agreed.amount.currency
        return Money(amount=round_line(self.agreed.of(self.line.quantity.amount), currency), currency=currency)

    @lazy
    def price_deviation_percent(self) -> Decimal | None:
        """How much dearer than agreed one order unit is, in percent, unrounded; below zero when it is cheaper. None
        when either price is missing, the currencies differ or the agreed price is zero."""
        price, agreed = self.line.price, self.agreed
        if price is None or agreed is None or price.amount.currency != agreed.amount.currency:
            return None
        wanted = agreed.of(Decimal(1))
        return (price.of(Decimal(1)) - wanted) / wanted * 100 if wanted else None

    def classification(self, scheme: str) -> str | None:
        if self.line.description is not None:
            for found in self.line.description.classifications:
                if found.scheme.casefold() == scheme:
                    return found.code
        return None

    def account(self, name: str) -> str | None:
        """The id of the first account key of that kind among the line's splits."""
        for split in self.line.splits:
            for segment in split.segments:
                if segment.name.replace(" ", "").casefold() == name:
                    return segment.id
        return None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """
    order        as it would go to the ERP: units mapped, item numbers ours.
    agreed       line number -> the price agreed with this customer, for the lines that have one.
    ship_to_known  whether the order's (or every line's) ship-to is one of the customer's known addresses.
    at           when the order is judged; its UTC day is the day of the rates.
    known        what was looked up beside the order, by the key of the field (`requester.group`, `customer.on_hold`); a
                 field that is not in it is unknown, not empty.
    line_known   line number -> what was looked up for the line.
    extras       the fields of the customer's own as they are declared now.
    """

    order: Order
    protocol: str
    customer: str
    at: datetime
    agreed: Mapping[int, Price]
    ship_to_known: bool | None = None
    known: Known = field(default_factory=dict)
    line_known: Mapping[int, Known] = field(default_factory=dict)
    rates: Rates = NO_RATES
    extras: Extras = field(default_factory=lambda: NO_EXTRAS)

    def said(self, key: str) -> tuple[Extra, Said | None] | None:
        """What the order says of one of the customer's own fields; None where it is not declared any more."""
        extra = self.extras.get(key)
        return (extra, read(extra, self.order.extensions)) if extra is not None else None

    @lazy
    def memo(self) -> dict[Any, Any]:
        """What a judgement has read of this order, kept for the next comparison (`app.approval.evaluate`)."""
        return {}

    @lazy
    def numbers(self) -> tuple[int, ...]:
        return tuple(line.line.number for line in self.lines)

    @lazy
    def day(self) -> date:
        return self.at.astimezone(UTC).date()

    @lazy
    def lines(self) -> tuple[LineSubject, ...]:
        return tuple(
            LineSubject(line, self.agreed.get(line.number), self.line_known.get(line.number, _NOTHING), self.extras)
            for line in self.order.lines
            if line.change != "delete"
        )

    def _sum(self, amounts: Iterable[Money | None]) -> Money | None:
        """None when one is missing or in another currency than the order: an unknown is never added as nothing."""
        currency = self.order.currency
        if currency is None:
            return None
        total = Decimal(0)
        for amount in amounts:
            if amount is None or amount.currency != currency:
                return None
            total += amount.amount
        return Money(amount=total, currency=currency)

    @lazy
    def _counted(self) -> tuple[LineSubject, ...]:
        return tuple(line for line in self.lines if not line.line.is_return)

    @lazy
    def total_net(self) -> Money | None:
        return self._sum(line.net for line in self._counted)

    @lazy
    def positive_net(self) -> Money | None:
        """The sum of the lines above zero, so that a negative line cannot hide a big one."""
        return self._sum(line.net for line in self._counted if line.net is None or line.net.amount > 0)

    @lazy
    def largest_line(self) -> Money | None:
        nets = [line.net for line in self._counted]
        if not nets or self._sum(nets) is None:
            return None
        return max((net for net in nets if net is not None), key=lambda net: net.amount)

    @lazy
    def total_tax(self) -> Money | None:
        return self.order.totals.tax.amount if self.order.totals and self.order.totals.tax else None

    @lazy
    def shipping(self) -> Money | None:
        return self.order.totals.shipping if self.order.totals else None

    @lazy
    def discount(self) -> Money | None:
        """What the header takes off; None when it takes nothing off, as then the order does not say."""
        off = [charge.amount for charge in self.order.charges if charge.allowance]
        return self._sum(off) if off else None

    @lazy
    def requester(self) -> str | None:
        """Who asked for the goods, by the first name that the order gives."""
        return next(iter(requesters(self.order)), None)

    @lazy
    def cost_center(self) -> str | None:
        """The one that all lines share; None when they differ or one names none."""
        named = {line.account("costcenter") for line in self.lines}
        return named.pop() if len(named) == 1 else None

    @lazy
    def total_gross(self) -> Money | None:
        """Lines, shipping and tax; None when the order states no tax, since tax in or out is never implied."""
        if self.total_tax is None:
            return None
        return self._sum((self.total_net, self.total_tax, *((self.shipping,) if self.shipping else ())))

    @lazy
    def deviation_amount(self) -> Money | None:
        """What the order costs above the agreement; None unless every line has an agreed price."""
        agreed = self._sum(line.agreed_net for line in self._counted)
        if agreed is None or self.total_net is None:
            return None
        return Money(amount=self.total_net.amount - agreed.amount, currency=agreed.currency)

    @lazy
    def deviation_percent(self) -> Decimal | None:
        agreed = self._sum(line.agreed_net for line in self._counted)
        if self.deviation_amount is None or agreed is None or not agreed.amount:
            return None
        return self.deviation_amount.amount / agreed.amount * 100

    @lazy
    def ship_to(self) -> Address | None:
        """The header's, or the one that all lines share."""
        if self.order.ship_to is not None:
            return self.order.ship_to
        places = {line.line.ship_to for line in self.lines}
        return places.pop() if len(places) == 1 else None

    @lazy
    def requested_date(self) -> date | None:
        """The earliest date asked for, of header and lines."""
        asked = [self.order.requested_delivery, *(line.line.requested_delivery for line in self.lines)]
        dates = [value.date() if isinstance(value, datetime) else value for value in asked if value is not None]
        return min(dates, default=None)


def requesters(order: Order) -> tuple[str, ...]:
    """Who asked for the goods, by mail address or user id as the document gives them, folded, first things first.

    Whoever is named here never counts as an approver of the order."""
    contacts: list[Contact] = [c for c in order.contacts if (c.role or "").casefold() in _REQUESTER_ROLES]
    names = [e.value for e in order.extensions if not e.markup and e.name.casefold() in _REQUESTER_FIELDS]
    for contact in contacts:
        names += [email.address for email in contact.emails]
        names += [contact.id] if contact.id else []
    return tuple(dict.fromkeys(name.strip().casefold() for name in names if name.strip()))
