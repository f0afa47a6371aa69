"""Who is calling: a connection by its sender's name, a customer by whom it speaks for, us by how we are addressed.

Names are compared folded. What proves a name (a secret, a signature) is the protocol's matter; see `secrets`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, tuple_
from sqlmodel import Session, col, select

from app.storage.changes import Memories
from app.storage.customers import CustomerRow
from app.storage.partners import PartnerIdentityRow, PartnerRow, Role
from schemas.base import Canonical
from schemas.party import Identifier

Folded: TypeAlias = tuple[str, str]


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


def connection_of(
    session: Session, memories: Memories, realm: str, senders: Iterable[Identifier]
) -> tuple[PartnerRow, Identifier] | None:
    """The active connection that one of these names authenticates on, and that name as it was sent."""
    by_name = {identifier.folded(): identifier for identifier in senders}
    if not by_name:
        return None
    names = tuple(by_name)
    found: Mapping[Folded, PartnerRow] | None = memories.partners.get(
        session, ("connection", realm, names), lambda: _connections(session, realm, names) or None
    )
    return next(((found[name], by_name[name]) for name in names if name in found), None) if found else None


def _connections(session: Session, realm: str, names: Sequence[Folded]) -> dict[Folded, PartnerRow]:
    found = session.exec(
        select(PartnerIdentityRow, PartnerRow)
        .join(PartnerRow, col(PartnerRow.id) == PartnerIdentityRow.partner_id)
        .where(
            PartnerIdentityRow.realm == realm,
            PartnerIdentityRow.role == Role.SENDER,
            _goes_by(names),
            col(PartnerRow.active),
        )
    ).all()
    return {(row.domain_folded, row.identity_folded): partner for row, partner in found}


def customer_of(
    session: Session, memories: Memories, partner: PartnerRow, names: Sequence[Identifier]
) -> tuple[CustomerRow, Identifier] | None:
    """The customer that the first of these From names stands for on this connection, and that name as it was sent."""
    for row, sent in _named(session, memories, partner, Role.FROM, names):
        customer_id = row.customer_id
        if customer_id is None:
            continue
        read = partial(session.get, CustomerRow, customer_id)
        customer: CustomerRow | None = memories.partners.get(session, ("customer", customer_id), read)
        if customer is not None and customer.active:
            return customer, sent
    return None


def our_name(
    session: Session, memories: Memories, partner: PartnerRow, names: Sequence[Identifier]
) -> Identifier | None:
    """The first of these To names that is ours on this connection, as it was sent."""
    return next((sent for _, sent in _named(session, memories, partner, Role.TO, names)), None)


def _named(
    session: Session, memories: Memories, partner: PartnerRow, role: Role, names: Sequence[Identifier]
) -> list[tuple[PartnerIdentityRow, Identifier]]:
    """The connection's rows of that role that go by one of the names, in the order of the names."""
    folded = tuple(dict.fromkeys(name.folded() for name in names))
    found: Mapping[Folded, PartnerIdentityRow] | None = memories.partners.get(
        session, ("identity", partner.id, role, folded), lambda: _identities(session, partner, role, folded) or None
    )
    return [(found[name.folded()], name) for name in names if name.folded() in found] if found else []


def _identities(
    session: Session, partner: PartnerRow, role: Role, names: Sequence[Folded]
) -> dict[Folded, PartnerIdentityRow]:
    rows = session.exec(
        select(PartnerIdentityRow).where(
            PartnerIdentityRow.partner_id == partner.id, PartnerIdentityRow.role == role, _goes_by(names)
        )
    ).all()
    return {(row.domain_folded, row.identity_folded): row for row in rows}


def _goes_by(names: Sequence[Folded]) -> ColumnElement[bool]:
    return tuple_(col(PartnerIdentityRow.domain_folded), col(PartnerIdentityRow.identity_folded)).in_(names)
