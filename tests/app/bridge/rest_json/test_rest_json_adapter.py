"""The whole table of what an ERP may say or fail to say, over a real socket."""

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import golden
import pytest
from bridge_orders import delivery, full_order, line, order
from standardwebhooks import Webhook, WebhookVerificationError
from stub_server import Behaviour, StubServer, answer, cut, drop, hang, reset

from app.bridge.adapter import (
    Accepted,
    CannotTell,
    Delivery,
    FoundNone,
    FoundOne,
    FoundSeveral,
    Rejected,
    Retry,
    Uncertain,
)
from app.bridge.rest_json import mapping
from app.bridge.rest_json.adapter import RestJson
from app.clients.http import HttpClient, Limits, Reach
from app.clock import SystemClock
from app.seal import Secret

OLD, NEW = "whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8


@pytest.fixture
def client() -> Iterator[HttpClient]:
    reach = Reach(plain_http=True, private=True, ports=None)
    with HttpClient(reach, Limits(connect=0.5, total=0.5, answer=50_000)) as client:
        yield client


def adapter(client: HttpClient, url: str, *secrets: str) -> RestJson:
    return RestJson(
        client=client,
        clock=SystemClock(),
        url=url,
        source="crossdock/test",
        secrets=[Secret(text) for text in secrets or (NEW,)],
        settle=timedelta(seconds=1),
        at_once=4,
    )


SENT: Delivery = delivery(order())
REFUSAL = '{"code": "customer.unknown", "message": "No customer C-1001", "at": "customer", "more": 1}'
JSON: dict[str, str] = {"Content_Type": "application/json"}

