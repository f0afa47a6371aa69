"""A PostgreSQL server that takes connections and answers nothing is as good as gone, until it answers again."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from databases import Templates
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from app.storage.database import Database, is_gone
from app.storage.intake_writer import Unwritten


class StandingStill:
    """Between client and server; while `flowing` is not set nothing is passed on, and nothing is refused."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.flowing = threading.Event()
        self.flowing.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while some := one.recv(65_536):
                self.flowing.wait()
                other.sendall(some)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        one.close()

    def close(self) -> None:
        self.flowing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def between(templates: Templates, tmp_path: Path) -> Iterator[tuple[StandingStill, Database]]:
    with templates.migrated_url("postgres", tmp_path) as url:
        server = make_url(url)
        proxy = StandingStill(server.host or "127.0.0.1", server.port or 5432)
        database = Database(server.set(host="127.0.0.1", port=proxy.port), pool=2, silence=1.0)
        database.start()
        yield proxy, database
        proxy.flowing.set()
        database.stop()
        proxy.close()


def test_who_reads_and_who_writes_is_told_and_all_goes_on_afterwards(
    between: tuple[StandingStill, Database],
) -> None:
    proxy, database = between

    def works() -> bool:
        with database.read() as session:
            return session.exec(select(1)).one() == database.write(lambda tx: tx.exec(select(1)).one()) == 1

    assert works()
    proxy.flowing.clear()
    with pytest.raises(Unwritten):
        database.write(lambda tx: tx.exec(select(1)).one())
    with pytest.raises(DBAPIError) as read, database.read() as session:
        session.exec(select(1)).one()
    assert is_gone(read.value)
    assert database.lost.is_set()
    proxy.flowing.set()
    assert works()


def test_a_statement_that_takes_its_time_is_waited_for_by_commands(templates: Templates, tmp_path: Path) -> None:
    with templates.migrated_url("postgres", tmp_path) as url:
        database = Database(url)
        with database.read() as session:
            assert session.connection().execute(text("SELECT 1 FROM pg_sleep(1.5)")).scalar_one() == 1
        database.stop()


def test_a_server_that_has_nothing_to_tell_a_listener_is_not_silent(
    between: tuple[StandingStill, Database],
) -> None:
    _, database = between
    with database.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_autocommit(True)
        driver.execute("LISTEN anything")
        speaking = threading.Timer(1.5, lambda: database.write(lambda tx: tx.exec(text("NOTIFY anything, 'word'"))))
        speaking.start()
        assert [heard.payload for heard in driver.notifies(stop_after=1)] == ["word"]
        speaking.join()
        driver.set_autocommit(False)
