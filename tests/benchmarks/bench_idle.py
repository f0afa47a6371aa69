"""What waiting costs: the processor time of an idle worker and of an idle server that works as well.

    PYTHONPATH=.:tests python tests/benchmarks/bench_idle.py [--seconds 60]

in percent of one processor, against an idle server of the same kind that does nothing. Aim: at most 3 %, with the
setting that bench_latency.py is measured with.
"""

import argparse
import time

from stage import SETTLING, Stage, free_port, kinds, process, python, staged, wait_until_ready
from usage import cpu_seconds, load
from verdicts import verdict

AIM = 3.0


def percent(pid: int, seconds: float) -> float:
    """Of one processor, once what a start brings with it is over."""
    time.sleep(SETTLING)
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)


def measure(kind: str, stage: Stage, seconds: float) -> None:
    with stage.working() as worker:
        worked = percent(worker.pid, seconds)
    with stage.embedded() as (_, server):
        served = percent(server.pid, seconds)
    port = free_port()
    with process((*python("noop_server.py"), str(port)), stage.environment, stage.data / "noop.log") as noop:
        wait_until_ready(port)
        nothing = percent(noop.pid, seconds)
    print(f"{kind}: idle worker {worked:.1f} %, server and worker {served:.1f} % (aim {AIM:.0f} %), ", end="")
    print(f"a server that does nothing {nothing:.1f} %; {load()}", flush=True)
    verdict(f"{kind}: an idle worker", worked, most=AIM, unit=" %")
    verdict(f"{kind}: an idle server that works as well", served, most=AIM, unit=" %")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    for kind in kinds():
        with staged(kind, buyers=1) as stage:
            measure(kind, stage, options.seconds)


if __name__ == "__main__":
    main()
