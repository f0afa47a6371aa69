"""The table decides: what it does not declare is not served, and what it declares is enforced."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.errors import No, Refusal
from app.gateway import Gateway
from app.storage.intake_writer import Busy
from app.web.endpoint import Auth, Endpoint
from app.web.forms import FormLimits, read_form
from app.web.routes import ENDPOINTS, GUARDS, UNGUARDED, assemble
from app.web.security import SAFE_METHODS

HOST = "https://shop.example"


async def count(request: Request) -> Response:
    form = await read_form(request, FormLimits(fields=3, size=50))
    return PlainTextResponse(str(len(form.names())))


async def swallow(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def greet(request: Request) -> Response:
    return PlainTextResponse("hello")


async def crash(request: Request) -> Response:
    raise ZeroDivisionError("internal detail /srv/secret")


async def overload(request: Request) -> Response:
    raise Busy


async def refuse(request: Request) -> Response:
    raise Refusal(No.TOO_MANY, "Three tries a minute.", retry_after=20)


async def nobody(request: Request, endpoint: Endpoint) -> Response | None:
    return PlainTextResponse("sign in", 401)


TABLE = (
    Endpoint(path="/open", handler=greet, auth=Auth.OPEN),
    Endpoint(path="/any/{name}", handler=greet, auth=Auth.OPEN),
    Endpoint(path="/count", handler=count, auth=Auth.OPEN, methods=("POST",)),
    Endpoint(path="/swallow", handler=swallow, auth=Auth.OPEN, methods=("POST",), body_limit=300),
    Endpoint(path="/hook", handler=greet, auth=Auth.DOCUMENT, methods=("POST",), csrf_exempt=True),
    Endpoint(path="/crash", handler=crash, auth=Auth.OPEN),
    Endpoint(path="/refuse", handler=refuse, auth=Auth.OPEN),
    Endpoint(path="/overload", handler=overload, auth=Auth.OPEN),
    Endpoint(path="/people", handler=greet, auth=Auth.PERSON, methods=("GET", "POST")),
)


@pytest.fixture
def app() -> Starlette:
    return assemble(None, allowed_hosts=("shop.example",), endpoints=TABLE, guards={Auth.PERSON: nobody})


@pytest.fixture
def client(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=HOST)


pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_url_has_a_guard_or_needs_none(endpoint: Endpoint) -> None:
    assert endpoint.auth in UNGUARDED or endpoint.auth in GUARDS


def test_no_url_is_declared_twice() -> None:
    declared = [(endpoint.path, method) for endpoint in ENDPOINTS for method in endpoint.methods]
    assert len(declared) == len(set(declared))


def test_an_endpoint_without_a_guard_is_not_served() -> None:
    with pytest.raises(KeyError):
        assemble(None, allowed_hosts=("*",), endpoints=TABLE, guards={})


async def test_a_guard_stands_before_the_handler(client: httpx.AsyncClient) -> None:
    answer = await client.get("/people")
    assert (answer.status_code, answer.text) == (401, "sign in")


@pytest.mark.parametrize("path", ["/open", "/people", "/crash", "/refuse", "/nothing", "/assets/crossdock/mark.svg"])
async def test_every_answer_carries_the_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"]
    assert "x-frame-options" not in headers
    assert ("public" in headers["cache-control"]) == path.startswith("/assets")


async def test_a_bug_tells_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/crash")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "secret" not in answer.text


async def test_a_refusal_is_a_page_with_its_reason(client: httpx.AsyncClient) -> None:
    answer = await client.get("/refuse")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "20"
    assert "Three tries a minute." in answer.text


async def test_a_full_write_queue_asks_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/overload")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


EXEMPT = {(path, method) for path in ("/cxml", "/cxml/{rest:path}") for method in ("POST", "PUT", "PATCH", "DELETE")}
"""Where posts from other sites are the purpose. Whoever adds one says here that it needs no session."""


def test_only_documents_of_buyers_may_come_from_other_sites() -> None:
    declared = {(e.path, m) for e in ENDPOINTS if e.csrf_exempt for m in e.methods if m not in SAFE_METHODS}
    assert declared == EXEMPT


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_every_other_unsafe_url_refuses_a_post_from_another_site(gateway: Gateway) -> None:
    app = assemble(gateway, allowed_hosts=("shop.example",))
    tried = 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as client:
        for endpoint in ENDPOINTS:
            for method in {*endpoint.methods} - SAFE_METHODS:
                if (endpoint.path, method) in EXEMPT:
                    continue
                path = re.sub(r"\{[^}]*\}", "x", endpoint.path)
                answer = await client.request(method, path, headers={"Sec-Fetch-Site": "cross-site"})
                assert answer.status_code == 403, endpoint.path
                tried += 1
    assert tried > 4


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://shop.example"}, 200),
        ({"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 200),
    ],
)
async def test_another_sites_post_is_refused(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    answer = await client.post("/count", data={"a": "1"}, headers=headers)
    assert answer.status_code == status


async def test_a_cross_site_post_is_refused_before_the_guard(client: httpx.AsyncClient) -> None:
    assert (await client.post("/people", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403


async def test_the_exempt_list_comes_from_the_table(client: httpx.AsyncClient) -> None:
    assert (await client.post("/hook", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(31):
        yield b"0123456789"


async def test_a_body_that_says_it_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/swallow", content=b"x" * 301)
    assert answer.status_code == 413
    assert "text/html" in answer.headers["content-type"]


async def test_a_body_that_grows_too_large_is_cut_off(client: httpx.AsyncClient) -> None:
    assert (await client.post("/swallow", content=chunks())).status_code == 413


@pytest.mark.parametrize("body", ["a=1&b=1&c=1&d=1", "a=" + "x" * 60])
async def test_a_form_beyond_its_limits_is_refused(client: httpx.AsyncClient, body: str) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/count", content=body, headers=kind)).status_code == 400


@pytest.mark.parametrize("path", ["/open?q=%00", "/open?%00", "/any/a%00b"])
async def test_an_address_with_a_nul_is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(httpx.URL(HOST + path))).status_code == 400


@pytest.mark.parametrize("body", ["a=%00", "%00=a", "a=b%00"])
async def test_a_form_with_a_nul_is_refused(client: httpx.AsyncClient, body: str) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/count", content=body, headers=kind)).status_code == 400


async def test_another_host_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/open", headers={"Host": "evil.example"})).status_code == 400


@pytest.mark.parametrize("path", ["/open/", "//evil.example/open", "/%2e%2e/open"])
async def test_a_path_leads_nowhere_else(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL(HOST + path))
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/assets/../views.py", "/assets/%2e%2e/views.py", "/assets/crossdock/%00", "/assets/"]
)
async def test_assets_give_only_assets(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(httpx.URL(HOST + path))).status_code == 404


async def test_tabler_comes_from_the_wheel(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/css/vendor/tabler.min.css")
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"


async def test_the_error_page_speaks_the_readers_language(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nothing", headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert answer.headers["content-language"] == "de"
