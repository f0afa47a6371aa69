"""What is counted, for Prometheus: here what this process saw; `AT_SCRAPE` what the database says when it is asked.

Labels take values from closed lists or are ids of ours, never a partner's text, and what could be many is capped.
docs/metrics.md lists all of them; a test holds it against this file.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_WAITS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 43_200, 259_200)
"""From milliseconds to the three days that an order is offered to an ERP."""

REQUESTS = Counter(
    "crossdock_http_requests", "HTTP requests answered", ("route", "method", "status"), registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "crossdock_http_request_seconds", "Time to answer", ("route",), buckets=_LATENCIES, registry=REGISTRY
)
EXCHANGES = Counter(
    "crossdock_exchanges", "Business documents by what became of them", ("protocol", "kind", "state"), registry=REGISTRY
)
FAULTS = Counter("crossdock_faults", "Faults found in documents", ("protocol", "code"), registry=REGISTRY)
REFUSALS = Counter("crossdock_refusals", "Documents answered with no, by why", ("protocol", "no"), registry=REGISTRY)
RATES_REFUSED = Counter(
    "crossdock_rates_refused", "Documents that came too often, by whose they were", ("whose",), registry=REGISTRY
)
PARTNER_EXCHANGES = Counter(
    "crossdock_partner_exchanges", "Documents of a partner by what became of them", ("partner", "state"),
    registry=REGISTRY,
)  # fmt: skip
PARTNER_FAULTS = Counter(
    "crossdock_partner_faults", "Faults found in documents of a partner", ("partner",), registry=REGISTRY
)
INTAKE_SECONDS = Histogram(
    "crossdock_intake_seconds", "Steps of intake", ("stage",), buckets=_LATENCIES, registry=REGISTRY
)
STAGE_SECONDS = Histogram(
    "crossdock_stage_seconds", "Stages of a document's way, from the one before", ("stage",), buckets=_WAITS,
    registry=REGISTRY,
)  # fmt: skip
QUARANTINED = Counter("crossdock_quarantined", "Documents of unknown senders", ("protocol",), registry=REGISTRY)
WRITER_GROUP = Histogram(
    "crossdock_writer_group_size",
    "Pieces of work that shared one commit",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 200),
    registry=REGISTRY,
)
WRITER_DEPTH = Gauge("crossdock_writer_waiting", "Pieces of work waiting for the writer", registry=REGISTRY)
WRITER_SECONDS = Histogram(
    "crossdock_writer_seconds", "How long a piece waits for its turn, and a group for its commit", ("stage",),
    buckets=_LATENCIES, registry=REGISTRY,
)  # fmt: skip
ENGINE_WAIT = Histogram(
    "crossdock_engine_wait_seconds", "From when a work item is due to when it starts", ("queue",), buckets=_WAITS,
    registry=REGISTRY,
)  # fmt: skip
DELIVERIES = Counter(
    "crossdock_deliveries", "Calls to ERPs by what came of them", ("act", "outcome"), registry=REGISTRY
)
DELIVERY_SECONDS = Histogram(
    "crossdock_delivery_seconds", "Time an ERP takes to answer", ("act",), buckets=_LATENCIES, registry=REGISTRY
)
REPLIES = Counter(
    "crossdock_replies", "Documents posted to buyers by what came of them", ("kind", "outcome"), registry=REGISTRY
)
MAILS = Counter("crossdock_mails", "Mails by what the mail server said", ("kind", "outcome"), registry=REGISTRY)
ALERTS = Counter("crossdock_alerts", "Bugs and failures that a person must see", ("what",), registry=REGISTRY)

WRITER_WAITED: Final = WRITER_SECONDS.labels("wait")
WRITER_COMMIT: Final = WRITER_SECONDS.labels("commit")
RECORDED: Final = STAGE_SECONDS.labels("recorded")
ANSWERED: Final = STAGE_SECONDS.labels("answered")
DELIVERY_BEGUN: Final = STAGE_SECONDS.labels("delivery_begun")
ERP_ANSWERED: Final = STAGE_SECONDS.labels("erp_answered")
REPLY_SENT: Final = STAGE_SECONDS.labels("reply_sent")


class Few:
    """Ids as labels, the first so many; those that come later are `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, name: str) -> str:
        if name not in self._known:
            with self._lock:
                if len(self._known) >= self._most:
                    return OTHER
                self._known.add(name)
        return name


OTHER: Final = "other"
PARTNERS: Final = Few(500)


@dataclass(frozen=True, slots=True)
class AtScrape:
    """A gauge that is the same whichever process is asked: use `max`, not `sum`, over processes. `own`: about the
    process that was asked."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    own: bool = False

    def of(self, values: Iterable[tuple[Sequence[str], float]]) -> Metric:
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in values:
            family.add_metric(labels, value)
        return family


DATABASE_ANSWERS = AtScrape(
    "crossdock_database_answers", "1 when the database told the numbers of this scrape", own=True
)
OPEN_WORK = AtScrape(
    "crossdock_open_work", "Deliveries to ERPs, answers to buyers and orders that wait or stopped", ("what", "state")
)
OPEN_WORK_OLDEST = AtScrape("crossdock_open_work_oldest_seconds", "Age of the oldest of these", ("what", "state"))
LANE_OPEN = AtScrape(
    "crossdock_lane_open", "Open deliveries of the lanes with the oldest ones; the rest is `other`", ("lane", "state")
)
LANE_OLDEST = AtScrape("crossdock_lane_oldest_seconds", "Age of a lane's oldest open delivery", ("lane",))
PARTNER_SEEN = AtScrape(
    "crossdock_partner_last_seen_timestamp_seconds", "When a partner's last document came", ("partner",)
)
QUEUE_ITEMS = AtScrape("crossdock_queue_items", "Work items of the engine; counted up to 1,000", ("queue", "state"))
HEARTBEAT_AGE = AtScrape(
    "crossdock_process_heartbeat_age_seconds", "Since a process last showed that it lives", ("process", "works")
)
ROUND_AGE = AtScrape(
    "crossdock_engine_round_age_seconds", "Since the engine last ran a round in a worker", ("process",)
)
BREAKER = AtScrape("crossdock_breaker", "1 for the state that an ERP's breaker is in", ("erp", "state"))
CONNECTIONS = AtScrape("crossdock_database_connections", "Connections of this process in use", ("pool",), own=True)
DISK_FREE = AtScrape("crossdock_disk_free_bytes", "Bytes free where the files of this process live", own=True)

AT_SCRAPE: Final = (
    DATABASE_ANSWERS,
    OPEN_WORK,
    OPEN_WORK_OLDEST,
    LANE_OPEN,
    LANE_OLDEST,
    PARTNER_SEEN,
    QUEUE_ITEMS,
    HEARTBEAT_AGE,
    ROUND_AGE,
    BREAKER,
    CONNECTIONS,
    DISK_FREE,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Together(CollectorRegistry):
    def __init__(self, more: Sequence[Metric]) -> None:
        super().__init__()
        self._more = more

    def collect(self) -> Iterable[Metric]:
        yield from REGISTRY.collect()
        yield from self._more


def exposition(more: Sequence[Metric] = ()) -> bytes:
    """The text format that Prometheus scrapes."""
    return generate_latest(_Together(more))
