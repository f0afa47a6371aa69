"""A connection's secrets: sealed in their rows, valid between their dates, two at once while one is replaced."""

from contextlib import suppress
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, or_, select

from app.seal import KeyRing, Place, Secret, Unsealable
from app.storage.changes import Memories
from app.storage.partners import PartnerRow, PartnerSecretRow


class Purpose(StrEnum):
    """
    CXML_INBOUND   what the partner sends us in Sender (SharedSecret).
    CXML_MAC       what a hub and we share, by which it vouches for senders (CredentialMac).
    CXML_OUTBOUND  what we send the partner in Sender.
    """

    CXML_INBOUND = "cxml.inbound"
    CXML_MAC = "cxml.mac"
    CXML_OUTBOUND = "cxml.outbound"


def secrets_of(
    session: Session,
    keys: KeyRing,
    partner: PartnerRow,
    purpose: Purpose,
    now: datetime,
    memories: Memories | None = None,
) -> tuple[Secret, ...]:
    """The ones that are valid now, the newest first. Sessions that write have no `memories`. What is remembered stays
    sealed. Raises Unsealable when the key ring does not fit."""

    def read() -> list[PartnerSecretRow]:
        query = select(PartnerSecretRow).where(
            PartnerSecretRow.partner_id == partner.id, PartnerSecretRow.purpose == purpose
        )
        return list(session.exec(query))

    key = ("secrets", partner.id, purpose)
    rows: list[PartnerSecretRow] = memories.partners.get(session, key, read) if memories else read()
    valid = [row for row in rows if row.valid_from <= now and (row.valid_until is None or row.valid_until > now)]
    valid.sort(key=lambda row: (row.valid_from, row.id), reverse=True)
    return tuple(keys.open_text(row.sealed, _place(row.id)) for row in valid)


def every_secret(session: Session, keys: KeyRing, partner: PartnerRow) -> list[str]:
    """The texts of all there ever were and that can still be opened, so that they can be masked wherever they stand."""
    texts = []
    for row in session.exec(select(PartnerSecretRow).where(PartnerSecretRow.partner_id == partner.id)):
        with suppress(Unsealable):
            texts.append(keys.open_text(row.sealed, _place(row.id)).reveal())
    return texts


def keep_secret(
    session: Session,
    keys: KeyRing,
    partner: PartnerRow,
    purpose: Purpose,
    secret: Secret,
    *,
    now: datetime,
    overlap_until: datetime | None = None,
) -> PartnerSecretRow:
    """Adds a secret that is valid from now on. Those before it end at `overlap_until`, or stay valid without it."""
    if overlap_until is not None:
        for row in session.exec(
            select(PartnerSecretRow).where(
                PartnerSecretRow.partner_id == partner.id,
                PartnerSecretRow.purpose == purpose,
                or_(col(PartnerSecretRow.valid_until).is_(None), col(PartnerSecretRow.valid_until) > overlap_until),
            )
        ):
            row.valid_until = overlap_until
            session.add(row)
    kept = PartnerSecretRow(
        realm=partner.realm, partner_id=partner.id, purpose=purpose, sealed=b"", valid_from=now, created_at=now
    )
    kept.sealed = keys.seal_text(secret, _place(kept.id))
    session.add(kept)
    return kept


def _place(row_id: str) -> Place:
    return Place("cd_partner_secrets", row_id, "sealed")
