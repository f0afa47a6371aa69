"""A site dies and is put back elsewhere from a backup that was taken while it ran, beside an ERP that lived on and
knows more than the backup: every order is there, none is in the ERP twice, and what was open comes to its end."""

import secrets
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import pytest
from console import demo, run
from databases import empty_url
from demo_orders import PRICE, an_order
from sqlalchemy import create_engine, text

from app.flows.cases import Choice
from app.sandbox.access import DemoAccess
from app.sandbox.approver import Approver
from app.sandbox.buyer import Inbox, VirtualBuyer
from app.sandbox.erp import ErpView
from app.storage.database import normalised
from protocols.cxml import order_request
from protocols.cxml.documents import Received
from schemas.item import Price
from schemas.money import Money
from schemas.order import Order, OrderTotals
from schemas.order_reply import StatusUpdate


@dataclass
class Buyer:
    """Keeps what it sent and what it was answered, as a procurement system does."""

    access: DemoAccess
    sent: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def orders(self, order: Order, *, code: int, followup: str | None = None) -> str:
        buyer = VirtualBuyer(self.access.cxml)
        body = order_request.write(msgspec.structs.replace(order, followup_url=followup), buyer.envelope())
        reply = buyer.post(body)
        buyer.close()
        assert reply.code == code, reply
        self.sent[order.id] = (body, reply.body)
        return order.id

    def repeats(self, number: str) -> bool:
        """Sends the very bytes again; whether the answer is the very same."""
        body, answered = self.sent[number]
        buyer = VirtualBuyer(self.access.cxml)
        reply = buyer.post(body)
        buyer.close()
        assert reply.cxml is not None
        assert reply.cxml.success, reply
        return reply.body == answered


def number(of: str) -> str:
    return f"{of}-{secrets.token_hex(3)}"


def small(of: str) -> Order:
    return an_order(number(of))


def large(of: str) -> Order:
    """Somebody must approve it."""
    return an_order(number(of), 20)


def too_dear(of: str) -> Order:
    """Not the agreed price: it is held at the desk."""
    order = small(of)
    (line,) = order.lines
    amount = Money(amount=PRICE + Decimal("0.05"), currency="EUR")
    total = Money(amount=amount.amount * line.quantity.amount, currency="EUR")
    dear = msgspec.structs.replace(line, price=Price(amount=amount))
    return msgspec.structs.replace(order, lines=(dear,), totals=OrderTotals(total=total))


def switch(access: DemoAccess, mode: str) -> None:
    httpx.post(f"{access.erp_url}/switch", json={"mode": mode}).raise_for_status()


def approve(access: DemoAccess, *numbers: str) -> None:
    with Approver(access.base_url, access.user("approver")) as approver:
        for wanted in numbers:
            assert approver.opens(wanted)
            approver.approve()


def settle_at_the_desk(access: DemoAccess, wanted: str) -> None:
    with Approver(access.base_url, access.user("operator")) as clerk:
        inbox = clerk.browser.get(f"{access.base_url}/desk?q={wanted}")
        case = clerk.browser.get(inbox.links("/desk/")[0])
        form = case.form(action="/desk/")
        assert form is not None
        (case_id,) = (name.partition(":")[2] for name in form.names if name.startswith("choice:"))
        settled = {f"choice:{case_id}": Choice.ACCEPT_PRICE, f"reason:{case_id}": "agreed by telephone"}
        assert clerk.browser.submit(form, settled).status == 200


