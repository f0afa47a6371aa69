"""The demo's buyer: carts come home through a browser, documents through the server."""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from serving import served
from starlette.applications import Starlette

from app.sandbox.demo_buyer import DemoBuyer
from protocols.cxml.envelope import open_document

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "cxml"
CART = next(iter(sorted(FIXTURES.glob("punchout_order/*.xml")))).read_bytes()
UPDATE = next(iter(sorted(FIXTURES.glob("status_update/*.xml")))).read_bytes()


@pytest.fixture
def buyer() -> Iterator[httpx.Client]:
    with served(Starlette(routes=DemoBuyer().routes())) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_cart_is_shown_as_text(buyer: httpx.Client) -> None:
    page = buyer.post("/buyer/cart", data={"cxml-base64": base64.b64encode(CART).decode()})
    assert page.status_code == 200
    assert "PunchOutOrderMessage" in page.text
    assert "<BuyerCookie" not in page.text
    assert "script" not in page.headers["content-security-policy"]


def test_a_form_without_a_cart_is_told(buyer: httpx.Client) -> None:
    page = buyer.post("/buyer/cart", data={"x": "y"})
    assert page.status_code == 400
    assert "cxml-base64" in page.text


def test_a_document_is_answered_in_cxml_and_its_secret_is_not_shown(buyer: httpx.Client) -> None:
    secret = b"<SharedSecret>canary-7</SharedSecret></Credential><UserAgent"
    body = UPDATE.replace(b"</Credential><UserAgent", secret, 1)
    answer = buyer.post("/buyer/cxml", content=body)
    status = open_document(answer.content).envelope.status
    assert status is not None
    assert status.code == 200
    shown = buyer.get("/buyer").text
    assert "StatusUpdateRequest" in shown
    assert "canary-7" not in shown


def test_what_is_no_cxml_is_refused(buyer: httpx.Client) -> None:
    answer = buyer.post("/buyer/cxml", content=b"<x")
    status = open_document(answer.content).envelope.status
    assert status is not None
    assert status.code == 406
