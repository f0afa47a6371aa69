"""Money, exact and in one currency, and the currencies the world trades in.

Minor units are our own table of ISO 4217: Babel's digits are meant for display and differ (IQD 0 instead of 3).
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from schemas.base import Canonical

_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

CURRENCIES: dict[str, int] = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}
"""ISO 4217 alphabetic code -> decimals of its minor unit, as of 2026 (BGN, HRK and ANG are withdrawn). Funds codes are
in; metals, XDR and the like, and test codes are not."""

_QUANTA = {digits: Decimal(1).scaleb(-digits) for digits in _DIGITS}


EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
"""Wide enough that products and sums of what documents carry lose no digit; what never ends (a price for 3 pieces) is
rounded at the 60th."""


def is_plausible(number: Decimal) -> bool:
    """Finite, and of a size that arithmetic keeps exact: below 10^31, and not closer to zero than 10^-30."""
    return number.is_finite() and -31 < number.adjusted() < 31


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Without rounding to the 28 digits of Python's default context."""
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))


class UnknownCurrency(ValueError):
    """Not an ISO 4217 currency that can be traded in."""


class Money(Canonical, frozen=True, kw_only=True):
    """An exact amount in one currency (ISO 4217). Raises ValueError for an amount that is no plausible number,
    UnknownCurrency (a ValueError too) for its currency.

    The amount keeps the decimals it was given: a unit price may be finer than the currency's minor unit."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise UnknownCurrency(f"{self.currency!r} is no ISO 4217 currency")
        if not is_plausible(self.amount):
            raise ValueError("an amount of money is a finite number below 10^31")

    def rounded(self) -> "Money":
        return Money(amount=round_line(self.amount, self.currency), currency=self.currency)

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:f}"


def round_line(amount: Decimal, currency: str) -> Decimal:
    """To the currency's minor unit (ISO 4217: JPY 0, EUR 2, KWD 3 decimals), half away from zero; never minus zero.

    Raises UnknownCurrency. Lines are rounded, then added; the total is never rounded again."""
    try:
        quantum = _QUANTA[CURRENCIES[currency]]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is no ISO 4217 currency") from None
    rounded = amount.quantize(quantum, context=EXACT)
    return rounded or rounded.copy_abs()