def the_pause_is_over(data: Path, settings: dict[str, str]) -> None:
    """Nobody waits until the ERP is asked again: that time passes at once."""
    url = settings.get("CROSSDOCK_DATABASE_URL", f"sqlite:///{data / 'crossdock.db'}")
    engine = create_engine(normalised(url), connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    with engine.begin() as connection:
        connection.execute(text("UPDATE cd_deliveries SET due_at = created_at, touched_at = created_at WHERE open"))
        connection.execute(text("DELETE FROM cd_breakers"))
    engine.dispose()


@contextmanager
def a_buyer_that_does_not_answer() -> Iterator[int]:
    """The port of one that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        yield deaf.getsockname()[1]


@contextmanager
def posting(buyer: Buyer) -> Iterator[list[str]]:
    """Small orders one after the other meanwhile, at most 20; their numbers."""
    ended, numbers = threading.Event(), list[str]()

    def post() -> None:
        while not ended.is_set() and len(numbers) < 20:
            numbers.append(buyer.orders(small("BESIDE"), code=200))

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield numbers
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def setting_of(kind: str, folder: Path, stack: ExitStack) -> dict[str, str]:
    """Where a new database is; SQLite's lies below the data folder."""
    return {} if kind == "sqlite" else {"CROSSDOCK_DATABASE_URL": stack.enter_context(empty_url(kind, folder))}


def crossdock(*arguments: str, **extra: str) -> str:
    done = run(*arguments, **extra)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def the_world_lives_on(lost: Path, anew: Path) -> None:
    """What is not the gateway's own: the ERP, whose database has a log beside it, and what the buyers know. The keys
    are kept apart from backups."""
    anew.mkdir()
    for file in [*lost.glob("demo-erp.*"), lost / "demo.json", lost / "seal.keys"]:
        shutil.copy(file, anew)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("sqlite", "postgres"),
        pytest.param("postgres", "sqlite", marks=pytest.mark.long),
        pytest.param("sqlite", "sqlite", marks=pytest.mark.long),
        pytest.param("postgres", "postgres", marks=pytest.mark.long),
    ],
)
def test_every_order_is_there_and_none_is_doubled(source: str, target: str, tmp_path: Path, stack: ExitStack) -> None:
    lost, anew, file = tmp_path / "lost", tmp_path / "anew", tmp_path / "backup.zip"
    there = setting_of(source, tmp_path, stack)
    first = stack.enter_context(demo(lost, **there))
    access = first.access
    buyer, erp = Buyer(access), ErpView(access.erp_url)

    delivered = buyer.orders(small("DELIVERED"), code=200)
    with a_buyer_that_does_not_answer() as port:
        owed = buyer.orders(large("OWED"), code=201, followup=f"http://127.0.0.1:{port}/cxml")
        approve(access, owed)
        assert erp.wait_for(delivered)
        assert erp.wait_for(owed)
        waits_for_people = buyer.orders(large("APPROVAL"), code=201)
        decided_after = buyer.orders(large("DECIDED"), code=201)
        held = buyer.orders(too_dear("HELD"), code=201)
        switch(access, "fail")
        in_the_lane = buyer.orders(small("LANE"), code=200)
        with posting(buyer) as beside:
            told = crossdock("backup", str(file), "--data", str(lost), **there)
        assert "rows as of" in told
        assert beside

        # What the ERP and people do now is in no backup.
        switch(access, "work")
        the_pause_is_over(lost, there)
        forgotten = buyer.orders(small("FORGOTTEN"), code=200)
        approve(access, decided_after)
        for wanted in (in_the_lane, forgotten, decided_after):
            assert erp.wait_for(wanted)
        first.kill()

    here = setting_of(target, tmp_path, stack)
    the_world_lives_on(lost, anew)
    assert "restored" in crossdock("restore", str(file), "--data", str(anew), **here)
    inbox = Inbox(port)
    stack.callback(inbox.close)
    with demo(anew, first.port, **here) as again:
        after = again.access
        assert after == access

        def is_of_the_owed_order(received: Received) -> bool:
            return isinstance(received.document, StatusUpdate)

        assert inbox.wait_for(is_of_the_owed_order, 60) is not None, "an outcome was promised and is lost"
        assert [buyer.repeats(wanted) for wanted in (delivered, owed, in_the_lane, waits_for_people, held)] == [
            True
        ] * 5
        # Of these the backup knows nothing, or not all: they are taken as new, and the ERP has them already.
        for wanted in (forgotten, *beside):
            buyer.repeats(wanted)
        approve(after, waits_for_people, decided_after)
        settle_at_the_desk(after, held)
        for wanted in buyer.sent:
            assert erp.wait_for(wanted) is not None, f"{wanted} is lost"
        nothing_is_open(anew, here)
        assert {wanted: len(erp.orders(wanted)) for wanted in buyer.sent} == dict.fromkeys(buyer.sent, 1)
        assert erp.doubles() == 0
        everything_is_proved(anew, here, held)
        assert again.stop() == 0


def nothing_is_open(data: Path, settings: dict[str, str]) -> None:
    """Every lane comes to its end; the page and the command tell of none that does not."""
    for _ in range(60):
        lanes = msgspec.json.decode(crossdock("work", "--json", "--data", str(data), **settings))["lanes"]
        if all(lane["open"] == 0 for lane in lanes):
            return
    raise AssertionError(f"something is still open: {lanes}")


def everything_is_proved(data: Path, settings: dict[str, str], order: str) -> None:
    """Bodies, hashes and the chain of the audit record; and one order's whole evidence."""
    assert "0 missing, 0 damaged" in crossdock("evidence", "verify", "--data", str(data), **settings)
    evidence = data / "evidence.zip"
    crossdock("evidence", "export", order, "--out", str(evidence), "--data", str(data), **settings)
    assert f"order {order}" in crossdock("evidence", "verify", "--zip", str(evidence))
