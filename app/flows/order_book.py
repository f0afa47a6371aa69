"""What an order is held against: the catalog's offers, the customer's places, the rules.

Read from the rows, or from what this process remembers of them where that is still true. A transaction that writes
reads the rows: it must see its own changes, which others must not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlmodel import Session, select

from app.catalog.items import Audience, Offer, offers
from app.storage import approvals
from app.storage.changes import Memories
from app.storage.customers import CustomerAddressRow, CustomerRow
from schemas.party import Address


@dataclass(frozen=True, slots=True)
class PublishedFlow:
    """A flow's active version; `definition` is its JSON, `own_fields` what it keeps of the customer's own fields."""

    name: str
    version: int
    version_id: str
    definition: str
    own_fields: str | None


class OrderBook:
    """`memories` are absent where the session writes."""

    def __init__(self, session: Session, memories: Memories | None = None) -> None:
        self.session = session
        self._memories = memories

    @property
    def writes(self) -> bool:
        """Whether it stands in a transaction that writes."""
        return self._memories is None

    def offers(self, audience: Audience, skus: Iterable[str], at: datetime) -> Mapping[str, Offer]:
        """By SKU, as `catalog.items.offers`."""
        if self._memories is None:
            return offers(self.session, audience, skus, at)
        day = at.astimezone(UTC).date()
        keys = {(*_asked(audience), day, sku): sku for sku in skus}

        def read(missing: list[tuple[object, ...]]) -> dict[tuple[object, ...], Offer | None]:
            found = offers(self.session, audience, [keys[key] for key in missing], at)
            return {key: found.get(keys[key]) for key in missing}

        known = self._memories.catalog.get_all(self.session, keys, read)
        return {keys[key]: offer for key, offer in known.items() if offer is not None}

    def places(self, customer: CustomerRow) -> tuple[tuple[str, Address], ...]:
        """The customer's known addresses with their codes."""

        def read() -> tuple[tuple[str, Address], ...]:
            query = select(CustomerAddressRow).where(CustomerAddressRow.customer_id == customer.id)
            return tuple((row.code, msgspec.convert(row.address, Address)) for row in self.session.exec(query))

        if self._memories is None:
            return read()
        found: tuple[tuple[str, Address], ...] = self._memories.partners.get(
            self.session, ("places", customer.id), read
        )
        return found

    def flows(self, customer: CustomerRow) -> tuple[PublishedFlow, ...]:
        """In the order in which they are tried."""

        def read() -> tuple[PublishedFlow, ...]:
            return tuple(
                PublishedFlow(flow.name, version.number, version.id, version.definition, version.own_fields)
                for flow, version in approvals.candidates(self.session, customer)
            )

        if self._memories is None:
            return read()
        found: tuple[PublishedFlow, ...] = self._memories.rules.get(
            self.session, ("flows", customer.id, customer.group), read
        )
        return found


def _asked(audience: Audience) -> tuple[object, ...]:
    return "offer", audience.realm, audience.price_list, audience.language
