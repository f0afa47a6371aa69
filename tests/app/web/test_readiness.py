"""/readyz through HTTP: each thing that keeps a document from being taken says no, with what to do about it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import RecordedWork
from databases import KINDS, Templates
from sqlalchemy.exc import OperationalError

from app.clock import SetClock, SystemClock
from app.engine import Engine
from app.gateway import Gateway
from app.seal import KeyRing
from app.settings import Settings
from app.storage import processes, schema
from app.storage.database import Database
from app.storage.seal_keys import register_key
from app.web.operators import readiness
from app.web.routes import assemble

pytestmark = pytest.mark.anyio

SQLITE = pytest.mark.parametrize("database", KINDS[:1], indirect=True)
CHECKS = {"database", "schema", "durability", "keys", "work", "writer", "engine", "disk"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = readiness.examine
    monkeypatch.setattr(readiness, "examine", lambda gateway: whole(gateway, bound=2.0))


async def ask(gateway: Gateway) -> tuple[int, str, dict[str, dict[str, Any]]]:
    """HTTP status, status, and the checks by their names."""
    app = assemble(gateway, allowed_hosts=("crossdock.example",))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="https://crossdock.example") as client:
        answer = await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200
    body = answer.json()
    return answer.status_code, body["status"], {check["name"]: check for check in body["checks"]}


async def refused(gateway: Gateway, name: str) -> str:
    """What the one check that fails found; it says what to do."""
    status, said, checks = await ask(gateway)
    assert (status, said) == (503, "not ready")
    failed = [check for check in checks.values() if not check["ok"]]
    assert [check["name"] for check in failed] == [name]
    assert failed[0]["next"]
    return str(failed[0]["what"])


def web_only(gateway: Gateway, **changes: Any) -> Gateway:
    return replace(gateway, settings=gateway.settings.model_copy(update={"embedded": False, **changes}))


async def test_a_server_that_can_take_documents_is_ready(gateway: Gateway) -> None:
    status, said, checks = await ask(gateway)
    assert (status, said, set(checks)) == (200, "ready", CHECKS)
    assert all(check["ok"] and check["what"] and check["next"] is None for check in checks.values())


async def test_a_database_that_refuses(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses() -> Any:
        raise OperationalError("x", None, Exception("secret text of the driver"))

    monkeypatch.setattr(gateway.database, "read", refuses)
    assert await refused(gateway, "database") == "the database does not answer (OperationalError)"


@SQLITE
async def test_a_database_that_hangs(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    @contextmanager
    def hangs() -> Iterator[Any]:
        ended.wait(30)
        raise OperationalError("x", None, Exception())
        yield

    monkeypatch.setattr(gateway.database, "read", hangs)
    assert "did not answer within 2 s" in await refused(gateway, "database")
    ended.set()


@pytest.mark.parametrize("kind", KINDS)
async def test_migrations_that_did_not_run(kind: str, templates: Templates, tmp_path: Path) -> None:
    with templates.own_url(kind, tmp_path) as url:
        database = Database(url)
        schema.downgrade(database.engine, "0001")
        database.start()
        gateway = Gateway(
            settings=Settings(), clock=SystemClock(), database=database, engine=RecordedWork(), keys=KeyRing.made("k")
        )
        _, _, checks = await ask(gateway)
        database.stop()
    assert (checks["schema"]["ok"], checks["schema"]["next"]) == (False, "run `crossdock init` of this release")


@SQLITE
async def test_keys_of_another_database(gateway: Gateway) -> None:
    gateway.database.write(lambda tx: register_key(tx, gateway.keys, gateway.clock.now()))
    assert "key 'test'" in await refused(replace(gateway, keys=KeyRing.made("other")), "keys")


@SQLITE
async def test_a_database_that_forgets(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "weaknesses", lambda _: ["fsync is off"])
    assert await refused(gateway, "durability") == "fsync is off"


async def test_a_writer_that_ended(gateway: Gateway) -> None:
    gateway.database.writer.stop()
    assert await refused(gateway, "writer") == "the thread that writes has ended"


async def test_a_writer_that_is_stuck(gateway: Gateway) -> None:
    began, ended = threading.Event(), threading.Event()

    def stuck(_tx: object) -> None:
        began.set()
        ended.wait(30)

    hanging = asyncio.create_task(gateway.database.awrite(stuck))
    await asyncio.to_thread(began.wait, 10)
    assert "no write got through within 2 s" in await refused(gateway, "writer")
    ended.set()
    await hanging
    assert (await ask(gateway))[0] == 200


@SQLITE
async def test_an_embedded_engine_that_is_off(gateway: Gateway) -> None:
    engine = Engine(gateway.database)
    assert await refused(replace(gateway, engine=engine), "engine") == "the engine is not working"
    assert (await ask(web_only(replace(gateway, engine=engine))))[0] == 200
    engine.stop()


@SQLITE
async def test_an_embedded_engine_that_runs_no_rounds(gateway: Gateway, clock: SetClock) -> None:
    name = gateway.settings.process_id
    gateway.database.write(lambda tx: processes.began(tx, name, clock.now(), works=True))
    clock.move(timedelta(minutes=3))
    gateway.database.write(lambda tx: processes.seen(tx, name, clock.now()))
    assert "no round of the engine" in await refused(gateway, "work")
    gateway.database.write(lambda tx: processes.worked(tx, name, clock.now()))
    assert (await ask(gateway))[0] == 200


@SQLITE
async def test_a_server_without_workers_takes_documents_and_says_so(gateway: Gateway, clock: SetClock) -> None:
    server = web_only(gateway)
    status, said, checks = await ask(server)
    assert (status, said, checks["work"]["next"]) == (200, "degraded", "start `crossdock worker`")
    gateway.database.write(lambda tx: processes.began(tx, "worker-9", clock.now(), works=True))
    assert (await ask(server))[:2] == (200, "ready")
    clock.move(timedelta(minutes=3))
    gateway.database.write(lambda tx: processes.seen(tx, "worker-9", clock.now()))
    status, said, checks = await ask(server)
    assert (status, said) == (200, "degraded")
    assert "no round of the engine" in checks["work"]["what"]
    clock.move(timedelta(minutes=3))
    assert "no worker" in (await ask(server))[2]["work"]["what"]


async def test_a_disk_that_is_nearly_full(gateway: Gateway) -> None:
    settings = gateway.settings.model_copy(update={"disk_free": 10**18})
    narrow = replace(gateway, settings=settings)
    if gateway.database.sqlite:
        assert "GB are free" in await refused(narrow, "disk")
        return
    status, said, checks = await ask(narrow)
    assert (status, said, checks["disk"]["degraded"]) == (200, "degraded", True)


def of(*checks: readiness.Check) -> str:
    return readiness.status_of(checks)


def test_the_worst_check_is_the_status() -> None:
    well, weak, bad = (
        readiness.Check("a", True, "x"),
        readiness.Check("b", True, "x", "y", degraded=True),
        readiness.Check("c", False, "x", "y"),
    )
    assert (of(well), of(well, weak), of(weak, bad, well)) == ("ready", "degraded", "not ready")
