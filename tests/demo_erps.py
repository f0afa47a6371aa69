"""A demo ERP on a real socket, in a thread of the test's process, and an adapter that speaks to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from app.bridge.demo_erp.server import DemoErp, secret_of
from app.bridge.rest_json.adapter import RestJson
from app.clients.http import HttpClient, Limits, Reach
from app.clock import SystemClock


@dataclass(frozen=True)
class RunningErp:
    port: int
    data: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def told(self, **switch: Any) -> None:
        answer = httpx.post(f"{self.url}/switch", json=switch, trust_env=False)
        assert answer.status_code == 200, answer.text

    def received(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/received", trust_env=False).json()
        return answer


@contextmanager
def demo_erp(data: Path) -> Iterator[RunningErp]:
    erp = DemoErp(data, [secret_of(data)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(erp.app(), log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield RunningErp(listener.getsockname()[1], data)
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
    erp.store.close()


@contextmanager
def adapter(url: str, data: Path, *, total: float = 1.0, settle: float = 1.0, at_once: int = 100) -> Iterator[RestJson]:
    reach = Reach(plain_http=True, private=True, ports=None)
    with HttpClient(reach, Limits(total=total, connections=at_once)) as client:
        yield RestJson(
            client=client,
            clock=SystemClock(),
            url=url,
            source="crossdock/test",
            secrets=[secret_of(data)],
            settle=timedelta(seconds=settle),
            at_once=at_once,
        )
