"""What is agreed with a partner about each protocol, and the making of partners."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlmodel import Session

from app.storage.customers import CustomerRow
from app.storage.partners import PartnerIdentityRow, PartnerRow, Role
from schemas.party import Identifier

S = TypeVar("S", bound=msgspec.Struct)


def settings_of(partner: PartnerRow, protocol: str, kind: type[S]) -> S:
    """The partner's settings for a protocol, its defaults where nothing was agreed.
    Raises msgspec.ValidationError for what was stored wrong; it was checked when it was entered."""
    return msgspec.convert(partner.settings.get(protocol, {}), kind)


def add_identity(
    session: Session, partner: PartnerRow, role: Role, name: Identifier, customer: CustomerRow | None = None
) -> PartnerIdentityRow:
    """A From identity names the customer it buys for."""
    domain, identity = name.folded()
    row = PartnerIdentityRow(
        realm=partner.realm,
        partner_id=partner.id,
        role=role,
        domain=name.scheme,
        identity=name.value,
        domain_folded=domain,
        identity_folded=identity,
        customer_id=customer.id if customer else None,
    )
    session.add(row)
    return row


def add_partner(
    session: Session,
    *,
    realm: str,
    name: str,
    now: datetime,
    senders: Iterable[Identifier],
    buys_for: Iterable[tuple[Identifier, CustomerRow]],
    our_names: Iterable[Identifier],
) -> PartnerRow:
    """A connection with all its names. Raises IntegrityError at the flush when a sender's name is taken."""
    partner = PartnerRow(realm=realm, name=name, created_at=now)
    session.add(partner)
    session.flush()
    for sender in senders:
        add_identity(session, partner, Role.SENDER, sender)
    for from_name, customer in buys_for:
        add_identity(session, partner, Role.FROM, from_name, customer)
    for our_name in our_names:
        add_identity(session, partner, Role.TO, our_name)
    return partner
