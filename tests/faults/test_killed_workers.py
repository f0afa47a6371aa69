"""kill -9 of two workers on the same lanes at any moment: each order is at the ERP once, in its lane's order."""

import random
import time

import long_form
import pytest
from fault_report import FaultReport
from fault_site import Running, Site, load, until

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
            before = len(site.arrived())
            pair = both(site)
            until(lambda: len(site.arrived()) > before, "orders arrive")  # noqa: B023 - awaited here
            time.sleep(chance.uniform(0, longest))
            for one in pair:
                one.process.kill()
                one.dies()
        pair = both(site)
        acknowledged = buyers.finish()
    site.until_drained()
    for one in pair:
        one.until_works()
    site.judge(faults, f"two workers killed at any moment, {rounds} times", acknowledged)
    for one in [*pair, web]:
        one.ends()


def both(site: Site) -> list[Running]:
    """Begun at the same time: one that waited for the other could find the orders delivered."""
    return [site.start("worker", CROSSDOCK_WORKER_ID=name) for name in ("worker-1", "worker-2")]
