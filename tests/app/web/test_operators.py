"""Health, readiness, metrics: for those who run the server, and true."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import httpx
import pytest
from buyers import an_order, set_up
from conftest import RecordedWork
from databases import KINDS, Templates
from structlog.testing import capture_logs

from app.clock import SystemClock
from app.engine import Engine
from app.gateway import Gateway
from app.seal import KeyRing
from app.settings import Settings
from app.storage import schema
from app.storage.database import Database
from app.web.routes import assemble

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def client_of(gateway: Gateway, address: str = "127.0.0.1") -> httpx.AsyncClient:
    app = assemble(gateway, allowed_hosts=("crossdock.example",))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=(address, 1)), base_url="https://crossdock.example"
    )


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway) as client:
        yield client


async def test_a_server_that_can_write_is_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_a_server_whose_database_cannot_be_written_is_alive_but_not_ready(
    client: httpx.AsyncClient, gateway: Gateway
) -> None:
    gateway.database.writer.stop()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "cannot be written" in answer.json()["problems"][0]
    assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_before_its_migrations_is_not_ready(kind: str, templates: Templates, tmp_path: Path) -> None:
    with templates.own_url(kind, tmp_path) as url:
        database = Database(url)
        schema.downgrade(database.engine, "0001")
        database.start()
        gateway = Gateway(
            settings=Settings(), clock=SystemClock(), database=database, engine=RecordedWork(), keys=KeyRing.made("k")
        )
        async with client_of(gateway) as client:
            answer = await client.get("/readyz")
        database.stop()
    assert answer.json()["problems"] == ["migrations are not current: run `crossdock init`"]


async def test_a_server_whose_engine_does_not_work_is_not_ready(gateway: Gateway) -> None:
    engine = Engine(gateway.database)
    async with client_of(replace(gateway, engine=engine)) as client:
        assert (await client.get("/readyz")).json()["problems"] == ["the engine is not working"]
    web_only = replace(gateway, engine=engine, settings=gateway.settings.model_copy(update={"embedded": False}))
    async with client_of(web_only) as client:
        assert (await client.get("/readyz")).status_code == 200
    engine.stop()


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
async def test_only_operators_see_the_inside(path: str, gateway: Gateway) -> None:
    async with client_of(gateway, "203.0.113.9") as client:
        assert (await client.get(path)).status_code == 404
    settings = gateway.settings.model_copy(update={"operators": (IPv4Network("203.0.113.0/24"),)})
    async with client_of(replace(gateway, settings=settings), "203.0.113.9") as client:
        assert (await client.get(path)).status_code == 200


async def test_requests_are_counted_and_logged_by_route_not_by_url(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await client.get("/healthz?token=c4nary")
        await client.get("/nowhere/c4nary")
    page = (await client.get("/metrics")).text
    assert 'crossdock_http_requests_total{method="GET",route="/healthz",status="200"}' in page
    assert 'route="none",status="404"' in page
    assert "crossdock_writer_waiting" in page
    assert "c4nary" not in page + json.dumps(lines)
    assert [line["route"] for line in lines] == ["/healthz", "none"]
    assert answer.headers["x-request-id"]


async def test_what_waits_is_counted_by_its_state(client: httpx.AsyncClient, gateway: Gateway) -> None:
    buyer = set_up(gateway)
    assert "crossdock_open_work{" not in (await client.get("/metrics")).text
    for number in ("1", "2"):
        await client.post("/cxml", content=buyer.order_request(number, order=an_order(f"PO-{number}")))
    page = (await client.get("/metrics")).text
    assert 'crossdock_open_work{state="held",what="order"} 2.0' in page
    assert 'crossdock_exchanges_total{kind="OrderRequest",protocol="cxml",state="accepted"}' in page
