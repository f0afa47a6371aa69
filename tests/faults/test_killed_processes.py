"""kill -9 of the web process and of the worker at each named point, in the middle of load: what was acknowledged is at
the ERP once and in its lane's order, and its outcome with the buyer. Every process is the real console script.

One process after the other dies, each at another point and with the work that those before it left behind."""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count

import long_form
import pytest
from fault_report import FaultReport
from fault_site import Site, load
from kill_points import DELIVERY, INTAKE, REPLY

MANY = long_form.orders(10_000) // len([*INTAKE, *DELIVERY, *REPLY])
FORMS = [pytest.param(12, 4, id="short"), pytest.param(MANY, MANY // 4, id="long", marks=pytest.mark.long)]
"""Orders for each point, and the pass at which the process dies, so that some are through and some on their way."""

_runs = count(1)


def prefixes(points: Sequence[str]) -> list[tuple[str, str]]:
    """The points, and what order numbers begin with at each."""
    run = next(_runs)
    return [(point, f"K{run}{point.replace('.', '-')}") for point in points]


@pytest.mark.parametrize(("orders", "dies_at"), FORMS)
def test_web_processes_die_while_orders_come_in(orders: int, dies_at: int, site: Site, faults: FaultReport) -> None:
    worker = site.worker()
    with ExitStack() as posting:
        loads = {}
        for point, prefix in prefixes(INTAKE):
            dying = site.web(f"{point}:{dies_at}")
            loads[point] = posting.enter_context(load(site, orders, prefix))
            dying.dies()
        web = site.web()
        acknowledged = {point: buyers.finish() for point, buyers in loads.items()}
        for buyers in loads.values():
            buyers.again()
    site.until_drained()
    for point, numbers in acknowledged.items():
        site.judge(faults, f"web process killed at {point}", numbers)
    worker.ends()
    web.ends()


@pytest.mark.parametrize(("orders", "dies_at"), FORMS)
def test_workers_die_while_they_work(orders: int, dies_at: int, site: Site, faults: FaultReport) -> None:
    web = site.web()
    acknowledged = {}
    for point, prefix in prefixes([*DELIVERY, *REPLY]):
        with load(site, orders, prefix) as buyers:
            acknowledged[point] = buyers.finish()
        site.worker(kill_at=f"{point}:{dies_at}").dies()
    worker = site.worker()
    site.until_drained()
    for point, numbers in acknowledged.items():
        site.judge(faults, f"worker killed at {point}", numbers)
        site.judge_confirmations(faults, f"worker killed at {point}: outcomes at the buyers", numbers)
    worker.ends()
    web.ends()
