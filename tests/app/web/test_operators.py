"""Health, readiness, metrics: for those who run the server, and true."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Network

import httpx
import pytest
from structlog.testing import capture_logs

from app.gateway import Gateway
from app.web.routes import assemble

pytestmark = pytest.mark.anyio


def client_of(gateway: Gateway, address: str = "127.0.0.1") -> httpx.AsyncClient:
    app = assemble(gateway, allowed_hosts=("crossdock.example",))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=(address, 1)), base_url="https://crossdock.example"
    )


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway) as client:
        yield client


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
async def test_only_operators_see_the_inside(path: str, gateway: Gateway) -> None:
    async with client_of(gateway, "203.0.113.9") as client:
        assert (await client.get(path)).status_code == 404
    settings = gateway.settings.model_copy(update={"operators": (IPv4Network("203.0.113.0/24"),)})
    async with client_of(replace(gateway, settings=settings), "203.0.113.9") as client:
        # Whether it is ready is another question.
        assert (await client.get(path)).status_code in (200, 503)


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
