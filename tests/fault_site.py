"""What the faults happen to: a database, a demo ERP and the buyers' own address, which stay, and the product's
processes, which die. Each of those is the real console script."""

import signal
import sqlite3
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from threading import Event

import httpx
from console import SCRIPT, environment, two_free_ports
from demo_orders import order_bytes
from fault_report import FaultReport
from more_buyers import add_buyer
from msgspec import structs
from sqlalchemy import NullPool, create_engine, text

from app import process
from app.bridge.demo_erp.server import DATABASE
from app.bridge.registry import DEFAULT, keep_erp
from app.cli.server import prepare
from app.sandbox import demo_data
from app.sandbox.access import Cxml, DemoAccess
from app.sandbox.buyer import Inbox, VirtualBuyer
from app.settings import Settings
from app.storage.base import LIVE
from app.storage.database import normalised
from schemas.order_reply import OrderReply

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
"""Kinds of databases as the report names them."""
POSTING = 8
"""Connections of a load."""
HANG = 300.0
"""Seconds after which something that should have happened never will."""
SETTLE = 0.5
"""Seconds after which the demo ERP is believed when it has not got an order: whatever it gets it stores at once."""
COME_BACK = (503, 560)
"""What HTTP and cXML say together when a document could not be stored."""


def until(done: Callable[[], bool], what: str, seconds: float = HANG) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: it did not happen in time"
        time.sleep(0.1)


@dataclass
class Running:
    """A process of the console script, and what it wrote; `begins` is where its part of the log does."""

    process: "subprocess.Popen[bytes]"
    log: Path
    begins: int

    def until_works(self) -> None:
        """A worker."""
        until(self._works, "the worker is ready")

    def _works(self) -> bool:
        assert self.process.poll() is None, self.output
        return b'"event": "worker.ready"' in self.log.read_bytes()[self.begins :]

    def dies(self) -> None:
        """By SIGKILL: any other end fails."""
        assert self.process.wait(HANG) == -signal.SIGKILL, self.output

    def ends(self) -> None:
        """Told to, in order."""
        self.process.terminate()
        assert self.process.wait(HANG) == 0, self.output

    def kill(self) -> None:
        """Whether alive or not."""
        self.process.kill()
        self.process.wait(10)
        if self.process.stdin is not None:
            self.process.stdin.close()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]


