"""The demo: two customers with their procurement systems, four people, one ERP, and the demo catalog.

Passwords and secrets are random, made when the demo is loaded, and stand in `demo.json` only."""

import secrets as random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlmodel import Session, col, select

from app.approval import definition as definitions
from app.bridge.demo_erp.server import secret_of
from app.bridge.registry import DEFAULT, keep_erp
from app.bridge.registry import keep_secret as keep_erp_secret
from app.bridge.rest_json.adapter import SIGNING
from app.catalog.demo import demo_files
from app.catalog.load import import_files
from app.gateway import Gateway
from app.partners.profile import add_partner
from app.partners.secrets import Purpose, keep_secret, secrets_of
from app.sandbox import demo_buyer
from app.sandbox.access import Cxml, DemoAccess, Identity, User
from app.seal import KeyRing, Secret
from app.storage import passwords
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.base import LIVE
from app.storage.customers import CustomerAddressRow, CustomerRow
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow, Role
from schemas.base import to_json
from schemas.party import Address

US: Final = Identity(domain="NetworkId", identity="CROSSDOCK-DEMO")
LOOPBACK: Final = ("127.0.0.1", "localhost")
ERP_SETTLES: Final = 2
"""Seconds after which the demo ERP is believed when it has not got an order: it works at once or never."""
APPROVAL_LIMIT: Final = "500.00"
"""What an order may be worth, in the customer's currency, before a person is asked."""
DEAR_LIMIT: Final = "2500.00"
"""And before a second one is asked, once the first has approved."""
LEAD: Final = "paula"
SECOND: Final = "frida"


@dataclass(frozen=True, slots=True)
class Buyer:
    partner: str
    customer: str
    number: str
    currency: str
    price_list: str
    language: str
    from_: Identity
    sender: Identity
    ship_to: Address


ATLAS: Final = Buyer(
    partner="Atlas procurement (demo)",
    customer="Atlas Werke AG",
    number="10010",
    currency="EUR",
    price_list="atlas",
    language="de",
    from_=Identity(domain="DUNS", identity="381204765"),
    sender=Identity(domain="NetworkId", identity="ATLAS-PROCURE"),
    ship_to=Address(
        id="WERK-1",
        name="Atlas Werke AG, Werk 1",
        street=("Hafenstrasse 14",),
        city="Hamburg",
        postal_code="20457",
        country="DE",
    ),
)
BOREAL: Final = Buyer(
    partner="Boreal purchasing (demo)",
    customer="Boreal Foods Inc.",
    number="10020",
    currency="USD",
    price_list="boreal",
    language="en",
    from_=Identity(domain="DUNS", identity="792113048"),
    sender=Identity(domain="NetworkId", identity="BOREAL-BUY"),
    ship_to=Address(
        id="PLANT-7",
        name="Boreal Foods Inc., Plant 7",
        street=("700 Mill Road",),
        city="Duluth",
        region="MN",
        postal_code="55802",
        country="US",
    ),
)
BUYERS: Final = (ATLAS, BOREAL)

PEOPLE: Final = (
    ("admin", "Alex Admin", (Role.ADMIN,)),
    (LEAD, "Paula Purchasing-Lead", (Role.APPROVER,)),
    (SECOND, "Frida Finance", (Role.APPROVER,)),
    ("otto", "Otto Order-Desk", (Role.OPERATOR,)),
)


class NotOurs(Exception):
    """The database holds other data than the demo's."""


def load(gateway: Gateway, before: DemoAccess | None, *, base_url: str, erp_url: str) -> DemoAccess:
    """Makes what is missing and leaves the rest. `before` is what was written at an earlier start; where it is lost,
    or is of another database, everybody gets their secrets anew. Raises NotOurs."""
    users = before.users if before else tuple(_user(login, roles) for login, _, roles in PEOPLE)
    given = (before.cxml, *before.other_buyers) if before else ()
    kept = [one.secret for one in given] or [random.token_urlsafe(18) for _ in BUYERS]
    first, *others = (_cxml(base_url, buyer, secret) for buyer, secret in zip(BUYERS, kept, strict=True))
    with gateway.database.read() as session:
        loaded = _loaded(session)
        known = loaded and before is not None and _knows(session, gateway, first)
    hashed = {} if known else {user.name: passwords.hashed(user.password) for user in users}
    now = gateway.clock.now()

    def write(session: Session) -> None:
        if not loaded:
            for buyer in BUYERS:
                _add_buyer(session, buyer, now)
            _add_people(session, now)
            import_files(session, LIVE, demo_files(), now)
        if not known:
            _set_passwords(session, hashed)
            _set_secrets(session, gateway.keys, (first, *others), now)
        _set_addresses(session, gateway, erp_url, now)

    gateway.database.write(write, patience=60)
    return DemoAccess(base_url=base_url, erp_url=erp_url, users=users, cxml=first, other_buyers=tuple(others))


def _knows(session: Session, gateway: Gateway, given: Cxml) -> bool:
    """Whether the first buyer's secret is the one in the database."""
    now = gateway.clock.now()
    valid = secrets_of(session, gateway.keys, _partner(session, ATLAS), Purpose.CXML_INBOUND, now)
    return given.secret in [secret.reveal() for secret in valid]


