"""An ERP that takes every order at once and remembers when it came: for benchmarks, a process of its own."""

import asyncio
import json
import multiprocessing
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

import httpx

ANSWER: Final = b'{"id": "1", "number": "SO-1"}'
_REFERENCE: Final = re.compile(rb'"reference":"([^"]*)"')

received: dict[str, float] = {}
"""In the ERP's process: by order number, the monotonic time (one clock for all processes) of its first arrival."""


class StubErp(asyncio.Protocol):
    """Answers every POST with the same words as soon as its body is there, every GET with what was received."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.read = b""

    def data_received(self, data: bytes) -> None:
        self.read += data
        head, found, body = self.read.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self.read = body[length:]
        if head.startswith(b"GET /received"):
            self._say(b"200 OK", json.dumps(received).encode())
        elif head.startswith(b"GET /count"):
            self._say(b"200 OK", str(len(received)).encode())
        elif head.startswith(b"GET"):
            self._say(b"200 OK", b'{"orders": []}')
        else:
            reference = _REFERENCE.search(body)
            received.setdefault(reference[1].decode() if reference else "", time.monotonic())
            self._say(b"201 Created", ANSWER)

    def _say(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.transport.write(head + body)


def _serve(said: "Connection[int, None]") -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(StubErp, "127.0.0.1", 0, backlog=1_000)
        said.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@dataclass(frozen=True)
class RunningStub:
    url: str

    def received(self) -> dict[str, float]:
        times: dict[str, float] = httpx.get(f"{self.url}/received", trust_env=False, timeout=30).json()
        return times

    def count(self) -> int:
        return int(httpx.get(f"{self.url}/count", trust_env=False, timeout=30).text)


@contextmanager
def stub_erp() -> Iterator[RunningStub]:
    heard, said = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(said,), daemon=True)
    process.start()
    try:
        yield RunningStub(f"http://127.0.0.1:{heard.recv()}")
    finally:
        process.terminate()
        process.join(10)
