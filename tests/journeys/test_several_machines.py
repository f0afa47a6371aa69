"""Servers and workers as processes of their own on one PostgreSQL database: what one leaves, another takes up."""

import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import msgspec
import pytest
from console import SCRIPT, demo, environment, run, two_free_ports
from databases import gone, postgres_database
from demo_orders import order_bytes
from sqlalchemy import Engine, create_engine, text

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView
from app.storage.database import normalised


def until(done: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@dataclass
class Site:
    """One database, one key file, a demo ERP, and as many processes as a test starts."""

    data: Path
    url: str
    access: DemoAccess
    database: Engine
    stack: ExitStack
    logs: list[Path] = field(default_factory=list)

    def start(self, *arguments: str, **extra: str) -> "subprocess.Popen[bytes]":
        log = self.data / f"process-{len(self.logs)}.log"
        self.logs.append(log)
        settings = {
            "CROSSDOCK_DATABASE_URL": self.url,
            "CROSSDOCK_ERP_PRIVATE_NETWORKS": "true",
            "CROSSDOCK_REPLY_PRIVATE_NETWORKS": "true",
            "CROSSDOCK_BASE_URL": self.access.base_url,
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [SCRIPT, *arguments, "--data", str(self.data)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment({**settings, **extra}),
            )
        self.stack.callback(end, process)
        return process

    def worker(self, name: str, **extra: str) -> "subprocess.Popen[bytes]":
        """Ready: one that begins while the database is gone ends with a word."""
        started, log = self.start("worker", CROSSDOCK_WORKER_ID=name, **extra), self.logs[-1]
        until(lambda: b'"event": "worker.ready"' in log.read_bytes())
        return started

    def server(self) -> str:
        """The address of a server that is ready."""
        port = two_free_ports()
        self.start("serve", "--web-only", "--port", str(port))
        address = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            try:
                return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        until(ready)
        return address

    def buyer(self, address: str) -> VirtualBuyer:
        made = VirtualBuyer(msgspec.structs.replace(self.access.cxml, url=f"{address}/cxml"))
        self.stack.callback(made.close)
        return made

    def listed(self) -> dict[str, dict[str, object]]:
        done = run("work", "--json", "--data", str(self.data), CROSSDOCK_DATABASE_URL=self.url)
        return {process["id"]: process for process in msgspec.json.decode(done.stdout)["processes"]}

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def delivery(self, number: str) -> tuple[object, ...]:
        """State and worker of the order's delivery."""
        (found,) = self.rows(
            f"SELECT d.state, d.worker FROM cd_deliveries d JOIN cd_orders o ON o.id = d.order_id "
            f"WHERE o.number = '{number}'"
        )
        return found


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait(10)
    if process.stdin is not None:
        process.stdin.close()


@contextmanager
def a_site(folder: Path) -> Iterator[Site]:
    data = folder / "data"
    with ExitStack() as stack:
        url = stack.enter_context(postgres_database())
        with demo(data, CROSSDOCK_DATABASE_URL=url) as started:
            access = started.access
            assert started.stop() == 0
        database = create_engine(normalised(url))
        stack.callback(database.dispose)
        site = Site(data, url, access, database, stack)
        site.start("demo-erp", "--port", access.erp_url.rpartition(":")[2])
        yield site


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def site(common: Site) -> Iterator[Site]:
    """Without a server or a worker of an earlier test."""
    with ExitStack() as stack:
        yield replace(common, stack=stack)


def numbers(many: int) -> list[str]:
    return [f"SITE-{secrets.token_hex(4)}" for _ in range(many)]


def test_two_servers_and_two_workers_take_each_order_once_and_in_order(site: Site) -> None:
    addresses = [site.server(), site.server()]
    site.worker("worker-a")
    site.worker("worker-b")
    assert {name for name, listed in site.listed().items() if listed["works"]} == {"worker-a", "worker-b"}
    buyers, wanted = [site.buyer(address) for address in addresses], numbers(12)
    for position, number in enumerate(wanted):
        body = order_bytes(buyers[0], number)
        first, second = buyers[position % 2], buyers[(position + 1) % 2]
        answers = [first.post(body), second.post(body)]
        assert [answer.code for answer in answers] == [200, 200]
        assert answers[0].body == answers[1].body
    erp = ErpView(site.access.erp_url)
    for number in wanted:
        assert erp.wait_for(number) is not None
    assert [len(erp.orders(number)) for number in wanted] == [1] * len(wanted)
    assert erp.doubles() == 0
    by_arrival = sorted(wanted, key=lambda number: int(erp.orders(number)[0].number.rpartition("-")[2]))
    assert by_arrival == wanted


def test_one_number_goes_from_the_buyers_post_to_the_erp_and_back(site: Site) -> None:
    address = site.server()
    site.worker("worker-a")
    server_log, worker_log = site.logs[-2:]
    buyer, (order,) = site.buyer(address), numbers(1)
    number, trace_id = f"atlas-{order}", secrets.token_hex(16)
    brought = {"X-Request-ID": number, "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    body = order_bytes(buyer, order)
    answer = httpx.post(f"{address}/cxml", content=body, headers={"Content-Type": "text/xml", **brought})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, number)
    erp = site.access.erp_url

    def received() -> list[dict[str, str]]:
        return [event for event in httpx.get(f"{erp}/received").json()["events"] if event["reference"] == order]

    until(lambda: bool(received()))
    assert [event["request_id"] for event in received()] == [number]
    spans = {brought["traceparent"], *(event["traceparent"] for event in received())}
    assert {span.split("-")[1] for span in spans} == {trace_id}
    assert len({span.split("-")[2] for span in spans}) == 2
    until(lambda: f"X-Request-ID: <code>{number}</code>" in httpx.get(f"{erp}/buyer").text)
    until(lambda: "reply" in {line["event"] for line in lines_about(worker_log, number)})
    assert {"exchange", "request"} <= {line["event"] for line in lines_about(server_log, number)}
    assert {"delivery", "reply"} <= {line["event"] for line in lines_about(worker_log, number)}
    lines = [*lines_about(server_log, number), *lines_about(worker_log, number)]
    assert {line["trace_id"] for line in lines} == {trace_id}
    kept = site.rows(f"SELECT DISTINCT correlation_id FROM cd_exchanges WHERE request_id = '{number}'")
    assert {line["correlation_id"] for line in lines} == {correlation_id for (correlation_id,) in kept}


def lines_about(log: Path, number: str) -> list[dict[str, str]]:
    """What a process logged for the request of that number."""
    lines = (msgspec.json.decode(line) for line in log.read_bytes().splitlines() if line.startswith(b"{"))
    return [line for line in lines if line.get("request_id") == number]


def test_a_worker_that_dies_while_it_sends_is_succeeded_by_another(site: Site) -> None:
    buyer = site.buyer(site.server())
    dying = site.worker("worker-a", CROSSDOCK_KILL_AT="delivery.after_request")
    (number,) = numbers(1)
    assert buyer.post(order_bytes(buyer, number)).code == 200
    assert dying.wait(30) == -signal.SIGKILL
    site.worker("worker-b")
    assert site.delivery(number) == ("sending", "worker-a")
    # Its lease runs out: the time passes at once.
    with site.database.begin() as connection:
        over = "due_at = now() - interval '1 second', touched_at = now() - interval '1 hour'"
        connection.execute(text(f"UPDATE cd_deliveries SET {over} WHERE open"))
    until(lambda: site.delivery(number) == ("accepted", "worker-b"))
    assert len(ErpView(site.access.erp_url).orders(number)) == 1


def test_a_worker_that_is_told_to_end_finishes_what_it_sends(site: Site) -> None:
    buyer = site.buyer(site.server())
    worker = site.worker("worker-a")
    httpx.post(f"{site.access.erp_url}/switch", json={"mode": "slow", "seconds": 3, "count": 1}).raise_for_status()
    (number,) = numbers(1)
    assert buyer.post(order_bytes(buyer, number)).code == 200
    until(lambda: site.delivery(number) == ("sending", "worker-a"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert site.delivery(number) == ("accepted", "worker-a")
    assert ("worker-a",) not in site.rows("SELECT id FROM cd_processes")


def test_two_workers_of_one_id_are_refused_and_a_killed_one_is_succeeded_at_once(site: Site) -> None:
    first = site.worker("worker-a")
    second = site.start("worker", CROSSDOCK_WORKER_ID="worker-a")
    assert second.wait(60) == 1
    assert "'worker-a' works on this database already" in site.logs[-1].read_text()
    assert first.poll() is None
    first.kill()
    first.wait(10)
    buyer = site.buyer(site.server())
    site.start("worker", CROSSDOCK_WORKER_ID="worker-a")
    (number,) = numbers(1)
    assert buyer.post(order_bytes(buyer, number)).code == 200
    until(lambda: site.delivery(number) == ("accepted", "worker-a"))


def test_servers_and_workers_wait_for_a_database_that_is_gone_and_go_on(site: Site) -> None:
    address = site.server()
    buyer = site.buyer(address)
    worker = site.worker("worker-a")
    site.database.dispose()
    first, second = numbers(2)
    assert buyer.post(order_bytes(buyer, first)).code == 200
    with gone(site.url):
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert httpx.get(f"{address}/readyz").status_code == 503
        refused = buyer.post(order_bytes(buyer, second))
        assert (refused.http, refused.code) == (503, 560)
        time.sleep(2)
    assert worker.poll() is None
    until(lambda: httpx.get(f"{address}/readyz").status_code == 200)
    assert buyer.post(order_bytes(buyer, second)).code == 200
    erp = ErpView(site.access.erp_url)
    for number in (first, second):
        assert erp.wait_for(number) is not None
        assert len(erp.orders(number)) == 1