OUTCOMES: dict[str, tuple[Behaviour, object]] = {
    "200 with id": (answer(200, '{"id": "77", "number": "SO-77"}', **JSON), Accepted("77", "SO-77")),
    "201 with id": (answer(201, '{"id": "77"}', **JSON), Accepted("77", "77")),
    "200 without id": (answer(200, '{"ok": true}', **JSON), Uncertain),
    "200 with empty id": (answer(200, '{"id": ""}', **JSON), Uncertain),
    "200 with a number as id": (answer(200, '{"id": 77}', **JSON), Uncertain),
    "200 not JSON": (answer(200, "<html>Thanks</html>"), Uncertain),
    "200 empty": (answer(200), Uncertain),
    "204": (answer(204), Uncertain),
    "200 truncated": (cut(b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"id": "7'), Uncertain),
    "302": (answer(302, Location="/login"), Uncertain),
    "303": (answer(303, Location="/orders/77"), Uncertain),
    "400 with a refusal": (answer(400, REFUSAL), Rejected("customer.unknown", "No customer C-1001", "customer")),
    "409 with a refusal": (answer(409, REFUSAL), Rejected("customer.unknown", "No customer C-1001", "customer")),
    "422 with a refusal": (answer(422, REFUSAL), Rejected("customer.unknown", "No customer C-1001", "customer")),
    "422 without words": (answer(422, "<html>"), Retry),
    "400 from a firewall": (answer(400, "<html>Bad Request</html>"), Retry),
    "404 without words": (answer(404, "no such page"), Retry),
    "401": (answer(401), Retry),
    "403": (answer(403), Retry),
    "408": (answer(408), Uncertain),
    "410": (answer(410), Retry),
    "423": (answer(423), Retry),
    "429": (answer(429, Retry_After="7"), Retry),
    "500": (answer(500, "Traceback"), Uncertain),
    "500 with a refusal": (answer(500, REFUSAL), Uncertain),
    "502": (answer(502), Uncertain),
    "503": (answer(503), Uncertain),
    "503 with Retry-After": (answer(503, Retry_After="120"), Retry),
    "503 with Retry-After that is nonsense": (answer(503, Retry_After="soon"), Uncertain),
    "504": (answer(504), Uncertain),
    "reset": (reset, Uncertain),
    "dropped after the request": (drop, Uncertain),
    "hangs": (hang, Uncertain),
    "not HTTP": (cut(b"220 ready\r\n"), Uncertain),
    "too large": (answer(200, '{"id": "' + "7" * 60_000 + '"}'), Uncertain),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_what_an_answer_means(client: HttpClient, case: str) -> None:
    behaviour, expected = OUTCOMES[case]
    with StubServer([behaviour]) as server:
        outcome = adapter(client, server.url).submit(SENT)
    if isinstance(expected, type):
        assert type(outcome) is expected
    else:
        assert (type(outcome), _essence(outcome)) == (type(expected), _essence(expected))
    assert len(server.requests) == 1


def _essence(outcome: object) -> list[object]:
    names = ("erp_id", "number", "code", "text", "at")
    return [getattr(outcome, name) for name in names if hasattr(outcome, name)]


def test_nobody_listens(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(adapter(client, f"http://127.0.0.1:{port}").submit(SENT), Retry)


def test_a_private_address_is_not_reached_without_the_switch() -> None:
    with StubServer([answer(200)]) as server, HttpClient(Reach(plain_http=True, ports=None)) as client:
        outcome = adapter(client, server.url).submit(SENT)
    assert isinstance(outcome, Retry)
    assert "not public" in outcome.reason
    assert server.requests == []


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("99999999999", timedelta(days=1)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
    ],
)
def test_the_erp_says_when_to_come_back(client: HttpClient, header: str, wait: timedelta) -> None:
    with StubServer([answer(503, Retry_After=header)]) as server:
        outcome = adapter(client, server.url).submit(SENT)
    assert isinstance(outcome, Retry)
    assert outcome.after == wait


def test_the_erps_words_are_kept_short_and_printable(client: HttpClient) -> None:
    with StubServer([answer(500, b"oops \x1b[31m\n\xff" + b"x" * 9_000)]) as server:
        outcome = adapter(client, server.url).submit(SENT)
    assert isinstance(outcome, Uncertain)
    assert outcome.heard is not None
    assert outcome.heard.status == 500
    assert outcome.heard.excerpt.startswith("oops [31m \ufffdxxx")
    assert len(outcome.heard.excerpt) == 500


def test_every_attempt_repeats_bytes_and_id_under_a_fresh_signature(client: HttpClient) -> None:
    with StubServer([answer(503), answer(201, '{"id": "1"}')]) as server:
        erp = adapter(client, server.url, NEW, OLD)
        erp.submit(SENT)
        erp.submit(SENT)
    first, second = server.requests
    assert first.body == second.body
    assert (first.method, first.target) == ("POST", "/orders")
    for request in server.requests:
        assert request.headers["idempotency-key"] == request.headers["webhook-id"] == SENT.id
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        for secret in (NEW, OLD):
            Webhook(secret).verify(request.body, request.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_" + "Zm9v" * 8).verify(request.body, request.headers)


LISTED = (
    '{"id": "77", "number": "SO-77", "revision": 1, "total": 26.0, "lines": [{"sku": "BOLT-M8", "quantity": "300"}]}'
)
LOOKUPS: dict[str, tuple[Behaviour, object]] = {
    "none": (answer(200, '{"orders": []}'), FoundNone()),
    "one": (
        answer(200, f'{{"orders": [{LISTED}]}}'),
        FoundOne("77", "SO-77", (("BOLT-M8", Decimal(300)),), Decimal("26.0"), None, 1),
    ),
    "several": (answer(200, f'{{"orders": [{LISTED}, {LISTED.replace("77", "78")}]}}'), FoundSeveral(("77", "78"))),
    "not a listing": (answer(200, "[]"), CannotTell),
    "lines without quantity": (answer(200, '{"orders": [{"id": "1", "lines": [{"sku": "a"}]}]}'), CannotTell),
    "not JSON": (answer(200, "<html>"), CannotTell),
    "404": (answer(404), CannotTell),
    "500": (answer(500), CannotTell),
    "302": (answer(302, Location="/login"), CannotTell),
    "reset": (reset, CannotTell),
    "hangs": (hang, CannotTell),
    "truncated": (cut(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"orders"'), CannotTell),
}


@pytest.mark.parametrize("case", LOOKUPS)
def test_what_a_look_up_tells(client: HttpClient, case: str) -> None:
    behaviour, expected = LOOKUPS[case]
    with StubServer([behaviour]) as server:
        found = adapter(client, server.url).find("PO 9/ä&x", "C-1001")
    if isinstance(expected, type):
        assert type(found) is expected
    else:
        assert found == expected


def test_a_look_up_is_signed_over_what_it_asks(client: HttpClient) -> None:
    with StubServer([answer(200, '{"orders": []}')]) as server:
        adapter(client, server.url).find("PO 9/ä&x", "C-1001")
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/orders?reference=PO+9%2F%C3%A4%26x&customer=C-1001")
    Webhook(NEW).verify(request.target, request.headers, json_parse=False)


@pytest.mark.parametrize("kind", ["create", "change", "cancel"])
def test_the_documented_json(kind: str, update: bool) -> None:
    written = mapping.event(delivery(full_order(), kind=kind, revision=1 if kind == "create" else 2), "crossdock/demo")
    expected = golden.FIXTURES / "rest_json" / "order" / f"{kind}.json"
    golden.check(expected, json.dumps(json.loads(written), indent=2, ensure_ascii=False) + "\n", update)


def test_amounts_are_rounded_half_away_from_zero_and_totals_added_from_rounded_lines() -> None:
    sent = json.loads(
        mapping.event(delivery(order("PO-1", line(1, "A", "5", "0.033"), line(2, "B", "3", "0.115"))), "x")
    )
    assert [line["amount"] for line in sent["data"]["lines"]] == ["0.17", "0.35"]
    assert sent["data"]["total"] == "0.52"


def test_the_whole_document_travels_along() -> None:
    whole = full_order()
    document = json.loads(mapping.event(delivery(whole), "x"))["data"]["document"]
    assert document["extensions"] == [{"name": "CostObject", "value": "A&B"}]
    assert document["lines"][0]["splits"][0]["segments"] == [{"name": "CostCenter", "id": "4500"}]
    assert document["lines"][0]["verbatim"][0]["content"] == '<Dimension quantity="40"/>'
    assert [line["change"] for line in document["lines"] if "change" in line] == ["delete"]
