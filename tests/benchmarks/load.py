"""The load generator: raw sockets with keep-alive, the same for our server and for whatever it is held against.

    python tests/benchmarks/load.py --port 8000 --path /cxml --body order.xml --seconds 5 --connections 32

runs as a process of its own, so that it shares no interpreter with a server, and prints one JSON object. Every post has
another number in place of the mark. Closed loop: each connection posts again as soon as it is answered. With `--rate`
open loop: posts fall due at fixed times, and a post's latency counts from when it was due. `--answers FILE` has the
monotonic time of each right answer written there, by number.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httptools
import uvloop

MARK = b"@@NUMBER@@"


@dataclass(frozen=True)
class Fired:
    """What came of a run. `wrong` answers are not among those counted; `sample` is one of them. Milliseconds."""

    count: int
    wrong: int
    seconds: float
    p50: float
    p99: float
    worst: float
    sample: str = ""

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


@dataclass
class Shots:
    """What is posted, and what has come back."""

    path: str
    templates: list[list[bytes]]
    prefix: str
    expect: bytes
    media_type: str
    fired: int = 0
    wrong: int = 0
    sample: bytes = b""
    latencies: list[float] = field(default_factory=list)
    answers: dict[str, float] = field(default_factory=dict)

    def next(self) -> tuple[str, bytes]:
        """The number, and the request."""
        self.fired += 1
        template = self.templates[self.fired % len(self.templates)]
        number = f"{self.prefix}{self.fired:07d}"
        body = number.encode().join(template)
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {self.media_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return number, head.encode() + body

    def answered(self, number: str, status: int, body: bytes, since: float) -> None:
        if status == 200 and self.expect in body:
            self.latencies.append(time.monotonic() - since)
            self.answers[number] = time.monotonic()
        else:
            self.wrong += 1
            self.sample = self.sample or f"HTTP {status} ".encode() + body[:500]


class Connection(asyncio.Protocol):
    """Posts one after the other until `ends`; in open loop, whatever `due` hands it."""

    def __init__(self, shots: Shots, ends: float, due: "asyncio.Queue[float] | None") -> None:
        self.shots = shots
        self.ends = ends
        self.due = due
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.body = b""
        self._go_on()

    def _go_on(self) -> None:
        if self.due is not None:
            self.turn = asyncio.ensure_future(self._wait_for_turn(self.due))
        elif time.monotonic() < self.ends:
            self._post(time.monotonic())
        else:
            self.transport.close()

    async def _wait_for_turn(self, due: "asyncio.Queue[float]") -> None:
        since = await due.get()
        if since < 0:
            self.transport.close()
        else:
            self._post(since)

    def _post(self, since: float) -> None:
        self.since = since
        self.number, request = self.shots.next()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.shots.answered(self.number, self.parser.get_status_code(), self.body, self.since)
        self.body = b""
        # A parser that is kept over messages would need its own reset.
        self.parser = httptools.HttpResponseParser(self)
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.shots.wrong += 1
            self.shots.sample = self.shots.sample or repr(error).encode()
        if not self.finished.done():
            self.finished.set_result(None)


async def shoot(shots: Shots, ports: list[int], connections: int, seconds: float, rate: float | None) -> float:
    """Seconds from the first post to the last answer."""
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[float] | None = asyncio.Queue() if rate else None
    began = time.monotonic()
    protocols = []
    for number in range(connections):
        _, protocol = await loop.create_connection(
            lambda: Connection(shots, began + seconds, due), "127.0.0.1", ports[number % len(ports)]
        )
        protocols.append(protocol)
    if rate and due is not None:
        for turn in range(int(seconds * rate)):
            at = began + turn / rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            due.put_nowait(at)
        for _ in protocols:
            due.put_nowait(-1.0)
    await asyncio.gather(*(protocol.finished for protocol in protocols))
    return time.monotonic() - began


def run(arguments: argparse.Namespace) -> Fired:
    shots = Shots(
        path=arguments.path,
        templates=[body.read_bytes().split(MARK) for body in arguments.body],
        prefix=arguments.prefix,
        expect=arguments.expect.encode(),
        media_type=arguments.media_type,
    )
    uvloop.install()
    if arguments.warm:
        asyncio.run(shoot(shots, arguments.port, arguments.connections, arguments.warm, None))
        shots.latencies.clear()
        shots.answers.clear()
    seconds = asyncio.run(shoot(shots, arguments.port, arguments.connections, arguments.seconds, arguments.rate))
    if arguments.answers:
        arguments.answers.write_text(json.dumps(shots.answers))
    milliseconds = sorted(latency * 1000 for latency in shots.latencies) or [0.0]
    return Fired(
        count=len(shots.latencies),
        wrong=shots.wrong,
        seconds=seconds,
        p50=milliseconds[len(milliseconds) // 2],
        p99=milliseconds[int(len(milliseconds) * 0.99)],
        worst=milliseconds[-1],
        sample=shots.sample.decode(errors="replace"),
    )


def fire(**options: Any) -> Fired:
    """Runs this file as a process; `port` and `body` may be several. Raises AssertionError when an answer was wrong."""
    command = [sys.executable, __file__]
    for name, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            command += [f"--{name.replace('_', '-')}", str(one)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    fired = Fired(**json.loads(done.stdout))
    assert fired.wrong == 0, f"{fired.wrong} wrong answers, such as {fired.sample}"
    return fired


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, action="append", required=True)
    parser.add_argument("--path", default="/cxml")
    parser.add_argument("--body", type=Path, action="append", required=True, help="several are posted in turn")
    parser.add_argument("--media-type", default="text/xml; charset=UTF-8")
    parser.add_argument("--prefix", default="N", help="of the numbers, so that no two runs post the same")
    parser.add_argument("--expect", default="", help="a text that every right answer holds")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm", type=float, default=0.0, help="seconds of posting before anything counts")
    parser.add_argument("--rate", type=float, default=None, help="posts a second, in open loop")
    parser.add_argument("--answers", type=Path, default=None, help="where the times of the answers go")
    print(json.dumps(asdict(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
