"""X-Request-ID: on every answer, in every line of the log, with what is kept; and never an identity."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from buyers import ACME, Buyer, an_order, set_up
from databases import KINDS
from log_lines import logged
from sqlmodel import select
from starlette.requests import Request
from starlette.responses import Response

from app.gateway import Gateway
from app.storage.exchanges import ExchangeRow
from app.storage.order_trail import trail_of
from app.storage.orders import OrderRow
from app.web.endpoint import Auth, Endpoint
from app.web.routes import ENDPOINTS, assemble

pytestmark = pytest.mark.anyio

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def breaks(_request: Request) -> Response:
    raise ZeroDivisionError


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    broken = Endpoint(path="/breaks", handler=breaks, auth=Auth.OPEN)
    app = assemble(gateway, allowed_hosts=("crossdock.example",), endpoints=(*ENDPOINTS, broken))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://crossdock.example") as made:
        yield made


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return set_up(gateway, ACME)


@pytest.mark.parametrize("database", KINDS[:1], indirect=True)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/healthz", 405),
        ("GET", "/breaks", 500),
        ("GET", "/orders", 303),
        ("POST", "/cxml", 200),
        ("GET", "/assets/nothing", 404),
    ],
)
async def test_every_answer_says_the_number(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path, headers={"X-Request-ID": "buyer-4711"})
    assert (answer.status_code, answer.headers.get_list("x-request-id")) == (status, ["buyer-4711"])
    own = (await client.request(method, path, headers={"X-Request-ID": "<b>"})).headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", own)
    if status >= 404:
        assert "buyer-4711" in answer.text


@pytest.mark.parametrize("database", KINDS[:1], indirect=True)
async def test_a_host_that_is_not_ours_is_refused_with_a_number(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"Host": "evil.example", "X-Request-ID": "a"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (400, "a")


async def test_an_order_keeps_what_its_caller_calls_it(
    client: httpx.AsyncClient, gateway: Gateway, buyer: Buyer
) -> None:
    body = buyer.order_request("1", order=an_order("PO-1"))
    with logged() as stream:
        await client.post("/cxml", content=body, headers={"X-Request-ID": "buyer-4711", "traceparent": PARENT})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["event"] for line in lines} >= {"exchange", "request"}
    assert {(line["request_id"], line["trace_id"]) for line in lines} == {("buyer-4711", PARENT[3:35])}
    assert next(line for line in lines if line["event"] == "exchange")["partner"]
    with gateway.database.read() as session:
        order = session.exec(select(OrderRow)).one()
        exchanges = session.exec(select(ExchangeRow)).all()
    kept = {(row.request_id, row.trace) for row in (order, *exchanges)}
    assert (len(exchanges), kept) == (2, {("buyer-4711", PARENT[3:35] + "-01")})
    assert order.correlation_id != "buyer-4711"


async def test_two_documents_with_one_number_stay_apart(
    client: httpx.AsyncClient, gateway: Gateway, buyer: Buyer
) -> None:
    """A proxy that sends the same number for ever, or a partner that repeats another's."""
    for number in ("1", "2"):
        body = buyer.order_request(number, order=an_order(f"PO-{number}"))
        await client.post("/cxml", content=body, headers={"X-Request-ID": "same", "traceparent": PARENT})
    with gateway.database.read() as session:
        first, second = session.exec(select(OrderRow).order_by(OrderRow.number)).all()
        trails = [{row.id for row in trail_of(session, order).exchanges} for order in (first, second)]
    assert first.correlation_id != second.correlation_id
    assert [len(trail) for trail in trails] == [2, 2]
    assert not trails[0] & trails[1]
