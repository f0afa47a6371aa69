"""A production set-up made by hand, command by command, with the server and a worker as processes of their own."""

import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from console import SCRIPT, environment, run, two_free_ports
from databases import KINDS, empty_url
from demo_orders import order_bytes

from app.catalog.demo import demo_files
from app.sandbox.access import Cxml, Identity
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView


@contextmanager
def process(*arguments: str, **extra: str) -> "Iterator[subprocess.Popen[bytes]]":
    running = subprocess.Popen(
        [SCRIPT, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(extra),
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def answers(url: str) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_goes_through_what_commands_have_set_up(kind: str, tmp_path: Path) -> None:
    port = two_free_ports()
    base_url, erp_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    with empty_url(kind, tmp_path) as url:
        data = tmp_path / "data"
        shared = {
            "CROSSDOCK_DATA": str(data),
            "CROSSDOCK_DATABASE_URL": url,
            "CROSSDOCK_BASE_URL": base_url,
            "CROSSDOCK_ERP_PRIVATE_NETWORKS": "true",
        }

        def crossdock(*arguments: str, stdin: bytes = b"") -> str:
            done = run(*arguments, stdin=stdin, **shared)
            assert done.returncode == 0, (done.stdout + done.stderr).decode()
            return done.stdout.decode()

        assert "administrator: admin, password: " in crossdock("init")
        assert "password" not in crossdock("init")
        for name, content in demo_files().items():
            (tmp_path / name).write_bytes(content)
        assert "76 new items" in crossdock("catalog", "import", *(str(tmp_path / name) for name in demo_files()))
        crossdock("customer", "add", "10010", "--name", "Atlas", "--currency", "EUR", "--price-list", "atlas")
        crossdock("customer", "set", "10010", "orders", json.dumps({"without_flow": "approve"}))
        crossdock("customer", "ship-to", "10010", "WERK-1", "--name", "Works", "--city", "Hamburg", "--country", "DE")
        secret = secrets.token_hex(12)
        crossdock(
            *("partner", "add", "Atlas procurement", "--sender", "NetworkId/ATLAS", "--from", "DUNS/1=10010"),
            *("--to", "NetworkId/US", "--secret-stdin"),
            stdin=f"{secret}\n".encode(),
        )
        with process("demo-erp", "--port", str(port + 1), "--data", str(tmp_path / "erp")):
            assert answers(f"{erp_url}/switch")
            crossdock(
                *("erp", "set", "main", json.dumps({"url": erp_url, "plain_http": True}), "--secret-stdin"),
                stdin=(tmp_path / "erp" / "demo-erp.secret").read_bytes(),
            )
            assert "run against a stand-in" in crossdock("erp", "list")
            assert crossdock("check-config").endswith("no problem found\n")
            with (
                process("serve", "--web-only", "--port", str(port), **shared),
                process("worker", **shared, CROSSDOCK_WORKER_ID="worker-2"),
            ):
                assert answers(f"{base_url}/readyz")
                for command in (["worker"], ["serve", "--port", str(two_free_ports())]):
                    twin = run(*command, **shared, CROSSDOCK_WORKER_ID="worker-2")
                    assert twin.returncode == 1
                    assert b"'worker-2' works on this database already" in twin.stderr
                buyer = VirtualBuyer(
                    Cxml(
                        url=f"{base_url}/cxml",
                        from_=Identity(domain="DUNS", identity="1"),
                        to=Identity(domain="NetworkId", identity="US"),
                        sender=Identity(domain="NetworkId", identity="ATLAS"),
                        secret=secret,
                    )
                )
                reply = buyer.post(order_bytes(buyer, "PO-1"))
                buyer.close()
                assert (reply.http, reply.code) == (200, 200), reply
                found = ErpView(erp_url).wait_for("PO-1")
                assert found is not None
                assert found.lines[0].sku == "TO-2010"
                assert secret not in crossdock("partner", "show", "Atlas procurement")
