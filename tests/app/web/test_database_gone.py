"""While the database is gone the server says so in every language it speaks, and when it is back all goes on."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from anyio import to_thread
from buyers import Buyer, set_up
from databases import Templates, gone

from app.clock import SystemClock
from app.engine import Engine, Handler
from app.gateway import Gateway
from app.seal import KeyRing
from app.settings import Settings
from app.storage.database import Database
from app.web.routes import assemble
from app.work import WAKE_LANE, Lane

pytestmark = pytest.mark.anyio


@dataclass
class Server:
    url: str
    gateway: Gateway
    engine: Engine
    buyer: Buyer
    worked: threading.Semaphore

    def client(self) -> httpx.AsyncClient:
        app = assemble(self.gateway, allowed_hosts=("crossdock.example",))
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("127.0.0.1", 1)), base_url="https://crossdock.example"
        )


@pytest.fixture
def server(templates: Templates, tmp_path: Path) -> Iterator[Server]:
    with templates.own_url("postgres", tmp_path) as url:
        database = Database(url)
        engine = Engine(database, poll=0.05)
        settings = Settings(database_url=url, base_url="https://crossdock.example")
        gateway = Gateway(
            settings=settings, clock=SystemClock(), database=database, engine=engine, keys=KeyRing.made("test")
        )
        worked = threading.Semaphore(0)
        database.start()
        engine.start([Handler(WAKE_LANE, lambda _: worked.release())])
        yield Server(url, gateway, engine, set_up(gateway), worked)
        engine.stop(drain=0)
        database.stop()


async def test_it_is_alive_says_no_and_recovers_by_itself(server: Server) -> None:
    lane = Lane(realm="live", lane="a:b")
    async with server.client() as client:
        assert (await client.post("/cxml", content=server.buyer.order_request())).status_code == 200
        with gone(server.url):
            assert (await client.get("/healthz")).status_code == 200
            ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert [check["name"] for check in ready.json()["checks"] if not check["ok"]] == ["database"]
            answer = await client.post("/cxml", content=server.buyer.order_request("2@buyer.example"))
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert 'code="560"' in answer.text
            page = await client.get("/desk", headers={"Cookie": "__Host-crossdock=x"})
            assert page.status_code == 503
            assert page.headers["retry-after"]
            assert "The database does not answer" in page.text
            german = await client.get("/start/none", headers={"Accept-Language": "de"})
            assert "Die Datenbank antwortet nicht" in german.text
            for text in (ready.text, answer.text, page.text):
                assert "Traceback" not in text
                assert "psycopg" not in text
        assert (await client.get("/readyz")).json()["status"] == "ready"
        again = await client.post("/cxml", content=server.buyer.order_request("2@buyer.example"))
        assert again.status_code == 200
    server.gateway.database.write(lambda tx: server.engine.enqueue(tx, WAKE_LANE, lane))
    assert await to_thread.run_sync(lambda: server.worked.acquire(timeout=30))


async def test_all_who_wait_for_a_lost_database_hear_of_it_together(server: Server) -> None:
    async with server.client() as client:
        with gone(server.url):
            answers = []
            for number in range(12):
                body = server.buyer.order_request(f"{number}@buyer.example")
                answers.append((await client.post("/cxml", content=body)).status_code)
    assert set(answers) == {503}
