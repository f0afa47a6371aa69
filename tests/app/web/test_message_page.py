"""One message of the ledger in its four views, and as a file."""

import base64

import pytest
from buyers import Buyer, set_up
from people_at_work import PASSWORD, Browser, application, hash_cheaply
from sqlmodel import select

from app.gateway import Gateway
from app.partners.masking import forms
from app.storage import passwords
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.exchanges import ExchangeRow
from app.storage.people import PersonRow

pytestmark = pytest.mark.anyio


@pytest.fixture
def buyer(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Buyer:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    for login in ("operator", "auditor"):
        person = PersonRow(
            realm=LIVE,
            login=login,
            name=login.title(),
            roles=[login],
            password=passwords.hashed(PASSWORD),
            created_at=gateway.clock.now(),
        )
        gateway.database.write(lambda tx, row=person: tx.add(row))
    return made


async def received(gateway: Gateway, body: bytes) -> str:
    stranger = Browser(application(gateway))
    answer = await stranger.client.post("/cxml", content=body, headers={"Content-Type": "text/xml"})
    assert answer.status_code == 200
    with gateway.database.read() as session:
        return session.exec(select(ExchangeRow.id).where(ExchangeRow.direction == "in")).one()


async def test_a_message_is_shown_raw_taken_apart_understood_and_for_the_erp(gateway: Gateway, buyer: Buyer) -> None:
    exchange_id = await received(gateway, buyer.order_request())
    otto = await Browser(application(gateway)).sign_in("operator")
    await otto.go(f"/exchanges/{exchange_id}")
    raw, _, rest = otto.text.partition("Taken apart As understood For the ERP")[2].partition("Taken apart")
    parsed, _, rest = rest.partition("As understood")
    understood, _, for_erp = rest.partition("For the ERP")
    assert "<OrderRequestHeader" in raw
    assert "OrderRequestHeader" in parsed
    assert "</" not in parsed
    assert "orderID" in parsed
    assert '"lines": [' in understood
    assert '"lines": [' in for_erp
    assert buyer.secret not in otto.answer.text


async def test_the_file_has_no_secret_and_the_raw_one_is_in_the_record(gateway: Gateway, buyer: Buyer) -> None:
    body = buyer.order_request()
    exchange_id = await received(gateway, body)
    otto = await Browser(application(gateway)).sign_in("operator")
    await otto.go(f"/exchanges/{exchange_id}/message.txt")
    assert buyer.secret not in otto.answer.text
    assert "***" in otto.answer.text
    assert otto.answer.headers["content-disposition"] == f'attachment; filename="message-{exchange_id}.txt"'
    assert otto.answer.headers["x-content-type-options"] == "nosniff"
    assert (await otto.go(f"/exchanges/{exchange_id}/message.bin")).answer.status_code == 403
    with gateway.database.read() as session:
        assert session.exec(select(AuditRow).where(AuditRow.event == "message_downloaded")).all() == []
    eye = await Browser(application(gateway)).sign_in("auditor")
    await eye.go(f"/exchanges/{exchange_id}/message.bin")
    assert eye.answer.content == body
    assert eye.answer.headers["content-type"] == "application/octet-stream"
    assert eye.answer.headers["content-disposition"].startswith("attachment")
    with gateway.database.read() as session:
        entry = session.exec(select(AuditRow).where(AuditRow.event == "message_downloaded")).one()
    assert entry.data["exchange"] == exchange_id
    for missing in ("message.txt", "message.bin"):
        assert (await eye.go(f"/exchanges/nothing/{missing}")).answer.status_code == 404


async def test_what_is_not_well_formed_is_shown_as_far_as_it_goes(gateway: Gateway, buyer: Buyer) -> None:
    exchange_id = await received(gateway, buyer.order_request().replace(b"</OrderRequest>", b""))
    otto = await Browser(application(gateway)).sign_in("operator")
    await otto.go(f"/exchanges/{exchange_id}")
    assert "It is not well-formed." in otto.text
    assert "Nothing was understood of it." in otto.text
    assert "Nothing of it is for the ERP." in otto.text
    assert buyer.secret not in otto.answer.text


def test_a_secret_is_hidden_in_each_of_its_forms() -> None:
    found = forms("a&b/ü")
    assert {b"a&amp;b/\xc3\xbc", b"a%26b/%C3%BC", base64.b64encode("a&b/ü".encode())} < set(found)
    assert forms("abc") == []
