"""One cXML document while it is read: its findings, the partner's settings, and what has no field of its own.

What the canonical form does not model is kept with its place (`keep`, `keep_attribute`) until the line or head that it
belongs to takes it (`leftovers`). Card numbers and secrets never get that far.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from protocols import dates, numbers, xml
from protocols.cxml.attachments import Attached
from protocols.cxml.settings import CxmlSettings
from protocols.xml import Element, Review
from schemas.faults import Findings
from schemas.money import CURRENCIES, Money
from schemas.party import Verbatim


class Source(Review):
    def __init__(self, findings: Findings, settings: CxmlSettings, attached: Attached | None = None) -> None:
        super().__init__(findings)
        self.settings = settings
        self.zone = dates.zone_named(settings.time_zone)
        self.currency: str | None = None
        self.attached = attached or Attached(())
        self._kept: list[tuple[Element, str | None, str]] = []

    # What is kept as it was

    def keep(self, element: Element) -> None:
        _scrub(element)
        self._kept.append((element, None, xml.outer(element)))

    def keep_attribute(self, element: Element, name: str, value: str) -> None:
        """All but xml:lang, which the canonical form has no use for on names and notes."""
        if name != xml.XML_LANG:
            self._kept.append((element, name, value))

    def leftovers(self, owner: Element) -> tuple[Verbatim, ...]:
        """What was kept since the last call, by its place below `owner`."""
        if not self._kept:
            return ()
        places = xml.Places()
        kept = tuple(
            Verbatim(at=_joined(places.below(owner, element), attribute), content=content)
            for element, attribute, content in self._kept
        )
        self._kept.clear()
        return kept

    # Values, each read or put down as a fault or a finding

    def number(self, text: str | None, what: str, element: Element, attribute: str | None = None) -> Decimal | None:
        """An exact decimal; `what` begins the codes (`quantity.not_a_number`). None after a fault."""
        if text is None:
            self.fault(f"{what}.missing", element, f"has no {what}", attribute=attribute)
            return None
        number = numbers.plain(text)
        return number if number is not None else self._repaired(text, what, element, attribute, None)

    def _repaired(
        self, text: str, what: str, element: Element, attribute: str | None, currency: str | None
    ) -> Decimal | None:
        try:
            number, said = numbers.repaired(text, currency)
        except numbers.NotANumber as error:
            message = f"must be a decimal number; it {error}"
            self.fault(f"{what}.not_a_number", element, message, text, attribute=attribute)
            return None
        message = f"{said}; read as {numbers.write(number)}"
        self.note(f"{what}.repaired", element, message, text, attribute=attribute)
        return number

    def money(self, money: Element, what: str = "amount") -> Money | None:
        """The Money element itself. None after a fault."""
        currency: str | None = None
        for name, value in xml.attributes(money):
            if name == "currency":
                currency = value
            else:
                self.keep_attribute(money, name, value)
        amount = numbers.plain(money.text or "")
        if amount is not None and currency == self.currency and currency is not None and not len(money):
            return Money(amount=amount, currency=currency)
        return self._odd_money(money, currency, what)

    def _odd_money(self, money: Element, written: str | None, what: str) -> Money | None:
        currency = self._currency(money, written)
        text = xml.text_of(money)
        amount = numbers.plain(text)
        if len(money):
            self.fault(f"{what}.not_a_number", money, "holds elements beside its number", text)
            return None
        if amount is None:
            amount = self._repaired(text, what, money, None, currency)
        if amount is None or currency is None:
            return None
        if self.currency is None:
            self.currency = currency
        elif self.currency != currency and not self.settings.several_currencies:
            message = f"is in another currency than the {self.currency} before it"
            self.fault("currency.mixed", money, message, currency, attribute="currency")
        return Money(amount=amount, currency=currency)

    def _currency(self, money: Element, written: str | None) -> str | None:
        currency = (written or "").strip().upper()
        if currency not in CURRENCIES:
            code = "currency.unknown" if currency else "currency.missing"
            self.fault(code, money, "must be an ISO 4217 currency code", written, attribute="currency")
            return None
        if currency != written:
            self.note("currency.repaired", money, f"is written {currency}", written, attribute="currency")
        return currency

    def money_in(self, parent: Element, what: str = "amount") -> Money | None:
        """The Money below `parent`; what stands beside it is kept. None, after a fault, when there is none."""
        if len(parent) == 1 and (only := parent[0]).tag == "Money":
            currency = self.currency
            if currency is not None and only.items() == [("currency", currency)] and not len(only):
                amount = numbers.plain(only.text or "")
                if amount is not None:
                    return Money(amount=amount, currency=currency)
            return self.money(only, what)
        found: Money | None = None
        seen = False
        for child in parent:
            if child.tag == "Money" and not seen:
                found = self.money(child, what)
                seen = True
            else:
                self.keep(child)
        if not seen:
            self.fault(f"{what}.missing", parent, "has no Money")
        return found

    def date(self, text: str | None, element: Element, attribute: str, *, keep: bool = True) -> datetime | date | None:
        """None when absent, and, with a finding, when it cannot be read without a guess; then the text is kept, unless
        the caller keeps the whole element."""
        if not text:
            return None
        try:
            found, deviation = dates.read(text, zone=self.zone, order=self.settings.date_order)
        except dates.NotADate as error:
            self.note("date.unreadable", element, str(error), text, attribute=attribute)
            if keep:
                self.keep_attribute(element, attribute, text)
            return None
        if deviation:
            self.note("date.not_standard", element, deviation, text, attribute=attribute)
        return found

    def whole(self, text: str | None, what: str, element: Element, attribute: str | None = None) -> int | None:
        """A whole number, not negative. None when absent, and, kept and with a finding, when it is none."""
        if text is None:
            return None
        if text.isdigit() and text.isascii() and text[0] != "0" and len(text) <= 18:
            return int(text)
        bare = text.strip()
        if not (bare.isascii() and bare.isdigit() and len(bare) <= 18):
            self.note(f"{what}.not_whole", element, "must be a whole number", text, attribute=attribute)
            if attribute is None:
                self.keep(element)
            else:
                self.keep_attribute(element, attribute, text)
            return None
        if bare != text or (bare[0] == "0" and len(bare) > 1):
            self.note(f"{what}.repaired", element, f"read as {int(bare)}", text, attribute=attribute)
        return int(bare)


def _joined(place: str, attribute: str | None) -> str:
    if attribute is None:
        return place
    return f"{place}/@{attribute}" if place else f"@{attribute}"


def _scrub(element: Element) -> None:
    """Takes card numbers and secrets out of what is about to be kept."""
    for found in element.iter("PCard", "SharedSecret", "CredentialMac", "DigitalSignature"):
        if found.tag == "PCard":
            found.set("number", last_four(found.get("number")))
        else:
            for child in list(found):
                found.remove(child)
            found.text = "***"


def last_four(number: str | None) -> str:
    return "".join(c for c in number or "" if c.isalnum())[-4:]


def flag(value: bool) -> str | None:
    """How an attribute that has only the value `yes` says it."""
    return "yes" if value else None


Fields = dict[str, Any]
"""The fields of a canonical document while they come together."""
