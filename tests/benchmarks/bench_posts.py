"""Durable cXML orders a second, against the same POST without storing and a POST that does nothing.

    PYTHONPATH=.:tests python tests/benchmarks/bench_posts.py [--seconds 5] [--connections 32]

Each order has 10 lines and comes from one of 20 buyers. It is authenticated, read, checked against catalog and rules,
sealed, committed with its key, its answer, its record and its place in the lane, and enqueued, before it is answered.
All of it by turns in one run. Aim: 0.6 of the same POST without storing, stretch 0.8.
"""

import argparse
from collections.abc import Sequence
from statistics import mean

from load import Fired, fire
from stage import Stage, kinds, python, staged
from verdicts import verdict

ACCEPTED = 'code="200"'


def rate(stage: Stage, ports: Sequence[int], options: argparse.Namespace, prefix: str) -> Fired:
    return fire(
        port=ports,
        body=stage.bodies,
        expect=ACCEPTED,
        prefix=prefix,
        seconds=options.seconds,
        warm=1.0,
        connections=options.connections,
    )


def compare(kind: str, processes: int, options: argparse.Namespace) -> None:
    durable, unstored, noop = [], [], []
    with staged(kind) as stage:
        with (
            stage.serving(processes) as ours,
            stage.serving(processes, command=python("unstored_server.py")) as theirs,
            stage.serving(processes, command=python("noop_server.py")) as nothing,
        ):
            for turn in range(options.turns):
                durable.append(rate(stage, ours, options, f"D{turn}"))
                unstored.append(rate(stage, theirs, options, f"U{turn}"))
                noop.append(rate(stage, nothing, options, f"N{turn}"))
        taken = sum(fired.count for fired in durable)
        kept = stage.count("cd_orders")
        assert kept >= taken, f"{taken} orders were answered and {kept} kept"
        assert stage.count("cd_deliveries") == kept
    ours_, theirs_, nothing_ = (mean(f.per_second for f in rates) for rates in (durable, unstored, noop))
    name = f"{kind}, {processes} web process{'es' if processes > 1 else ''}"
    print(f"{name}: no-op {nothing_:,.0f}/s, not stored {theirs_:,.0f}/s, durable {ours_:,.0f}/s")
    print(
        f"{name}: durable / not stored {ours_ / theirs_:.2f} (aim 0.60, stretch 0.80), / no-op {ours_ / nothing_:.2f}"
    )
    print(f"{name}: durable p50 {durable[-1].p50:.0f} ms, p99 {durable[-1].p99:.0f} ms", flush=True)
    verdict(f"{name}: durable posts / not stored", ours_ / theirs_, least=0.6)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    for kind in kinds():
        for processes in (1, 2):
            compare(kind, processes, options)


if __name__ == "__main__":
    main()
