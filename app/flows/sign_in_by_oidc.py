"""Who a provider's user is here: by the subject that was linked before, else by the mail address that the provider has
verified, which links the subject. Nobody is added unless the provider's default role says so."""

from dataclasses import dataclass

from sqlmodel import Session

from app.gateway import Gateway
from app.storage import audit, oidc, people
from app.storage.oidc import OidcIdentityRow, OidcProviderRow
from app.storage.people import PersonRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the provider said. `email` is verified."""

    subject: str
    email: str | None
    name: str | None


def person_for(tx: Session, gateway: Gateway, provider: OidcProviderRow, told: Told) -> PersonRow | None:
    """None: nobody who may sign in. An address that two people share tells neither."""
    person = oidc.known(tx, provider.realm, provider.issuer, told.subject)
    if person is None:
        person = _linked(tx, gateway, provider, told)
    return person if person is not None and person.may_sign_in(demo=gateway.settings.demo) else None


def _linked(tx: Session, gateway: Gateway, provider: OidcProviderRow, told: Told) -> PersonRow | None:
    if not told.email or len(told.email) > 100:
        return None
    email = people.folded(told.email)
    found = oidc.by_email(tx, provider.realm, email)
    if len(found) > 1:
        return None
    person = found[0] if found else _added(tx, gateway, provider, told, email)
    if person is None or not person.may_sign_in(demo=gateway.settings.demo):
        return None
    if oidc.has_identity(tx, person.id, provider.issuer):
        # The address has another owner there than when it was linked.
        return None
    now = gateway.clock.now()
    tx.add(
        OidcIdentityRow(
            realm=provider.realm,
            issuer=provider.issuer,
            subject=told.subject,
            person_id=person.id,
            linked_at=now,
        )
    )
    data = {"issuer": provider.issuer}
    actor = audit.by(person.id)
    audit.record(tx, realm=provider.realm, at=now, actor=actor, channel="page", event="identity_linked", data=data)
    return person


def _added(tx: Session, gateway: Gateway, provider: OidcProviderRow, told: Told, email: str) -> PersonRow | None:
    if provider.default_role is None or people.by_login(tx, provider.realm, email) is not None:
        return None
    now = gateway.clock.now()
    person = PersonRow(
        id=gateway.ids(),
        realm=provider.realm,
        login=email,
        name=(told.name or email)[:200],
        email=email,
        roles=[provider.default_role],
        created_at=now,
    )
    tx.add(person)
    tx.flush()
    data = {"person": person.id, "roles": person.roles, "issuer": provider.issuer}
    audit.record(tx, realm=provider.realm, at=now, actor="system", channel="page", event="person_added", data=data)
    return person
