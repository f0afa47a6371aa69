"""`crossdock init` of a release beside a server that serves: orders are taken and delivered all the while."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from console import demo, run
from databases import KINDS, empty_url
from demo_orders import order_bytes

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView
from app.storage import schema
from app.storage.database import Database

OLDER = "0032"
"""After it came indexes only: a process of this release takes orders on a database of that one."""


@contextmanager
def posting(access: DemoAccess) -> Iterator[dict[str, int | None]]:
    """One order after the other meanwhile, at most 40; what each was answered."""
    ended, answered = threading.Event(), dict[str, int | None]()

    def post() -> None:
        buyer = VirtualBuyer(access.cxml)
        while not (ended.is_set() and answered) and len(answered) < 40:
            number = f"UP-{secrets.token_hex(4)}"
            answered[number] = buyer.post(order_bytes(buyer, number)).code
        buyer.close()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield answered
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_a_migration_beside_a_server_loses_no_order(kind: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ExitStack() as stack:
        extra = {}
        url = f"sqlite:///{data / 'crossdock.db'}"
        if kind == "postgres":
            url = extra["CROSSDOCK_DATABASE_URL"] = stack.enter_context(empty_url(kind, tmp_path))
        serving = stack.enter_context(demo(data, **extra))
        database = Database(url, pool=2)
        stack.callback(database.stop)
        schema.downgrade(database.engine, OLDER)
        with posting(serving.access) as answered:
            done = run("init", "--data", str(data), timeout=120, **extra)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        with database.read() as session:
            assert not schema.pending(session.connection())
        assert set(answered.values()) == {200}
        erp = ErpView(serving.access.erp_url)
        for number in answered:
            assert erp.wait_for(number) is not None
        assert erp.doubles() == 0
        assert serving.stop() == 0
