"""What is scraped: documented, bounded in series and in statements, and true over all processes."""

import ast
import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from buyers import an_order, set_up
from lanes import Lanes, MemoryErp, is_down, lanes_on, refuses
from log_lines import logged
from msgspec import json
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app import metrics
from app.clock import SetClock
from app.engine import Engine
from app.flows import watched_numbers
from app.gateway import Gateway
from app.jobs import sweep
from app.metrics import AtScrape, Few
from app.storage import mails, numbers, processes
from app.storage.deliveries import STOPPED
from app.storage.dispatches import FAILED
from app.storage.numbers import LANES
from app.transports.intake import Intake, Posted

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "metrics.md"
MOST_STATEMENTS = 8


def there() -> list[list[str]]:
    """The rows of the document's table."""
    rows = []
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase) and not metric._labelvalues:
            name = metric._name + ("_total" if metric._type == "counter" else "")
            rows.append([name, metric._labelnames, "process", metric._documentation])
        elif isinstance(metric, AtScrape):
            rows.append([metric.name, metric.labels, "process" if metric.own else "database", metric.help])
    return [
        [f"`{name}`", ", ".join(f"`{label}`" for label in labels), of, what] for name, labels, of, what in sorted(rows)
    ]


def cells(heading: str) -> list[list[str]]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def test_the_document_lists_the_metrics_there_are() -> None:
    assert cells("metric") == there()
    assert {metric for metric in vars(metrics).values() if isinstance(metric, AtScrape)} == set(metrics.AT_SCRAPE)


def test_the_document_lists_the_alerts_there_are() -> None:
    told = {name for names, _, _ in cells("alert") for name in re.findall(r"`([\w.]+)`", names)}
    assert told == set(raised())


def raised() -> Iterator[str]:
    """The names that the code gives alerts, with every state in which one is raised."""
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id == "alert":
                yield from named_by(node.args[0])
            elif any(isinstance(one, ast.Constant) and one.value == "alert" for one in node.args):
                named = (keyword.value for keyword in node.keywords if keyword.arg == "what")
                yield from (str(value.value) for value in named if isinstance(value, ast.Constant))


def named_by(argument: ast.expr) -> Iterator[str]:
    states = {"delivery": STOPPED, "reply": FAILED, "mail": mails.FAILED}
    match argument:
        case ast.Constant(str(name)):
            yield name
        case ast.JoinedStr([ast.Constant(str(beginning)), ast.FormattedValue()]):
            yield from (beginning + state for state in states[beginning.rstrip(".")])
        case ast.IfExp(_, one, other):
            yield from (*named_by(one), *named_by(other))
        case other:
            raise AssertionError(f"what alert is {ast.unparse(other)}?")


