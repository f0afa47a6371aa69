"""A worker that finds a backlog: orders a second from the first to the last, and whether it grows on the way.

    PYTHONPATH=.:tests python tests/benchmarks/bench_drain.py [--orders 2000]

`--orders 100000` is the long form. The orders stand in 200 lanes; the worker is the console command, the ERP a stub in
a process of its own. Prints rate and memory for each tenth. Aim: the last tenths as fast as the first (at least 0.8),
and memory flat: less than 5 MB more for each 10,000 orders once the first tenth is over.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise

from backlog import fill
from stage import Stage, kinds, staged
from stub_erp import RunningStub, stub_erp
from usage import cpu_seconds, load, resident
from verdicts import verdict

TENTHS = 10
LANES = 200
FLAT = 5.0
AS_FAST = 0.8
PATIENCE = 120.0
"""Seconds in which some order must have come."""


@dataclass(frozen=True)
class Seen:
    delivered: int
    at: float
    cpu: float
    memory: int


def drained(stage: Stage, erp: RunningStub, orders: int) -> list[Seen]:
    """What was seen as each tenth was over, the beginning first."""
    seen: list[Seen] = []
    with stage.working() as worker:
        last, moved = 0, time.monotonic()
        while len(seen) <= TENTHS:
            count = erp.count()
            if count > last:
                last, moved = count, time.monotonic()
            assert time.monotonic() - moved < PATIENCE, f"{count} of {orders} and no more"
            if count and count >= orders * len(seen) // TENTHS:
                seen.append(Seen(count, time.monotonic(), cpu_seconds(worker.pid), resident(worker.pid)))
            time.sleep(0.05)
    return seen


def slope(seen: list[Seen]) -> float:
    """Megabytes for each 10,000 orders, by least squares, without the first tenth in which caches fill."""
    points = [(one.delivered, one.memory / 1e6) for one in seen[1:]]
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return 10_000 * sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def report(kind: str, seen: list[Seen], orders: int) -> None:
    tenths = list(pairwise(seen))
    rates = [(after.delivered - before.delivered) / (after.at - before.at) for before, after in tenths]
    costs = [1000 * (after.cpu - before.cpu) / (after.delivered - before.delivered) for before, after in tenths]
    for rate, cost, (_, after) in zip(rates, costs, tenths, strict=True):
        print(f"{kind}: {after.delivered:>7,}  {rate:6.0f}/s  {cost:5.1f} ms CPU each  {after.memory / 1e6:6.1f} MB")
    whole = (seen[-1].delivered - seen[0].delivered) / (seen[-1].at - seen[0].at)
    cost_ratio, growth = sum(costs[:3]) / sum(costs[-3:]), slope(seen)
    print(
        f"{kind}: {orders:,} orders drained at {whole:.0f}/s; first tenths / last tenths in CPU {cost_ratio:.2f} "
        f"(aim {AS_FAST}), in time {sum(rates[-3:]) / sum(rates[:3]):.2f}; memory {growth:+.1f} MB for each 10,000 "
        f"(aim below {FLAT:.0f}); {load()}",
        flush=True,
    )
    verdict(f"{kind}: CPU of an order, first tenths / last tenths", cost_ratio, least=AS_FAST)
    verdict(f"{kind}: memory for each 10,000 orders", growth, most=FLAT, unit=" MB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--kind", choices=("sqlite", "postgres"))
    options = parser.parse_args()
    for kind in (options.kind,) if options.kind else kinds():
        with stub_erp() as erp, staged(kind, LANES, erp_url=erp.url) as stage:
            with stage.gateway() as gateway:
                fill(gateway, options.orders, prefix="D")
            report(kind, drained(stage, erp, options.orders), options.orders)


if __name__ == "__main__":
    main()
