"""The real console script as a process of its own, with what it wrote, and no way for it to outlive its test."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.sandbox import access

SCRIPT = Path(sys.executable).with_name("crossdock")
START_SECONDS = 120
STOP_SECONDS = 30.0


def two_free_ports() -> int:
    """A port that is free and whose successor is free too; below those from which the system takes ports of its own for
    outgoing connections, so that both are still free when a process starts a second time."""
    for port in random.sample(range(10_000, 32_000, 2), 1_000):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no two neighbouring ports are free")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without settings of ours that would leak into the one started."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **(extra or {})}


def run(*arguments: str, stdin: bytes = b"", timeout: float = 60, **extra: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [SCRIPT, *arguments], input=stdin, capture_output=True, timeout=timeout, env=environment(extra), check=False
    )


class Demo:
    """A running `crossdock demo`; `access` is what it wrote for scripts."""

    def __init__(self, data: Path, port: int | None = None, **extra: str) -> None:
        self.data = data
        self.port = port or two_free_ports()
        self.log = data.with_name(f"{data.name}.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [SCRIPT, "demo", "--port", str(self.port), "--data", str(data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(extra),
            )

    def ready(self) -> "Demo":
        """Waits until it takes work. Raises with its output when it ends or takes too long."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        self.kill()
        raise AssertionError(f"the demo did not become ready:\n{self.output[-4000:]}")

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def access(self) -> access.DemoAccess:
        read = access.load(self.data)
        assert read is not None
        return read

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the demo did not stop:\n{self.output[-4000:]}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def demo(data: Path, port: int | None = None, **extra: str) -> Iterator[Demo]:
    started = Demo(data, port, **extra)
    try:
        yield started.ready()
    finally:
        if started.process.poll() is None:
            started.kill()
