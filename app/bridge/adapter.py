"""What an ERP adapter must do, and the only four ways a delivery can end for now.

Neither a lost reply nor an HTTP status says whether an ERP has an order. So an outcome is *accepted* only when the
ERP's own id was read back, *retry* only when the request surely was not done, and everything between is *uncertain*,
after which the caller looks up before it sends again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from app.clock import Clock
from app.seal import Secret
from schemas.order import Order


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ERP said, for the record of the attempt: HTTP status and the beginning of the body, never a secret."""

    status: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """`erp_id` is the ERP's own key, read back; `number` what people there call the order."""

    erp_id: str
    number: str
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A business refusal in the ERP's words. `at` is the field path in our order. Never retried by itself."""

    code: str
    text: str
    at: str | None = None
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Surely not done. `after` is the ERP's own wish (Retry-After); `reason` is for the attempt's record."""

    reason: str
    after: timedelta | None = None
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Anything between the first byte sent and a readable answer."""

    reason: str
    heard: Heard | None = None


Outcome = Accepted | Rejected | Retry | Uncertain


@dataclass(frozen=True, slots=True)
class FoundOne:
    """Exactly one order of that reference: `lines` (supplier id, quantity) and `total` let the caller compare.
    `revision` is what was sent with it, where the ERP keeps that."""

    erp_id: str
    number: str
    lines: tuple[tuple[str, Decimal], ...]
    total: Decimal | None
    currency: str | None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class FoundNone:
    pass


@dataclass(frozen=True, slots=True)
class FoundSeveral:
    erp_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CannotTell:
    reason: str
    heard: Heard | None = None


Found = FoundOne | FoundNone | FoundSeveral | CannotTell


class Label(StrEnum):
    """How far an adapter has been proved; shown in README, admin and API."""

    PRODUCT = "run against the product"
    STAND_IN = "run against a stand-in"
    CONTRACT = "contract only"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One order on its way.

    id         the same over all attempts: the receiver's idempotency key.
    reference  what `find` looks for: the buyer's order number.
    customer   the customer's number in the ERP.
    kind       `create`, `change` or `cancel`.
    """

    id: str
    kind: str
    reference: str
    revision: int
    customer: str
    order: Order
    correlation_id: str


@dataclass(frozen=True, slots=True)
class SetUp:
    """What an adapter is built from.

    settings          the ERP's row; each adapter has its own type for them.
    secrets           by purpose, those that are valid now, the newest first.
    private_networks  the operator's switch: the ERP may lie inside.
    """

    realm: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, tuple[Secret, ...]]
    clock: Clock
    private_networks: bool


class ErpAdapter(Protocol):
    """Adapters block; the lane job calls them in its own thread. They never raise for what the ERP says or fails to
    say: an exception is a bug of ours, and the caller treats it as uncertain and raises an alert."""

    @property
    def label(self) -> Label: ...

    @property
    def settle(self) -> timedelta:
        """How long after an uncertain attempt a look-up that finds nothing may be believed."""
        ...

    @property
    def longest(self) -> timedelta:
        """No call takes longer: a worker silent for more than this and a margin is taken for dead."""
        ...

    @property
    def at_once(self) -> int:
        """How many calls the ERP may be asked to take at the same time."""
        ...

    def submit(self, delivery: Delivery) -> Outcome: ...

    def find(self, reference: str, customer: str) -> Found: ...

    def close(self) -> None:
        """Gives up connections; calls under way may fail."""
        ...
