"""The door to the shop: it opens once, and neither its key nor the token behind it is told to anybody else."""

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from shop_visits import BuyerSide, Shopper, add_buyer, application, stock_shop
from sqlmodel import select

from app import logs, metrics
from app.clock import SetClock
from app.flows import visit as visits
from app.gateway import Gateway
from app.storage import audit
from app.storage.audit import AuditRow

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def buyer(gateway: Gateway) -> BuyerSide:
    stock_shop(gateway)
    return add_buyer(gateway)


@pytest.fixture
def shopper(gateway: Gateway) -> Shopper:
    return Shopper(application(gateway))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure(form="json", level="debug", stream=stream)
    yield stream
    logs.configure(form="console", level="info")


def entries(gateway: Gateway) -> list[tuple[str, str]]:
    with gateway.database.read() as session:
        assert audit.first_broken(session) is None
        return [(entry.event, entry.data["why"]) for entry in session.exec(select(AuditRow))]


async def test_the_start_page_leads_into_the_shop_without_a_cookie(buyer: BuyerSide, shopper: Shopper) -> None:
    url = buyer.punch_out()
    answer = await shopper.go(url, follow=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/p/")
    assert answer.headers["cache-control"] == "no-store"
    assert url.rpartition("/")[2] not in answer.headers["location"]


async def test_head_and_prefetch_do_not_use_the_code_up(buyer: BuyerSide, shopper: Shopper) -> None:
    url = buyer.punch_out()
    for _ in range(3):
        answer = await shopper.send("HEAD", url)
        assert (answer.status_code, answer.headers.get("location")) == (204, None)
    assert (await shopper.go(url, headers={"Sec-Purpose": "prefetch;prerender"})).status_code == 204
    assert (await shopper.go(url)).status_code == 200


async def test_a_second_load_says_start_again_and_the_first_goes_on(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway
) -> None:
    url = buyer.punch_out()
    await shopper.go(url)
    prefix = shopper.prefix
    second = await shopper.go(url)
    assert second.status_code == 410
    assert "Start again from your procurement system." in shopper.text
    assert not shopper.page.xpath("//a | //form")
    assert "frame-ancestors https://buyer.example;" in second.headers["content-security-policy"]
    assert (await shopper.go(prefix)).status_code == 200
    assert entries(gateway) == [("start_code_refused", "used")]


async def test_expired_and_forged_codes_are_410_and_in_the_audit_record(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway, clock: SetClock
) -> None:
    url = buyer.punch_out()
    clock.move(visits.CODE_LIFE + timedelta(seconds=1))
    assert (await shopper.go(url)).status_code == 410
    assert (await shopper.go("/start/" + "f" * 43)).status_code == 410
    assert entries(gateway) == [("start_code_refused", "expired"), ("start_code_refused", "unknown")]


async def test_codes_and_tokens_are_in_no_log_metric_or_audit_entry(
    buyer: BuyerSide, shopper: Shopper, gateway: Gateway, log: io.StringIO
) -> None:
    url = buyer.punch_out()
    await shopper.go(url)
    token = shopper.prefix.split("/")[2]
    await shopper.add("SF-3001", "2")
    await shopper.go(shopper.prefix + "cart")
    fields = shopper.fields("cart")
    await shopper.post("return", **fields)
    await shopper.go(f"/p/{token}/")
    await shopper.go(url)
    with gateway.database.read() as session:
        said = log.getvalue() + metrics.exposition().decode() + str(session.exec(select(AuditRow)).all())
    assert "/p/{token}/return" in said
    assert "start_code_refused" in said
    assert url.rpartition("/")[2] not in said
    assert token not in said


async def test_a_frame_of_a_stranger_is_told_to_whoever_looks_for_the_reason(
    buyer: BuyerSide, shopper: Shopper, log: io.StringIO
) -> None:
    headers = {"Sec-Fetch-Dest": "iframe", "Referer": "https://portal.other.example/"}
    await shopper.go(buyer.punch_out(), headers=headers)
    assert '"opened_by": "https://portal.other.example"' in log.getvalue()
    assert "https://buyer.example" in log.getvalue()


async def test_the_dead_page_speaks_the_language_of_the_visit(
    buyer: BuyerSide, shopper: Shopper, clock: SetClock
) -> None:
    await shopper.go(buyer.punch_out(language="de"))
    prefix = shopper.prefix
    clock.move(visits.IDLE_LIFE)
    await shopper.go(prefix)
    assert "Ihre Sitzung ist beendet" in shopper.text
