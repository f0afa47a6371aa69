"""An ERP that is gone for a day, for the real processes under libfaketime: their clock goes on by a day while a minute
or two pass. Orders are taken and approved all the while, and afterwards each is at the ERP once and in order."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import long_form
import pytest
from databases import KINDS, Templates
from demo_orders import order_bytes
from fault_report import FaultReport
from fault_site import NAMES, Site, a_site, load, until
from preloaded import library

from app.sandbox.approver import Approver
from app.sandbox.buyer import VirtualBuyer
from app.storage.breakers import FAILURES

pytestmark = pytest.mark.long

DAY, HALF_HOUR = timedelta(days=1), timedelta(minutes=30)
SEEN = 1.5
"""Seconds after which a process has noticed where its clock was moved to."""
ORDERS = long_form.orders(1_920) // (DAY // HALF_HOUR)
"""Each half hour."""
CUSTOMERS = 20
AT_ONCE = 8
"""Calls that may be under way when the ERP goes."""


class FakedTime:
    """The clock of all processes that run with `environment`. The monotonic one stays: who waits, waits as long."""

    def __init__(self, folder: Path) -> None:
        found = next(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"), None)
        if found is None:
            pytest.skip("libfaketime is not installed here")
        self._ahead, self._file = timedelta(), folder / "faked-time"
        self.move(timedelta())
        self.environment = {
            "LD_PRELOAD": f"{library(Path(__file__).with_name('sleep.c'), folder)} {found}",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, by: timedelta) -> None:
        self._ahead += by
        draft = self._file.with_suffix(".new")
        draft.write_text(f"+{self._ahead.total_seconds():.0f}\n")
        draft.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> FakedTime:
    return FakedTime(tmp_path)


@pytest.fixture(params=KINDS)
def faked(request: pytest.FixtureRequest, clock: FakedTime, templates: Templates, tmp_path: Path) -> Iterator[Site]:
    with (
        templates.own_url(request.param, tmp_path) as url,
        a_site(NAMES[request.param], url, tmp_path, customers=CUSTOMERS, **clock.environment) as made,
    ):
        yield made


def test_a_day_without_the_erp_passes_for_the_processes(faked: Site, clock: FakedTime, faults: FaultReport) -> None:
    running = [faked.web(), faked.worker()]
    faked.erp.kill()
    acknowledged: dict[str, list[str]] = defaultdict(list)
    for step in range(DAY // HALF_HOUR):
        clock.move(HALF_HOUR)
        time.sleep(SEEN)
        with load(faked, ORDERS, f"DAY{step:02}") as buyers:
            for customer, numbers in buyers.finish().items():
                acknowledged[customer] += numbers
        if step % 8 == 0:
            acknowledged["approved"].append(approved(faked, f"DAY-approved-{step:02}"))
    assert faked.number("SELECT sum(attempts) FROM cd_deliveries") <= FAILURES + AT_ONCE
    assert faked.arrived() == []

    faked.start_erp()

    def an_order_arrives() -> bool:
        clock.move(timedelta(minutes=1))
        time.sleep(SEEN)
        return bool(faked.arrived())

    until(an_order_arrives, "the ERP is tried again")
    faked.until_drained(900)
    faked.judge(faults, "a day without the ERP, under libfaketime", acknowledged)
    for one in running:
        one.ends()


def approved(site: Site, number: str) -> str:
    """An order that a person decided."""
    buyer = VirtualBuyer(site.access.cxml)
    assert buyer.post(order_bytes(buyer, number, 20, followup_url=site.inbox.url)).code == 201
    buyer.close()
    with Approver(site.base_url, site.access.user("approver")) as approver:
        assert approver.opens(number)
        approver.approve()
    return number
