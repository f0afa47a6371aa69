"""Exchange rates as rules use them: the rate of the day or the last one before it, never one that is too old.

An amount is multiplied exactly and not rounded, since a comparison at a threshold must not turn on a rounding. A rate
is used in the direction in which it was published; the other would have to be divided and rounded."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from schemas.base import Canonical
from schemas.money import Money


class Rate(Canonical, frozen=True, kw_only=True):
    """`factor` units of `target` for one unit of `base`, as `source` published it for `day`."""

    base: str
    target: str
    factor: Decimal
    day: date
    source: str

    def __post_init__(self) -> None:
        if not self.factor.is_finite() or self.factor <= 0:
            raise ValueError("a rate is above zero")


class Rates:
    """`oldest`: a rate of more days before the day asked about counts as missing."""

    def __init__(self, rates: Iterable[Rate] = (), *, oldest: int = 7) -> None:
        self.oldest = timedelta(days=oldest)
        self._by_pair: dict[tuple[str, str], list[Rate]] = {}
        for rate in sorted(rates, key=lambda rate: rate.day):
            self._by_pair.setdefault((rate.base, rate.target), []).append(rate)

    def of(self, base: str, target: str, day: date) -> Rate | None:
        published = (rate for rate in reversed(self._by_pair.get((base, target), ())) if rate.day <= day)
        found = next(published, None)
        return found if found is not None and day - found.day <= self.oldest else None

    def convert(self, money: Money, currency: str, day: date) -> Decimal | None:
        """The amount in the currency, unrounded; None without a rate. Equal currencies never need one."""
        if money.currency == currency:
            return money.amount
        rate = self.of(money.currency, currency, day)
        return None if rate is None else money.amount * rate.factor


NO_RATES: Final = Rates()
