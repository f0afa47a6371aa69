"""Where the benchmarks play: a migrated database with the demo's catalog and buyers of its own, the orders that they
post, and the product's processes, started by its console script as in production."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
from console import SCRIPT, environment
from databases import postgres_database
from load import MARK
from more_buyers import Buyer, add_buyer
from msgspec import structs
from sqlalchemy import create_engine, text
from sqlmodel import select

from app.catalog.items import Audience, offers
from app.cli.server import prepare
from app.gateway import Gateway
from app.process import opened
from app.sandbox import demo_data
from app.sandbox.buyer import VirtualBuyer
from app.settings import Settings
from app.storage.catalog import ItemRow
from app.storage.customers import CustomerRow
from protocols.cxml import order_request
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money, round_line
from schemas.order import Change, Order, OrderLine, OrderTotals

START_SECONDS = 60.0
SETTLING = 8.0
"""Seconds after which a process has done what it does once."""
LINES = 10
UNLIMITED = 10_000_000


@dataclass
class Stage:
    """
    url     of the database; `bodies` are the orders, one file a buyer, with the load generator's mark for a number.
    extra   settings for every process, as environment variables.
    """

    data: Path
    url: str
    bodies: list[Path] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(
            data=self.data, database_url=self.url, posts_per_minute=UNLIMITED, log_level="warning", base_url=None
        )

    @property
    def environment(self) -> dict[str, str]:
        settings = {
            "CROSSDOCK_DATA": str(self.data),
            "CROSSDOCK_DATABASE_URL": self.url,
            # The load generator is one address, and its orders come from few connections.
            "CROSSDOCK_POSTS_PER_MINUTE": str(UNLIMITED),
            "CROSSDOCK_BASE_URL": "http://127.0.0.1:8000",
            "CROSSDOCK_ERP_PRIVATE_NETWORKS": "true",
        }
        return environment({**settings, **self.extra})

    @contextlib.contextmanager
    def gateway(self) -> Iterator[Gateway]:
        with opened(self.settings) as gateway:
            yield gateway

    @contextlib.contextmanager
    def serving(self, processes: int = 1, *, command: Sequence[str] = ()) -> Iterator[list[int]]:
        """The ports of web processes that take work; `command` starts another kind of server on the port added."""
        ports = [free_port() for _ in range(processes)]
        base = command or (str(SCRIPT), "serve", "--web-only", "--port")
        with contextlib.ExitStack() as running:
            for port in ports:
                running.enter_context(process((*base, str(port)), self.environment, self.data / f"web-{port}.log"))
            for port in ports:
                wait_until_ready(port)
            yield ports

    @contextlib.contextmanager
    def embedded(self) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
        """The port and the process of a server that works as well."""
        port = free_port()
        command = (str(SCRIPT), "serve", "--embedded", "--port", str(port))
        with process(command, self.environment, self.data / f"serve-{port}.log") as server:
            wait_until_ready(port)
            yield port, server

    @contextlib.contextmanager
    def working(self, worker_id: str = "worker-1", **extra: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A worker process."""
        settings = {**self.environment, "CROSSDOCK_WORKER_ID": worker_id, **extra}
        with process((str(SCRIPT), "worker"), settings, self.data / f"{worker_id}.log") as worker:
            yield worker

    def count(self, table: str) -> int:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        engine.dispose()
        return found


@contextlib.contextmanager
def staged(kind: str, buyers: int = 20, *, erp_url: str = "http://127.0.0.1:8001", **extra: str) -> Iterator[Stage]:
    """A stage on `sqlite` or `postgres`, thrown away afterwards. `extra`: settings for every process."""
    with contextlib.ExitStack() as kept:
        folder = Path(tempfile.mkdtemp(prefix="crossdock-bench-"))
        kept.callback(shutil.rmtree, folder)
        url = f"sqlite:///{folder / 'crossdock.db'}" if kind == "sqlite" else kept.enter_context(postgres_database())
        stage = Stage(folder, url, extra=extra)
        prepare(stage.settings)
        with stage.gateway() as gateway:
            demo_data.load(gateway, None, base_url="http://127.0.0.1:8000", erp_url=erp_url)
            for number in range(buyers):
                buyer = add_buyer(gateway, f"{number:04d}")
                body = folder / f"order-{number}.xml"
                body.write_bytes(order_of(gateway, buyer))
                stage.bodies.append(body)
        yield stage


def order_of(gateway: Gateway, buyer: Buyer, lines: int = LINES) -> bytes:
    """An order that is accepted at once: known items, agreed prices, known place, below the limit of approval."""
    order, envelope = canonical_order(gateway, buyer, lines), VirtualBuyer(buyer.access).envelope()
    return order_request.write(order, structs.replace(envelope, payload_id=f"{MARK.decode()}@buyer.example"))


def canonical_order(gateway: Gateway, buyer: Buyer, lines: int = LINES) -> Order:
    now = datetime.now(UTC)
    with gateway.database.read() as session:
        customer = session.get_one(CustomerRow, buyer.customer_id)
        skus = session.exec(select(ItemRow.sku)).all()
        found = offers(session, Audience.of(customer), skus, now)
    priced = [(offer.price_at(offer.lowest_quantity), offer) for offer in found.values()]
    cheapest = sorted(
        ((price, offer) for price, offer in priced if price is not None),
        key=lambda pair: (pair[0].of(pair[1].lowest_quantity), pair[1].sku),
    )[:lines]
    ordered = tuple(
        OrderLine(
            number=number,
            quantity=Quantity(amount=offer.lowest_quantity, unit=offer.item.unit),
            item=ItemRef(supplier_id=offer.sku),
            price=Price(amount=price.amount, basis=price.basis, unit=price.unit, factor=price.factor),
            description=ItemDescription(
                texts=(Text(text=offer.name, language="en"),),
                classifications=(Classification(scheme="UNSPSC", code=offer.item.unspsc or "31161619"),),
            ),
        )
        for number, (price, offer) in enumerate(cheapest, 1)
    )
    sums = (round_line(line.price.of(line.quantity.amount), "EUR") for line in ordered if line.price)
    return Order(
        id=MARK.decode(),
        change=Change.NEW,
        ordered_at=now,
        currency="EUR",
        lines=ordered,
        totals=OrderTotals(total=Money(amount=sum(sums, Decimal(0)), currency="EUR")),
        ship_to=buyer.ship_to,
        bill_to=buyer.ship_to,
    )


@contextlib.contextmanager
def process(command: Sequence[str], environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that does not outlive the block; what it says goes to `log`."""
    with log.open("ab") as out:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(10)


def wait_until_ready(port: int, path: str = "/readyz") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"the server on port {port} did not become ready")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def kinds() -> list[str]:
    """The databases that there are here."""
    return ["sqlite", *(["postgres"] if os.environ.get("CROSSDOCK_TEST_POSTGRES") else [])]


def python(name: str) -> list[str]:
    """The command that runs one of the scripts beside this file."""
    return [sys.executable, str(Path(__file__).with_name(name))]