def test_what_could_be_many_is_capped() -> None:
    few = Few(2)
    assert [few(name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


# At a scrape


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    return lanes_on(gateway, clock, {"main": erp})


def scraped(gateway: Gateway) -> dict[str, dict[tuple[str, ...], float]]:
    """The values by name and labels, the labels in the order of their names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(watched_numbers.exposition(gateway).decode()):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


@contextmanager
def statements(gateway: Gateway) -> Iterator[list[str]]:
    said: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    engine = gateway.database._reading if gateway.database.sqlite else gateway.database.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_a_scrape_makes_few_statements_however_many_lanes_there_are(lanes: Lanes) -> None:
    counted = []
    for count in (1, 12):
        for number in range(count):
            lanes.approved(lanes.customer(f"C-{count}-{number}"), f"PO-{count}-{number}")
        with statements(lanes.gateway) as said:
            scraped(lanes.gateway)
        counted.append(len([one for one in said if one.lstrip().upper().startswith("SELECT")]))
    assert counted[0] == counted[1] <= MOST_STATEMENTS


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_engines_own_numbers_cost_the_same_however_much_waits(lanes: Lanes) -> None:
    engine = Engine(lanes.gateway.database)
    found = scraped(lanes.gateway.__class__(**{**_fields(lanes.gateway), "engine": engine}))
    assert found["crossdock_queue_items"].keys() == set(
        product(("approvals", "deliveries", "dispatches", "mails", "upkeep"), ("later", "running", "waiting"))
    )
    engine.stop()


def _fields(gateway: Gateway) -> dict[str, object]:
    return {name: getattr(gateway, name) for name in gateway.__slots__}


def test_lanes_are_counted_by_state_with_their_age(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script = [is_down]
    customer = lanes.customer()
    for number in range(3):
        lanes.approved(customer, f"PO-{number}")
    lanes.work()
    clock.move(timedelta(seconds=10))
    found = scraped(lanes.gateway)
    (lane,) = (lane.lane for lane in lanes.lanes())
    assert found["crossdock_lane_open"] == {(lane, "pending"): 2.0, (lane, "waiting"): 1.0}
    assert found["crossdock_lane_oldest_seconds"] == {(lane,): 10.0}
    assert found["crossdock_open_work"] == {("pending", "delivery"): 2.0, ("waiting", "delivery"): 1.0}
    assert found["crossdock_open_work_oldest_seconds"][("pending", "delivery")] == 10.0
    assert found["crossdock_breaker"][("main", "closed")] == 1.0


def test_beyond_the_oldest_lanes_there_is_other(lanes: Lanes, monkeypatch: pytest.MonkeyPatch, clock: SetClock) -> None:
    assert LANES == 100
    monkeypatch.setattr(numbers, "LANES", 2)
    for number in range(5):
        lanes.approved(lanes.customer(f"C-{number}"), f"PO-{number}")
        clock.move(timedelta(seconds=1))
    found = scraped(lanes.gateway)["crossdock_lane_open"]
    waiting = {labels: number for labels, number in found.items() if number}
    assert (len(waiting), waiting[("other", "pending")], sum(waiting.values())) == (3, 3.0, 5.0)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_stopped_is_counted_by_its_index(lanes: Lanes) -> None:
    with statements(lanes.gateway) as said, lanes.gateway.database.read() as session:
        numbers.waiting(session)
        (query,) = [one for one in said if "UNION ALL" in one]
        bound = ("delivery", "delivery", "dispatch", "dispatch", "order", "live", "held", "awaiting_approval")
        plan = " ".join(row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", bound))
    assert "ix_cd_deliveries_stopped" in plan
    assert "ix_cd_dispatches_stopped" in plan
    assert not re.search(r"SCAN cd_\w+\b(?! USING)", plan)


async def posted(gateway: Gateway, body: bytes) -> None:
    await Intake(gateway).take_cxml(
        Posted(
            realm="live", transport="http", body=body, media_type="text/xml", remote="192.0.2.7",
            at=gateway.clock.now(), correlation_id=gateway.ids(),
        )
    )  # fmt: skip


def test_partners_are_counted_by_our_own_ids(gateway: Gateway, clock: SetClock) -> None:
    buyer = set_up(gateway)
    asyncio.run(posted(gateway, buyer.order_request("1", order=an_order("PO-1"))))
    asyncio.run(posted(gateway, buyer.order_request("2", order=an_order("PO-1"))))
    asyncio.run(posted(gateway, b"<cXML/>"))
    found = scraped(gateway)
    ((partner,), at) = next(iter(found["crossdock_partner_last_seen_timestamp_seconds"].items()))
    assert at == clock.now().timestamp()
    assert found["crossdock_partner_exchanges_total"][(partner, "accepted")] == 1.0
    assert found["crossdock_partner_exchanges_total"][(partner, "refused")] == 1.0
    assert found["crossdock_refusals_total"][("conflict", "cxml")] >= 1
    assert found["crossdock_stage_seconds_count"][("answered",)] >= 2


def test_what_stopped_and_who_lives_is_counted(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script = [refuses]
    lanes.approved(lanes.customer())
    lanes.work()

    def begin(tx: object) -> None:
        processes.began(tx, "worker-1", clock.now(), works=True)  # type: ignore[arg-type]

    lanes.gateway.database.write(begin)
    clock.move(timedelta(seconds=7))
    found = scraped(lanes.gateway)
    assert found["crossdock_open_work"][("held", "order")] == 1.0
    assert found["crossdock_process_heartbeat_age_seconds"] == {("worker-1", "true"): 7.0}
    assert found["crossdock_database_answers"] == {(): 1.0}
    assert found["crossdock_disk_free_bytes"][()] > 0
    assert found["process_start_time_seconds"][()] > 0
    assert found["crossdock_stage_seconds_count"][("erp_answered",)] >= 1
    assert {stage for (stage,) in found["crossdock_writer_seconds_count"]} == {"wait", "commit"}


def test_without_the_database_a_process_tells_what_it_knows(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("x", None, Exception())

    monkeypatch.setattr(lanes.gateway.database, "read", gone)
    found = scraped(lanes.gateway)
    assert found["crossdock_database_answers"] == {(): 0.0}
    assert "crossdock_lane_open" not in found
    assert "process_cpu_seconds_total" in found


# Alerts


@pytest.mark.parametrize(("say", "wanted"), [(refuses, "delivery.rejected"), (is_down, "delivery.late")])
def test_an_alert_says_whose_request_it_is_and_is_counted(
    lanes: Lanes, erp: MemoryErp, say: object, wanted: str
) -> None:
    erp.script = [say] * 50  # type: ignore[list-item]
    order_id = lanes.approved(lanes.customer(), request_id="atlas-4711")
    before = metrics.ALERTS.labels(wanted)._value.get()
    with logged() as stream:
        lanes.work_for(timedelta(minutes=20))
        sweep.sweep(lanes.gateway, lanes.clock.now())
    lines = [json.decode(line) for line in stream.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "alert" and line["what"] == wanted]
    order = lanes.order(order_id)
    assert (line["correlation_id"], line["request_id"], line["partner"]) == ("PO-9", "atlas-4711", order.partner_id)
    assert metrics.ALERTS.labels(wanted)._value.get() == before + 1
