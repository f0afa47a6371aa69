"""kill -9 at each named point of the way in: nothing that was answered is lost, and nothing is there twice."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from buyers import set_up
from console import SCRIPT, environment, two_free_ports
from databases import Templates
from serving import served
from sqlmodel import col, select

from app.process import wired
from app.seal import KeyRing
from app.settings import Settings
from app.storage.database import Database
from app.storage.exchanges import ExchangeRow
from app.storage.orders import OrderRow
from app.web.routes import assemble
from protocols.cxml.envelope import open_document

XML = {"Content-Type": "text/xml; charset=UTF-8"}

LEFT_BEHIND = {
    "intake.before_record": [],
    "intake.recorded": ["received"],
    "receive.judged": ["received"],
    "receive.before_commit": ["received"],
    "receive.committed": ["accepted"],
}
"""The exchanges that came in, after the kill at this point and before anything else."""

CASES = [(point, "sqlite") for point in LEFT_BEHIND] + [("receive.before_commit", "postgres")]


@contextmanager
def server(settings: dict[str, str], kill_at: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = two_free_ports()
    process = subprocess.Popen(
        [SCRIPT, "serve", "--web-only", "--port", str(port)],
        env=environment({**settings, "CROSSDOCK_KILL_AT": kill_at}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while True:
            assert process.poll() is None, "the server ended while it started"
            assert time.monotonic() < until, "the server did not start in time"
            try:
                if httpx.get(f"{url}/healthz", timeout=2).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url, process
    finally:
        process.kill()
        process.wait(10)


def incoming(database: Database) -> list[str]:
    with database.read() as session:
        return [
            row.state
            for row in session.exec(select(ExchangeRow).order_by(col(ExchangeRow.id)))
            if row.direction == "in"
        ]


def orders(database: Database) -> int:
    with database.read() as session:
        return len(session.exec(select(OrderRow)).all())


@pytest.mark.parametrize(("point", "kind"), CASES)
def test_a_kill_loses_nothing_that_was_answered_and_doubles_nothing(
    point: str, kind: str, templates: Templates, tmp_path: Path
) -> None:
    with templates.migrated_url(kind, tmp_path) as database_url:
        keys = KeyRing.made("k1").written()
        names = {"CROSSDOCK_DATABASE_URL": database_url, "CROSSDOCK_KEYS": keys, "CROSSDOCK_DATA": str(tmp_path)}
        settings = Settings(database_url=database_url, keys=keys, data=tmp_path)
        gateway, engine = wired(settings)
        gateway.database.start()
        body = set_up(gateway).order_request()

        with server(names, kill_at=point) as (url, process):
            with pytest.raises(httpx.TransportError):
                httpx.post(f"{url}/cxml", content=body, headers=XML, timeout=30)
            assert process.wait(10) == -signal.SIGKILL
        assert incoming(gateway.database) == LEFT_BEHIND[point]

        with served(assemble(gateway, allowed_hosts=("127.0.0.1",))) as url:
            answers = [httpx.post(f"{url}/cxml", content=body, headers=XML, timeout=30) for _ in range(2)]
        assert answers[0].content == answers[1].content
        status = open_document(answers[0].content).envelope.status
        assert status is not None
        assert status.success
        assert orders(gateway.database) == 1
        engine.stop()
        gateway.database.stop()
