"""From "accepted" to the ERP: what lies between the answer that a buyer gets and the order's arrival at the ERP.

    PYTHONPATH=.:tests python tests/benchmarks/bench_latency.py [--seconds 60] [--rate 20]

Orders of 20 buyers at a steady rate, to a server that works as well and, on PostgreSQL, to a server with a worker of
its own. The ERP is a stub in a process of its own that notes when each order came. Aim: p99 at most 250 ms, stretch
60 ms. The reference of the same run is what a bare httpx client needs from the answer of a server that does nothing
to the same ERP at the same rate: what the machine itself takes.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from console import environment
from load import Fired, fire
from stage import SETTLING, Stage, free_port, kinds, process, python, staged, wait_until_ready
from stub_erp import RunningStub, stub_erp
from usage import load
from verdicts import verdict

ACCEPTED = 'code="200"'
AIM = 250.0
STRETCH = 60.0
ARRIVAL_SECONDS = 60.0


@dataclass(frozen=True)
class Between:
    """Milliseconds from the answer to the ERP; below 0 when the order was there before the buyer had the answer."""

    p50: float
    p99: float
    worst: float
    post_p99: float

    @staticmethod
    def of(milliseconds: Sequence[float], post_p99: float) -> "Between":
        rising = sorted(milliseconds)
        return Between(rising[len(rising) // 2], rising[int(len(rising) * 0.99)], rising[-1], post_p99)


def through(stage: Stage, erp: RunningStub, port: int, options: argparse.Namespace, prefix: str) -> Between:
    """The first seconds are not counted: what a process does once belongs to its start."""
    steady(stage, erp, port, options.rate, 3.0, f"{prefix}W")
    fired, answered, arrived = steady(stage, erp, port, options.rate, options.seconds, prefix)
    return Between.of([1000 * (arrived[number] - at) for number, at in answered.items()], fired.p99)


def steady(
    stage: Stage, erp: RunningStub, port: int, rate: float, seconds: float, prefix: str
) -> tuple[Fired, dict[str, float], dict[str, float]]:
    """What was fired, when each order was answered, and when each was at the ERP."""
    answers = stage.data / f"answers-{prefix}.json"
    fired = fire(
        port=port,
        body=stage.bodies,
        expect=ACCEPTED,
        prefix=prefix,
        seconds=seconds,
        rate=rate,
        connections=8,
        answers=answers,
    )
    answered: dict[str, float] = json.loads(answers.read_text())
    return fired, answered, all_of(answered, erp.received)


def all_of(answered: dict[str, float], received: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What the ERP has, once it has everything that was acknowledged."""
    until = time.monotonic() + ARRIVAL_SECONDS
    while missing := answered.keys() - (arrived := received()).keys():
        assert time.monotonic() < until, f"{len(missing)} of {len(answered)} orders did not reach the ERP"
        time.sleep(0.2)
    return arrived


def bare(folder: Path, erp: RunningStub, options: argparse.Namespace) -> Between:
    """Posts to a server that does nothing, and after each answer straight to the ERP."""
    port, answered, posts = free_port(), dict[str, float](), list[float]()
    command = (*python("noop_server.py"), str(port))
    with process(command, environment(), folder / "noop.log"), httpx.Client(trust_env=False) as client:
        wait_until_ready(port)
        began = time.monotonic()
        for turn in range(int(options.seconds * options.rate)):
            due = began + turn / options.rate
            time.sleep(max(0.0, due - time.monotonic()))
            client.post(f"http://127.0.0.1:{port}/cxml", content=b"x" * 5_000)
            answered[f"bare-{turn}"] = time.monotonic()
            posts.append(1000 * (time.monotonic() - due))
            client.post(f"{erp.url}/orders", content=b'{"reference":"bare-%d"}' % turn + b"x" * 5_000)
    arrived = all_of(answered, erp.received)
    posts.sort()
    return Between.of([1000 * (arrived[number] - at) for number, at in answered.items()], posts[len(posts) * 99 // 100])


def report(name: str, ours: Between, reference: Between) -> None:
    print(
        f"{name}: accepted to ERP p50 {ours.p50:.0f} ms, p99 {ours.p99:.0f} ms, worst {ours.worst:.0f} ms "
        f"(aim p99 {AIM:.0f} ms, stretch {STRETCH:.0f} ms); the post itself p99 {ours.post_p99:.0f} ms"
    )
    print(
        f"{name}: bare httpx p50 {reference.p50:.1f} ms, p99 {reference.p99:.1f} ms, its post p99 "
        f"{reference.post_p99:.1f} ms; p99 / bare {ours.p99 / reference.p99:.1f}; {load()}",
        flush=True,
    )
    verdict(f"{name}: accepted to ERP, p99", ours.p99, most=AIM, unit=" ms")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0)
    options = parser.parse_args()
    for kind in kinds()[::-1]:
        with stub_erp() as erp, staged(kind, erp_url=erp.url) as stage:
            reference = bare(stage.data, erp, options)
            with stage.embedded() as (port, _):
                report(f"{kind}, one process", through(stage, erp, port, options, "E"), reference)
            if kind == "postgres":
                with stage.serving() as (port,), stage.working():
                    time.sleep(SETTLING)
                    report(f"{kind}, server and worker", through(stage, erp, port, options, "W"), reference)


if __name__ == "__main__":
    main()
