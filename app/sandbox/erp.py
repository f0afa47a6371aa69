"""What the demo ERP has, asked over HTTP as anybody could."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import httpx
import msgspec

PATIENCE: Final = 30.0


class ErpLine(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    quantity: Decimal


class ErpOrder(msgspec.Struct, frozen=True, kw_only=True):
    number: str
    reference: str
    revision: int
    state: str
    currency: str | None
    total: Decimal | None
    lines: tuple[ErpLine, ...]


class _Received(msgspec.Struct, frozen=True, kw_only=True):
    orders: tuple[ErpOrder, ...]
    doubles: int


class ErpView:
    def __init__(self, url: str) -> None:
        self.url = url

    def orders(self, reference: str) -> list[ErpOrder]:
        """Every order it ever took under this number of the buyer's."""
        return [order for order in self._received().orders if order.reference == reference]

    def doubles(self) -> int:
        return self._received().doubles

    def wait_for(self, reference: str, wanted: Callable[[ErpOrder], bool] = lambda _: True) -> ErpOrder | None:
        """The order under this number once it is as wanted; None when it does not become so in time."""
        until = time.monotonic() + PATIENCE
        while True:
            found = next(filter(wanted, self.orders(reference)), None)
            if found is not None or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def _received(self) -> _Received:
        return msgspec.json.decode(httpx.get(f"{self.url}/received", timeout=10).content, type=_Received)
