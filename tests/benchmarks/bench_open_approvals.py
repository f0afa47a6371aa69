"""Many approvals that wait: a person's inbox, the sweep that looks for timers that were lost, and what an idle worker
costs beside them, each against the same with none waiting.

    PYTHONPATH=.:tests python tests/benchmarks/bench_open_approvals.py [--tasks 100000] [--seconds 30]

Every task is open, has a reminder to come and its delayed work item in the engine; a hundredth of them are of the
person whose inbox is looked at. Aim: the first page, and a sweep that finds nothing, in a quarter of a second; an idle
worker at most 3 % of a processor.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import figures_traffic as traffic
from bench_idle import percent
from sqlalchemy import text
from sqlmodel import Session
from stage import Stage, kinds, staged
from usage import load, took
from verdicts import verdict

from app.approval.steps import State, TaskState
from app.gateway import Gateway
from app.jobs import sweep
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.base import LIVE, new_id
from app.storage.orders import OrderRow, OrderState
from app.storage.people import PersonRow
from app.web.approvals import inbox
from app.web.approvals.inbox import InboxFilter, Sort
from app.work import APPROVAL_TIMER, TaskId

QUARTER = 0.25
IDLE = 3.0
LOST = 200
PIECE = 1_000


def people(gateway: Gateway) -> list[PersonRow]:
    at = gateway.clock.now()
    made = [
        PersonRow(realm=LIVE, login=f"a{n:02}", name=f"Approver {n}", roles=["approver"], created_at=at)
        for n in range(100)
    ]
    gateway.database.write(lambda tx: tx.add_all(made))
    return made


def fill(gateway: Gateway, count: int, asked: list[PersonRow]) -> list[str]:
    """Ids of the tasks."""
    now = gateway.clock.now()
    trades = traffic.traders(gateway, 40)
    orders = [
        traffic.order(trades[n % 40], now - timedelta(seconds=count - n), f"W-{n}", OrderState.AWAITING_APPROVAL)
        for n in range(count)
    ]
    runs = {one["id"]: new_id() for one in orders}
    tasks = [new_id() for _ in orders]

    def run(one: dict[str, Any]) -> dict[str, Any]:
        step = {"key": "lead", "name": "Lead", "quorum": "any", "rejects": "first", "reasons": []}
        return {
            "id": runs[one["id"]],
            "realm": LIVE,
            "order_id": one["id"],
            "revision": 1,
            "order_hash": "0" * 64,
            "flow_version_id": None,
            "state": State.OPEN,
            "stages": 1,
            "stage": 0,
            "hold_when_nobody_is_asked": False,
            "opened": [[step]],
            "excluded": [],
            "explanation": {},
            "began_at": one["received_at"],
            "version": 1,
        }

    def task(place: int, one: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": tasks[place],
            "realm": LIVE,
            "run_id": runs[one["id"]],
            "order_id": one["id"],
            "customer_id": one["customer_id"],
            "stage": 0,
            "step": "lead",
            "assignee_id": asked[place % len(asked)].id,
            "state": TaskState.OPEN,
            "opened_at": one["received_at"],
            "due_at": now + timedelta(days=3),
            "remind_at": now + timedelta(days=2),
            "wake_at": now + timedelta(days=2, seconds=place),
            "reminded": False,
            "overdue": False,
            "merged": False,
        }

    traffic.put(gateway, OrderRow, orders)
    traffic.put(gateway, RunRow, map(run, orders))
    traffic.put(gateway, RunTaskRow, (task(place, one) for place, one in enumerate(orders)))
    return tasks


def set_timers(gateway: Gateway, tasks: list[str]) -> None:
    wake = gateway.clock.now() + timedelta(days=2)

    def enqueue(some: list[str], tx: Session) -> None:
        for one in some:
            gateway.engine.enqueue(tx, APPROVAL_TIMER, TaskId(realm=LIVE, task_id=one), at=wake, work_id=f"timer:{one}")

    for begin in range(0, len(tasks), PIECE):
        gateway.database.write(partial(enqueue, tasks[begin : begin + PIECE]), patience=60)


def pages(gateway: Gateway, person: PersonRow) -> Iterator[tuple[str, float]]:
    now = gateway.clock.now()
    shown = {
        "first page": InboxFilter(),
        "by amount": InboxFilter(sort=Sort.AMOUNT),
        "text found nowhere": InboxFilter(text="no such word"),
    }
    for name, chosen in shown.items():

        def look(chosen: InboxFilter = chosen) -> None:
            with gateway.database.read() as session:
                inbox.listed(session, person, chosen, now)

        yield name, took(look)


def swept(gateway: Gateway, now: datetime) -> float:
    return took(lambda: sweep.sweep(gateway, now))


def lose(gateway: Gateway, tasks: list[str]) -> None:
    """As if so many timers had rung while nobody listened."""
    long_ago = gateway.clock.now() - timedelta(hours=1)
    wake = text("UPDATE cd_run_tasks SET wake_at = :at WHERE id = :id")
    at = long_ago.replace(tzinfo=None) if gateway.database.sqlite else long_ago
    gateway.database.write(lambda tx: tx.connection().execute(wake, [{"at": at, "id": one} for one in tasks]))


def idle(stage: Stage, seconds: float) -> float:
    with stage.working() as worker:
        return percent(worker.pid, seconds)


def measure(kind: str, tasks: int, seconds: float) -> None:
    with staged(kind, buyers=1) as stage:
        none_idle = idle(stage, seconds)
        with stage.gateway() as gateway:
            asked = people(gateway)
            none_pages = dict(pages(gateway, asked[0]))
            none_swept = swept(gateway, gateway.clock.now())
            made = fill(gateway, tasks, asked)
            set_timers(gateway, made)
            if kind == "postgres":
                with gateway.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("ANALYZE"))
            for name, one in pages(gateway, asked[0]):
                print(f"{kind}: {name:18} {one * 1000:7.1f} ms, with none waiting {none_pages[name] * 1000:.1f} ms")
                if name == "first page":
                    verdict(f"{kind}: first page of an inbox", one, most=QUARTER, unit=" s")
            one = swept(gateway, gateway.clock.now())
            print(f"{kind}: a sweep           {one * 1000:7.1f} ms, with none waiting {none_swept * 1000:.1f} ms")
            verdict(f"{kind}: a sweep that finds nothing", one, most=QUARTER, unit=" s")
        waiting_idle = idle(stage, seconds)
        print(f"{kind}: idle worker {waiting_idle:.1f} %, with none waiting {none_idle:.1f} %; {load()}", flush=True)
        verdict(f"{kind}: an idle worker beside {tasks:,} waiting approvals", waiting_idle, most=IDLE, unit=" %")
        with stage.gateway() as gateway:
            lose(gateway, made[:LOST])
            begun = time.perf_counter()
            woken = sweep.sweep(gateway, gateway.clock.now())
            assert woken == LOST, woken
            print(f"{kind}: a sweep that finds {LOST} lost timers {(time.perf_counter() - begun) * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    for kind in kinds():
        measure(kind, options.tasks, options.seconds)


if __name__ == "__main__":
    main()