def _partner(session: Session, buyer: Buyer) -> PartnerRow:
    query = select(PartnerRow).where(PartnerRow.realm == LIVE, PartnerRow.name == buyer.partner)
    return session.exec(query).one()


def _set_addresses(session: Session, gateway: Gateway, erp_url: str, now: datetime) -> None:
    """Where the demo ERP and the demo buyer are at this start."""
    erp = keep_erp(
        session,
        realm=LIVE,
        name=DEFAULT,
        adapter="rest_json",
        settings={"url": erp_url, "plain_http": True, "settle": ERP_SETTLES},
        now=now,
    )
    shared = secret_of(gateway.settings.data)
    keep_erp_secret(session, gateway.keys, erp, SIGNING, shared, now=now, overlap_until=now)
    agreed = {"reply_url": f"{erp_url}{demo_buyer.CXML}", "reply_hosts": list(LOOPBACK), "confirmations": True}
    for buyer in BUYERS:
        _partner(session, buyer).settings = {"cxml": agreed}


def _user(login: str, roles: tuple[Role, ...]) -> User:
    return User(name=login, password=passwords.made(), roles=tuple(role.value for role in roles))


def _cxml(base_url: str, buyer: Buyer, secret: str) -> Cxml:
    return Cxml(url=f"{base_url}/cxml", from_=buyer.from_, to=US, sender=buyer.sender, secret=secret)


def _loaded(session: Session) -> bool:
    names = session.exec(select(PartnerRow.name)).all()
    if ATLAS.partner in names:
        return True
    others = (session.exec(select(column).limit(1)).first() for column in (CustomerRow.id, PersonRow.id))
    if names or any(others):
        raise NotOurs("this database holds other data than the demo's; the demo needs one of its own")
    return False


def _set_passwords(session: Session, hashed: Mapping[str, str]) -> None:
    for person in session.exec(select(PersonRow).where(PersonRow.realm == LIVE, col(PersonRow.login).in_(hashed))):
        person.password = hashed[person.login]


def _set_secrets(session: Session, keys: KeyRing, buyers: Sequence[Cxml], now: datetime) -> None:
    for buyer, given in zip(BUYERS, buyers, strict=True):
        partner = _partner(session, buyer)
        for purpose in (Purpose.CXML_INBOUND, Purpose.CXML_OUTBOUND):
            keep_secret(session, keys, partner, purpose, Secret(given.secret), now=now, overlap_until=now)


def _add_buyer(session: Session, buyer: Buyer, now: datetime) -> None:
    customer = CustomerRow(
        realm=LIVE,
        number=buyer.number,
        name=buyer.customer,
        currency=buyer.currency,
        language=buyer.language,
        price_list=buyer.price_list,
        created_at=now,
    )
    session.add(customer)
    session.flush()
    place = buyer.ship_to
    session.add(
        CustomerAddressRow(
            realm=LIVE,
            customer_id=customer.id,
            code=place.id or "",
            name=place.name or "",
            address=msgspec.json.decode(to_json(place)),
        )
    )
    partner = add_partner(
        session,
        realm=LIVE,
        name=buyer.partner,
        now=now,
        senders=[buyer.sender.identifier],
        buys_for=[(buyer.from_.identifier, customer)],
        our_names=[US.identifier],
    )
    partner.return_hosts = list(LOOPBACK)
    _add_flow(session, buyer, customer, now)


def _add_flow(session: Session, buyer: Buyer, customer: CustomerRow, now: datetime) -> None:
    limit = {"field": "order.total_net", "value": APPROVAL_LIMIT, "currency": buyer.currency}
    within, above = {**limit, "op": "<="}, {**limit, "op": ">"}
    dear = {**limit, "op": ">", "value": DEAR_LIMIT}
    lead = {
        "key": "lead",
        "name": "Purchasing lead",
        "approver": {"user": LEAD},
        "condition": above,
        "may_edit": ["quantity", "comment"],
        "escalate_to": {"user": SECOND},
    }
    second = {"key": "finance", "name": "Finance", "approver": {"user": SECOND}, "condition": dear}
    definition = definitions.read(
        msgspec.json.encode(
            {
                "auto_approve": [{"key": "small", "text": f"Up to {buyer.currency} {APPROVAL_LIMIT}", "when": within}],
                "stages": [{"steps": [lead]}, {"steps": [second]}],
                "when_nobody_is_asked": "hold",
                "send_back": {},
            }
        )
    )
    flow = FlowRow(realm=LIVE, key=f"demo-{buyer.number}", name=f"Orders of {buyer.customer}", customer_id=customer.id)
    session.add(flow)
    session.flush()
    session.add(
        FlowVersionRow(
            realm=LIVE,
            flow_id=flow.id,
            number=1,
            state=VersionState.ACTIVE,
            definition=definitions.to_json(definition),
            checksum=definitions.checksum(definition),
            published_at=now,
        )
    )


def _add_people(session: Session, now: datetime) -> None:
    for login, name, roles in PEOPLE:
        person = PersonRow(
            realm=LIVE,
            login=login,
            name=name,
            email=f"{login}@crossdock.example",
            roles=[role.value for role in roles],
            demo=True,
            created_at=now,
        )
        session.add(person)