@dataclass
class Site:
    """
    kind      the database, as the report names it.
    port      of the web process, also of the next one when it has died.
    extra     environment of every process.
    """

    kind: str
    data: Path
    url: str
    port: int
    inbox: Inbox
    buyers: Sequence[Cxml]
    access: DemoAccess
    stack: ExitStack
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = create_engine(normalised(self.url), poolclass=NullPool)

    def start(self, *arguments: str, **extra: str) -> Running:
        """It does not outlive the site."""
        log = self.data / f"{arguments[0]}-{extra.get('CROSSDOCK_WORKER_ID', '')}.log"
        settings = {
            "CROSSDOCK_DATABASE_URL": self.url,
            "CROSSDOCK_BASE_URL": self.base_url,
            "CROSSDOCK_ERP_PRIVATE_NETWORKS": "true",
            "CROSSDOCK_REPLY_PRIVATE_NETWORKS": "true",
            "CROSSDOCK_POSTS_PER_MINUTE": "1000000",
            "CROSSDOCK_DEMO": "true",
        }
        begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            process = subprocess.Popen(
                [SCRIPT, *arguments, "--data", str(self.data)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment({**settings, **self.extra, **extra}),
            )
        running = Running(process, log, begins)
        self.stack.callback(running.kill)
        return running

    def web(self, kill_at: str = "", *, port: int | None = None) -> Running:
        """Ready, unless it is to die: that may come first."""
        port = port or self.port
        running = self.start("serve", "--web-only", "--port", str(port), CROSSDOCK_KILL_AT=kill_at)
        if not kill_at:
            self.until_ready(running, port)
        return running

    def until_ready(self, running: Running, port: int | None = None) -> None:
        def ready() -> bool:
            assert running.process.poll() is None, running.output
            try:
                return httpx.get(f"http://127.0.0.1:{port or self.port}/readyz", timeout=10).status_code == 200
            except httpx.TransportError:
                return False

        until(ready, "the server is ready")

    def worker(self, worker_id: str = "worker-1", kill_at: str = "") -> Running:
        """Ready, unless it is to die: a worker that begins while the database is gone ends with a word."""
        running = self.start("worker", CROSSDOCK_WORKER_ID=worker_id, CROSSDOCK_KILL_AT=kill_at)
        if not kill_at:
            running.until_works()
        return running

    def start_erp(self) -> None:
        """With what it had when it ended."""
        self.erp = self.start("demo-erp", "--port", self.access.erp_url.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def arrived(self) -> list[str]:
        """The order numbers that the ERP has, in the order of arrival; a double stands twice."""
        with closing(sqlite3.connect(self.data / DATABASE, timeout=30)) as connection:
            return [number for (number,) in connection.execute("SELECT reference FROM orders ORDER BY id")]

    def confirmed(self) -> list[str]:
        """The order numbers of confirmations that the buyers got; a repetition of the same document is none."""
        documents = {received.envelope.payload_id: received.document for received in self.inbox.arrived}
        return [document.order_id for document in documents.values() if isinstance(document, OrderReply)]

    def number(self, query: str) -> int:
        with self.database.connect() as connection:
            found: int = connection.execute(text(query)).scalar_one()
        return found

    def until_drained(self, seconds: float = HANG) -> None:
        """Nothing is on its way any more, neither to the ERP nor to a buyer. As long as it becomes less, it is waited
        for."""
        queries = [f"SELECT count(*) FROM {table} WHERE open" for table in ("cd_deliveries", "cd_dispatches")]
        least, moved = sum(map(self.number, queries)), time.monotonic()
        while least:
            time.sleep(0.1)
            left = sum(map(self.number, queries))
            if left < least:
                least, moved = left, time.monotonic()
            assert time.monotonic() < moved + seconds, f"{left} are not sent and become no less"

    def judge(self, faults: FaultReport, scenario: str, acknowledged: Mapping[str, Sequence[str]]) -> None:
        """Of these orders; the site may have had others before."""
        ours = {number for numbers in acknowledged.values() for number in numbers}
        faults.judge(scenario, self.kind, acknowledged, [number for number in self.arrived() if number in ours])

    def judge_confirmations(
        self, faults: FaultReport, scenario: str, acknowledged: Mapping[str, Sequence[str]]
    ) -> None:
        """Each order's outcome is with its buyer, in one document. Between documents no order is promised."""
        numbers = sorted(number for numbers in acknowledged.values() for number in numbers)
        ours = set(numbers)
        confirmed = sorted(number for number in self.confirmed() if number in ours)
        faults.judge(scenario, self.kind, {"": numbers}, confirmed)


@contextmanager
def a_site(kind: str, url: str, folder: Path, *, customers: int = 4, **extra: str) -> Iterator[Site]:
    """On a database that is there, with tables or without."""
    data = folder / "site"
    settings = Settings(data=data, database_url=url, base_url=None)
    prepare(settings)
    port, erp_port = two_free_ports(), two_free_ports()
    with ExitStack() as stack:
        inbox = Inbox()
        stack.callback(inbox.close)
        agreed = {"reply_url": inbox.url, "reply_hosts": ["127.0.0.1"], "confirmations": True}
        base_url, erp_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{erp_port}"
        with process.opened(settings) as gateway:
            access = demo_data.load(gateway, None, base_url=base_url, erp_url=erp_url)
            erp = {"url": erp_url, "plain_http": True, "settle": SETTLE}
            gateway.database.write(
                lambda tx: keep_erp(
                    tx, realm=LIVE, name=DEFAULT, adapter="rest_json", settings=erp, now=gateway.clock.now()
                )
            )
            made = [add_buyer(gateway, f"{number:04}", agreed=agreed).access for number in range(customers)]
        buyers = [structs.replace(buyer, url=f"{base_url}/cxml") for buyer in made]
        site = Site(kind, data, url, port, inbox, buyers, access, stack, extra)
        site.start_erp()
        yield site


@dataclass
class Load:
    """Buyers that order all at the same time, each one order after the other. Who gets no answer, or is asked to come
    back, sends the same bytes again, until it is answered.

    pace          seconds between the orders of a connection, so that what befalls the site falls among few of them.
    acknowledged  the numbers by customer, in the order in which they were.
    put_off       how often somebody was asked to come back."""

    site: Site
    numbers: Mapping[str, Sequence[str]]
    patience: float = HANG
    pace: float = 0.0
    acknowledged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    put_off: int = 0

    def __enter__(self) -> "Load":
        self._threads, self._over = ThreadPoolExecutor(POSTING), Event()
        names = sorted(self.numbers)
        self._posted = [self._threads.submit(self._post, names[n::POSTING]) for n in range(POSTING)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._threads.shutdown()

    @property
    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def finish(self) -> Mapping[str, Sequence[str]]:
        """Waits until every order is acknowledged."""
        for posted in self._posted:
            posted.result()
        assert self.count == sum(map(len, self.numbers.values()))
        return self.acknowledged

    def again(self) -> None:
        """A resend of each order gets the answer that the order got."""
        buyer = VirtualBuyer(self.site.buyers[0])
        for number, (body, answer) in self.sent.items():
            assert buyer.post(body).body == answer, number
        buyer.close()

    def _post(self, names: Sequence[str]) -> None:
        """The customers of one connection by turns."""
        access = {buyer.sender.identity: buyer for buyer in self.site.buyers}
        buyers = {name: VirtualBuyer(access[name]) for name in names}
        for turn in zip_longest(*(self.numbers[name] for name in names)):
            for name, number in zip(names, turn, strict=True):
                if number is not None:
                    body = order_bytes(buyers[name], number)
                    self.sent[number] = (body, self._until_answered(buyers[name], body))
                    self.acknowledged[name].append(number)
                    self._over.wait(self.pace)
        for buyer in buyers.values():
            buyer.close()

    def _until_answered(self, buyer: VirtualBuyer, body: bytes) -> bytes:
        end = time.monotonic() + self.patience
        while True:
            with suppress(httpx.TransportError):
                reply = buyer.post(body)
                if reply.code == 200:
                    return reply.body
                assert (reply.http, reply.code) == COME_BACK, str(reply)
                self.put_off += 1
            assert time.monotonic() < end, "an order was never answered"
            assert not self._over.wait(0.1), "the test is over"


def load(site: Site, orders: int, prefix: str, *, patience: float = HANG, pace: float = 0.0) -> Load:
    """As many orders, dealt out to the site's buyers."""
    names = [buyer.sender.identity for buyer in site.buyers]
    numbers = {name: [f"{prefix}-{n:05}" for n in range(place, orders, len(names))] for place, name in enumerate(names)}
    return Load(site, numbers, patience, pace)
