"""How long a server and a worker take until they are ready, and how much memory they then hold.

    PYTHONPATH=.:tests python tests/benchmarks/bench_start.py [--turns 3]

The reference is a Python that imports starlette, uvicorn, sqlmodel and lxml and ends. Aim: at most 4 times that. A
server is ready when /readyz says yes, a worker when it is listed among the processes.
"""

import argparse
import subprocess
import sys
import time
from statistics import median
from typing import NamedTuple

from console import SCRIPT, environment
from sqlalchemy import create_engine, text
from stage import Stage, free_port, kinds, process, staged, wait_until_ready
from usage import cpu_seconds, load, resident
from verdicts import verdict

AIM = 4.0
BARE = "import starlette, uvicorn, sqlmodel, lxml; print(int(open('/proc/self/statm').read().split()[1]) * 4096)"


class Started(NamedTuple):
    seconds: float
    cpu: float
    memory: float
    """Megabytes."""


def server(stage: Stage) -> Started:
    began, port = time.monotonic(), free_port()
    with process((str(SCRIPT), "serve", "--port", str(port)), stage.environment, stage.data / "start.log") as started:
        wait_until_ready(port)
        return Started(time.monotonic() - began, cpu_seconds(started.pid), resident(started.pid) / 1e6)


def worker(stage: Stage) -> Started:
    engine = create_engine(stage.url)
    began = time.monotonic()
    with stage.working("start") as started, engine.connect() as connection:
        while not connection.execute(text("SELECT count(*) FROM cd_processes WHERE id = 'start'")).scalar_one():
            connection.rollback()
            assert started.poll() is None, "the worker ended"
            time.sleep(0.05)
        now = Started(time.monotonic() - began, cpu_seconds(started.pid), resident(started.pid) / 1e6)
    engine.dispose()
    return now


def bare() -> Started:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", f"{BARE}; import time; print(time.process_time())"],
        capture_output=True,
        check=True,
        env=environment(),
    )
    memory, cpu = done.stdout.split()
    return Started(time.monotonic() - began, float(cpu), int(memory) / 1e6)


def middle(turns: list[Started]) -> Started:
    return Started(*(median(values) for values in zip(*turns, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    for kind in kinds():
        with staged(kind, buyers=1) as stage:
            turns = [(bare(), server(stage), worker(stage)) for _ in range(options.turns)]
        reference, *ours = (middle(list(one)) for one in zip(*turns, strict=True))
        for name, one in zip(("serve", "worker"), ours, strict=True):
            print(
                f"{kind}: {name} ready after {one.seconds:.2f} s, {one.cpu:.2f} s of them CPU, {one.memory:.0f} MB; "
                f"bare imports {reference.seconds:.2f} s, {reference.cpu:.2f} s CPU, {reference.memory:.0f} MB; "
                f"CPU / bare {one.cpu / reference.cpu:.1f} (aim {AIM:.0f})"
            )
            verdict(f"{kind}: CPU until {name} is ready / bare imports", one.cpu / reference.cpu, most=AIM)
        print(f"{kind}: {load()}", flush=True)


if __name__ == "__main__":
    main()
