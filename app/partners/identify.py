"""Who is calling: a connection by its sender's name, a customer by whom it speaks for, us by how we are addressed.

Names are compared folded. What proves a name (a secret, a signature) is the protocol's matter; see `secrets`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from app.storage.customers import CustomerRow
from app.storage.partners import PartnerIdentityRow, PartnerRow, Role
from schemas.base import Canonical
from schemas.party import Identifier


class AnswerTo(Canonical, frozen=True, kw_only=True):
    """What a later answer must repeat: our name as they wrote it, theirs, and their language. Rows keep it as JSON."""

    ours: Identifier
    theirs: Identifier
    language: str | None = None

    def kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept

    @classmethod
    def read(cls, kept: dict[str, Any]) -> "AnswerTo":
        return msgspec.convert(kept, cls)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated party with the customer it buys for. The rows are detached: to be read, not changed.

    sender       the name that authenticated: a hub's, where one stands between.
    test         nothing this caller sends may reach an ERP.
    document_id  the id of the document it came with (cXML payloadID)."""

    realm: str
    partner: PartnerRow
    customer: CustomerRow
    sender: Identifier
    answer_to: AnswerTo
    correlation_id: str
    test: bool = False
    document_id: str | None = None


def connection_of(session: Session, realm: str, senders: Iterable[Identifier]) -> tuple[PartnerRow, Identifier] | None:
    """The active connection that one of these names authenticates on, and that name as it was sent."""
    by_name = {identifier.folded(): identifier for identifier in senders}
    if not by_name:
        return None
    found = session.exec(
        select(PartnerIdentityRow, PartnerRow)
        .join(PartnerRow, col(PartnerRow.id) == PartnerIdentityRow.partner_id)
        .where(
            PartnerIdentityRow.realm == realm,
            PartnerIdentityRow.role == Role.SENDER,
            tuple_(col(PartnerIdentityRow.domain_folded), col(PartnerIdentityRow.identity_folded)).in_(list(by_name)),
            col(PartnerRow.active),
        )
    ).all()
    rows = {(row.domain_folded, row.identity_folded): partner for row, partner in found}
    return next(((rows[name], sent) for name, sent in by_name.items() if name in rows), None)


def customer_of(
    session: Session, partner: PartnerRow, names: Sequence[Identifier]
) -> tuple[CustomerRow, Identifier] | None:
    """The customer that the first of these From names stands for on this connection, and that name as it was sent."""
    found = _named(session, partner, Role.FROM, names)
    for row, sent in found:
        customer = session.get(CustomerRow, row.customer_id) if row.customer_id else None
        if customer is not None and customer.active:
            return customer, sent
    return None


def our_name(session: Session, partner: PartnerRow, names: Sequence[Identifier]) -> Identifier | None:
    """The first of these To names that is ours on this connection, as it was sent."""
    return next((sent for _, sent in _named(session, partner, Role.TO, names)), None)


def _named(
    session: Session, partner: PartnerRow, role: Role, names: Sequence[Identifier]
) -> list[tuple[PartnerIdentityRow, Identifier]]:
    """The connection's rows of that role that go by one of the names, in the order of the names."""
    rows = session.exec(
        select(PartnerIdentityRow).where(PartnerIdentityRow.partner_id == partner.id, PartnerIdentityRow.role == role)
    ).all()
    by_name = {(row.domain_folded, row.identity_folded): row for row in rows}
    return [(by_name[name.folded()], name) for name in names if name.folded() in by_name]
