"""Keys for the API are made and revoked, by a page or a command, and the record says so."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import Session, select

from app.errors import No, Refusal
from app.gateway import Gateway
from app.storage import api_keys, audit
from app.storage.api_keys import LIVE_AT_ONCE, ApiKeyRow, Scope
from app.storage.customers import CustomerRow

LONGEST_DAYS: Final = 3650
DAYS: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    scopes, customers  customers by their ids. None: as the live key of the same name has them; for a first key
                       `customers` None means all, and scopes must be said.
    days               how long it lives; None: until it is revoked.
    """

    name: str
    scopes: Collection[Scope] | None = None
    customers: Collection[str] | None = None
    days: int | None = DAYS


def issue(
    tx: Session, gateway: Gateway, wanted: Wanted, *, realm: str, actor: str, channel: str
) -> tuple[ApiKeyRow, str]:
    """The row, and the whole key, which is known here and never again. Raises Refusal."""
    now = gateway.clock.now()
    name = wanted.name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise Refusal(No.UNACCEPTABLE, "A key has a name of 1 to 100 characters: the system that calls with it.")
    if wanted.days is not None and not 1 <= wanted.days <= LONGEST_DAYS:
        raise Refusal(No.UNACCEPTABLE, f"A key lives for 1 to {LONGEST_DAYS} days, or until it is revoked.")
    live = api_keys.live_of(tx, realm, name, now)
    if len(live) >= LIVE_AT_ONCE:
        raise Refusal(No.CONFLICT, f"{name} has {LIVE_AT_ONCE} live keys already: revoke the older one first.")
    scopes, customers = wanted.scopes, wanted.customers
    if live:
        scopes = [Scope(scope) for scope in live[0].scopes] if scopes is None else scopes
        customers = live[0].customers if customers is None else customers
    if not scopes:
        raise Refusal(No.UNACCEPTABLE, "Say what the key may do: it needs at least one scope.")
    _refuse_unknown(tx, realm, customers)
    key_id, digest, key = api_keys.made(realm)
    row = ApiKeyRow(
        id=key_id,
        realm=realm,
        name=name,
        secret_sha256=digest,
        scopes=sorted(set(scopes)),
        customers=None if customers is None else sorted(set(customers)),
        created_at=now,
        expires_at=None if wanted.days is None else now + timedelta(days=wanted.days),
    )
    tx.add(row)
    data = {"key": row.id, "name": name, "scopes": row.scopes, "customers": row.customers, "days": wanted.days}
    audit.record(tx, realm=realm, at=now, actor=actor, channel=channel, event="key_created", data=data)
    return row, key


def _refuse_unknown(tx: Session, realm: str, customers: Collection[str] | None) -> None:
    wanted = set(customers or ())
    known = set(tx.exec(select(CustomerRow.id).where(CustomerRow.realm == realm)).all())
    if customers is not None and (not wanted or wanted - known):
        raise Refusal(No.UNACCEPTABLE, "Name customers that there are, or none for all.")


def revoke(tx: Session, gateway: Gateway, key_id: str, *, realm: str, actor: str, channel: str) -> ApiKeyRow:
    """Ends a key at once; a second time changes nothing. Raises Refusal UNKNOWN_REFERENCE."""
    row = tx.get(ApiKeyRow, key_id)
    if row is None or row.realm != realm:
        raise Refusal(No.UNKNOWN_REFERENCE, "There is no such key.")
    if row.revoked_at is None:
        row.revoked_at = gateway.clock.now()
        tx.add(row)
        data = {"key": row.id, "name": row.name}
        audit.record(tx, realm=realm, at=row.revoked_at, actor=actor, channel=channel, event="key_revoked", data=data)
    return row
