"""kill -9 of two workers on the same lanes at any moment: each order is at the ERP once, in its lane's order."""

import random
import time

import long_form
import pytest
from fault_report import FaultReport
from fault_site import Site, load, until

LONG = pytest.param(long_form.orders(10_000), 20, 10.0, marks=pytest.mark.long)


@pytest.mark.parametrize(("orders", "rounds", "longest"), [(60, 1, 0.3), LONG], ids=["short", "long"])
def test_two_workers_die_at_any_moment(
    orders: int, rounds: int, longest: float, site: Site, faults: FaultReport
) -> None:
    """The moment is drawn; whoever was killed starts again under its id."""
    chance = random.Random(orders)
    web = site.web()
    with load(site, orders, f"PAIR-{site.kind}") as buyers:
        for _ in range(rounds):
            pair = [site.worker("worker-1"), site.worker("worker-2")]
            before = len(site.arrived())
            until(lambda: len(site.arrived()) > before, "orders arrive")  # noqa: B023 - awaited here
            time.sleep(chance.uniform(0, longest))
            for one in pair:
                one.process.kill()
                one.dies()
        pair = [site.worker("worker-1"), site.worker("worker-2")]
        acknowledged = buyers.finish()
    site.until_drained()
    site.judge(faults, f"two workers killed at any moment, {rounds} times", acknowledged)
    for one in [*pair, web]:
        one.ends()
