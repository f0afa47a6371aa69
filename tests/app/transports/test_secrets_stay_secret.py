"""A canary secret goes through every path of the way in; then everything that can be seen is searched for it."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from urllib.parse import quote

import httpx
import pytest
from buyers import ACME, Buyer, set_up
from log_lines import logged
from sqlalchemy import MetaData, select
from sqlmodel import Session

from app import metrics
from app.gateway import Gateway
from app.partners.secrets import Purpose, keep_secret
from app.seal import Secret
from app.storage.partners import PartnerRow
from app.web.routes import assemble
from schemas.party import Identifier

pytestmark = pytest.mark.anyio

CANARY = "c4nary <&> s3cret/+="
XML = {"Content-Type": "text/xml; charset=UTF-8"}


def forms(secret: str) -> list[bytes]:
    """The secret as it would stand in a text, a page, a URL, or inside Base64 at each of its three offsets."""
    plain = secret.encode()
    encoded = [base64.b64encode(b"\0" * offset + plain)[4:-4] for offset in range(3)]
    shown = {secret, escape(secret), quote(secret), quote(secret, safe=""), repr(secret)[1:-1], escape(secret, False)}
    return [text.encode() for text in shown] + encoded


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with logged(level="debug") as stream:
        yield stream


def everything_stored(gateway: Gateway) -> bytes:
    """Every value of every table, the engine's too."""
    metadata = MetaData()
    found: list[bytes] = []
    with gateway.database.engine.connect() as connection:
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


def test_the_search_would_find_it() -> None:
    for shown in (CANARY.encode(), base64.b64encode(b"xy" + CANARY.encode() + b"z"), escape(CANARY).encode()):
        assert any(form in shown for form in forms(CANARY))


async def test_a_shared_secret_is_seen_nowhere(gateway: Gateway, log: io.StringIO) -> None:
    buyer = set_up(gateway, replace(ACME, secret=CANARY))

    def more(session: Session) -> None:
        partner = session.get_one(PartnerRow, buyer.partner_id)
        for purpose in (Purpose.CXML_MAC, Purpose.CXML_OUTBOUND):
            keep_secret(session, gateway.keys, partner, purpose, Secret(CANARY), now=gateway.clock.now())

    gateway.database.write(more)
    answers = await every_path(gateway, buyer)
    seen = b"\n".join([log.getvalue().encode(), *answers, metrics.exposition(), everything_stored(gateway)])
    assert len(answers) > 8
    assert b"exchange" in seen
    assert [form for form in forms(CANARY) if form in seen] == []


async def every_path(gateway: Gateway, buyer: Buyer) -> list[bytes]:
    good = buyer.order_request()
    bodies = {
        "taken": good,
        "again": good,
        "conflict": buyer.order_request(user_agent="Other"),
        "profile": buyer.profile_request(),
        "malformed": good.replace(b"</OrderRequest>", b"</Order>"),
        "rejected": good.replace(b'currency="EUR"', b'currency="XXX"').replace(b"1@buyer", b"2@buyer"),
        "not offered": buyer.status_update("3").replace(b"StatusUpdateRequest", b"GetPendingRequest"),
        "wrong": replace(buyer, secret=CANARY + CANARY).order_request("4"),
        "stranger": replace(buyer, sender=Identifier(scheme="NetworkId", value="AN9")).order_request("5"),
        "forbidden": replace(buyer, buyer=Identifier(scheme="DUNS", value="9")).order_request("6"),
        "cut": good[: len(good) // 2],
    }
    app = assemble(gateway, allowed_hosts=("crossdock.example",))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://crossdock.example") as client:
        answers = [(await client.post("/cxml", content=body, headers=XML)).content for body in bodies.values()]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.flows.receive._take", crash)
            answers.append((await client.post("/cxml", content=buyer.order_request("8"), headers=XML)).content)
    return answers


def crash(*arguments: object) -> None:
    raise RuntimeError(f"a bug that shows all it has: {arguments} {CANARY}")
