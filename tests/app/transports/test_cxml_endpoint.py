"""POST /cxml: a cXML Response whatever comes, within bounds, once, also on real sockets."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from buyers import ACME, Buyer, set_up
from conftest import RecordedWork
from serving import served
from sqlmodel import Session, select

from app.gateway import Gateway
from app.storage.database import Database
from app.storage.exchanges import ExchangeRow, QuarantineRow
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from app.web.routes import assemble
from protocols.cxml.envelope import open_document
from protocols.cxml.status import Status
from schemas.party import Identifier

HOSTS = ("crossdock.example", "127.0.0.1")
XML = {"Content-Type": "text/xml; charset=UTF-8"}

anyio = pytest.mark.anyio


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return set_up(gateway)


def client_of(gateway: Gateway) -> httpx.AsyncClient:
    app = assemble(gateway, allowed_hosts=HOSTS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://crossdock.example")


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway) as client:
        yield client


def with_settings(gateway: Gateway, **changed: Any) -> Gateway:
    return replace(gateway, settings=gateway.settings.model_copy(update=changed))


def status_of(answer: httpx.Response) -> Status:
    assert answer.headers["content-type"] == "text/xml; charset=UTF-8"
    status = open_document(answer.content).envelope.status
    assert status is not None
    return status


def recorded(database: Database) -> int:
    with database.read() as session:
        return len(session.exec(select(ExchangeRow)).all()) + len(session.exec(select(QuarantineRow)).all())


@anyio
async def test_a_known_sender_gets_a_valid_response_with_an_id_of_its_own(
    client: httpx.AsyncClient, buyer: Buyer
) -> None:
    answer = await client.post("/cxml", content=buyer.profile_request(), headers=XML)
    assert answer.status_code == 200
    opened = open_document(answer.content)
    assert opened.envelope.kind == "ProfileResponse"
    assert (opened.envelope.payload_id or "").endswith("@crossdock.example")
    assert opened.source.findings.findings == ()


@anyio
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 406),
        (b"not xml", 406),
        (b"<html><body>no</body></html>", 406),
        (b"<cXML><Header>", 406),
        (b"\x00\x01\x02", 406),
        (b"<cXML/>", 406),
        (b'<?xml version="1.0"?><!DOCTYPE cXML [<!ENTITY a "b">]><cXML>&a;</cXML>', 406),
        (b'<?xml version="1.0"?><!DOCTYPE cXML [<!ENTITY a SYSTEM "file:///etc/passwd">]><cXML>&a;</cXML>', 406),
        (b"<cXML>" + b"<a>" * 100_000, 406),
        (b"<cXML><Header>" + b"<Extra/>" * 100_000, 406),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
async def test_what_cannot_be_read_is_answered_in_cxml(body: bytes, code: int, client: httpx.AsyncClient) -> None:
    answer = await client.post("/cxml", content=body, headers=XML)
    assert (answer.status_code, status_of(answer).code) == (200, code)
    assert b"Traceback" not in answer.content
    assert b"root:" not in answer.content


@anyio
async def test_a_body_over_the_limit_is_413_with_status_499(gateway: Gateway, buyer: Buyer) -> None:
    async with client_of(with_settings(gateway, intake_body=2_000)) as client:
        answer = await client.post("/cxml", content=b"x" * 2_001, headers=XML)
        assert (answer.status_code, status_of(answer).code) == (413, 499)

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"x" * 100

        answer = await client.post("/cxml", content=chunks(), headers=XML)
        assert (answer.status_code, status_of(answer).code) == (413, 499)
        assert (await client.post("/cxml", content=buyer.status_update(), headers=XML)).status_code == 200
    assert recorded(gateway.database) == 2


@anyio
async def test_more_bodies_than_memory_are_asked_to_come_back(gateway: Gateway, buyer: Buyer) -> None:
    async with client_of(with_settings(gateway, intake_memory=1_000)) as client:
        answer = await client.post("/cxml", content=buyer.order_request(), headers=XML)
        assert (answer.status_code, status_of(answer).code, answer.headers["retry-after"]) == (503, 560, "5")
        answer = await client.post("/cxml", content=b"small", headers=XML)
        assert answer.status_code == 200


@anyio
async def test_a_full_queue_is_503_with_retry_after(gateway: Gateway, buyer: Buyer) -> None:
    database = Database(gateway.database.url, write_queue=1)
    database.start()
    began, release = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        began.set()
        release.wait(10)

    holders = [threading.Thread(target=database.write, args=(hold,)) for _ in range(2)]
    for holder in holders:
        holder.start()
    assert began.wait(5)
    while database.writer.depth < 1:
        await asyncio.sleep(0.01)
    async with client_of(replace(gateway, database=database)) as client:
        answer = await client.post("/cxml", content=buyer.status_update(), headers=XML)
        assert (answer.status_code, status_of(answer).code) == (503, 560)
        assert int(answer.headers["retry-after"]) > 0
        release.set()
        for holder in holders:
            holder.join()
        answer = await client.post("/cxml", content=buyer.status_update(), headers=XML)
        assert status_of(answer).code == 200
    database.stop()


@anyio
async def test_a_partner_that_comes_too_often_is_429_and_others_are_not(gateway: Gateway, buyer: Buyer) -> None:
    other = set_up(
        gateway,
        replace(ACME, sender=Identifier(scheme="NetworkId", value="AN2"), buyer=Identifier(scheme="DUNS", value="2")),
    )
    async with client_of(with_settings(gateway, posts_per_minute=20)) as client:
        answers = [
            await client.post("/cxml", content=buyer.profile_request(payload_id=str(n)), headers=XML) for n in range(22)
        ]
        assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 2
        assert status_of(answers[-1]).code == 560
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await client.post("/cxml", content=other.profile_request(), headers=XML)).status_code == 200


@anyio
async def test_a_partner_may_have_a_rate_of_its_own(gateway: Gateway, buyer: Buyer) -> None:
    """It works with the next document, without a restart."""

    def agree(session: Session) -> None:
        (row,) = session.exec(select(PartnerRow)).all()
        row.settings = {**row.settings, "traffic": {"posts_per_minute": 3}}

    async with client_of(with_settings(gateway, posts_per_minute=20)) as client:

        async def post(n: int) -> int:
            body = buyer.profile_request(payload_id=str(n))
            return (await client.post("/cxml", content=body, headers=XML)).status_code

        assert await post(0) == 200
        gateway.database.write(agree)
        assert [await post(n) for n in range(1, 6)] == [200] * 3 + [429] * 2


@anyio
async def test_strangers_have_a_rate_of_their_own(gateway: Gateway) -> None:
    async with client_of(with_settings(gateway, posts_per_minute=20)) as client:
        answers = [await client.post("/cxml", content=b"junk", headers=XML) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@anyio
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_another_method_is_told_in_cxml(method: str, client: httpx.AsyncClient) -> None:
    for path in ("/cxml", "/cxml/orders"):
        answer = await client.request(method, path, content=b"<cXML/>", headers=XML)
        assert answer.status_code == 200
        assert status_of(answer).code == 400


@anyio
async def test_a_get_and_an_unknown_path_are_told_in_cxml(client: httpx.AsyncClient) -> None:
    answer = await client.get("/cxml")
    assert (answer.status_code, status_of(answer).code) == (200, 400)
    answer = await client.post("/cxml/orders", content=b"<cXML/>", headers=XML)
    assert (answer.status_code, status_of(answer).code) == (200, 400)
    assert "https://crossdock.example/cxml" in (status_of(answer).reason or "")


@anyio
async def test_an_encoded_body_is_refused(client: httpx.AsyncClient, buyer: Buyer) -> None:
    headers = {**XML, "Content-Encoding": "gzip"}
    answer = await client.post("/cxml", content=buyer.profile_request(), headers=headers)
    assert status_of(answer).code == 406


@anyio
async def test_a_post_from_a_browser_of_another_site_is_no_matter(client: httpx.AsyncClient, buyer: Buyer) -> None:
    headers = {**XML, "Sec-Fetch-Site": "cross-site", "Origin": "https://buyer.example"}
    assert (await client.post("/cxml", content=buyer.profile_request(), headers=headers)).status_code == 200


@anyio
async def test_unknown_and_wrong_take_the_same_time(client: httpx.AsyncClient, buyer: Buyer) -> None:
    stranger = replace(buyer, sender=Identifier(scheme="NetworkId", value="AN99"))
    wrong = replace(buyer, secret="wrong")
    times: dict[str, list[float]] = {"stranger": [], "wrong": []}
    for number in range(5):
        for name, who in (("stranger", stranger), ("wrong", wrong)):
            began = time.perf_counter()
            await client.post("/cxml", content=who.order_request(str(number)), headers=XML)
            times[name].append(time.perf_counter() - began)
    first, second = (sorted(found)[2] for found in times.values())
    assert min(first, second) > 0.09
    assert max(first, second) < 10


# On real sockets


def post_at_once(url: str, body: bytes, number: int) -> list[httpx.Response]:
    answers: list[httpx.Response] = []
    gate = threading.Barrier(number)

    def post() -> None:
        with httpx.Client(timeout=60) as client:
            gate.wait(30)
            answers.append(client.post(f"{url}/cxml", content=body, headers=XML))

    threads = [threading.Thread(target=post) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_fifty_posts_of_one_order_and_again_after_a_restart_are_one_order_and_one_answer(
    gateway: Gateway, buyer: Buyer
) -> None:
    body = buyer.order_request()
    with served(assemble(gateway, allowed_hosts=HOSTS)) as url:
        answers = post_at_once(url, body, 50)
    gateway.database.stop()
    database = Database(gateway.database.url)
    database.start()
    again = replace(gateway, database=database, engine=RecordedWork())
    with served(assemble(again, allowed_hosts=HOSTS)) as url:
        answers += post_at_once(url, body, 50)
    assert len(answers) == 100
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert status_of(answers[0]).success
    with database.read() as session:
        found = [row.state for row in session.exec(select(ExchangeRow)) if row.direction == "in"]
        (order,) = session.exec(select(OrderRow)).all()
    database.stop()
    assert sorted(found) == ["accepted"] + ["duplicate"] * 99
    assert order.number == "PO-1"


def test_a_large_body_is_refused_and_disturbs_nobody(gateway: Gateway, buyer: Buyer) -> None:
    with served(assemble(gateway, allowed_hosts=HOSTS)) as url, httpx.Client(timeout=30) as client:
        began = time.perf_counter()
        answer = client.post(f"{url}/cxml", content=b" " * 100_000_000, headers=XML)
        assert time.perf_counter() - began < 10
        assert (answer.status_code, status_of(answer).code) == (413, 499)
        assert client.post(f"{url}/cxml", content=buyer.profile_request(), headers=XML).status_code == 200


def test_a_client_that_stops_halfway_leaves_nothing(gateway: Gateway, buyer: Buyer) -> None:
    with served(assemble(gateway, allowed_hosts=HOSTS)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"POST /cxml HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n<cXML>")
            time.sleep(0.1)
        answer = httpx.post(f"{url}/cxml", content=buyer.profile_request(), headers=XML)
        assert answer.status_code == 200
    assert recorded(gateway.database) == 2


def test_a_slow_body_is_given_up(gateway: Gateway, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.transports.http.bodies.SLOWEST", 0.3)
    with served(assemble(gateway, allowed_hosts=HOSTS)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as slow:
            slow.sendall(b"POST /cxml HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n<cXML>")
            answer = slow.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'Status code="406"' in answer
    assert b"did not come within" in answer
