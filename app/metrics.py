"""What the process counts, for Prometheus. Labels take values from closed lists only, never a partner's text."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY: Final = CollectorRegistry()

_LATENCIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

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
INTAKE_SECONDS = Histogram(
    "crossdock_intake_seconds", "Stages of intake", ("stage",), buckets=_LATENCIES, registry=REGISTRY
)
QUARANTINED = Counter("crossdock_quarantined", "Documents of unknown senders", ("protocol",), registry=REGISTRY)
WRITER_GROUP = Histogram(
    "crossdock_writer_group_size",
    "Pieces of work that shared one commit",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 200),
    registry=REGISTRY,
)
WRITER_DEPTH = Gauge("crossdock_writer_waiting", "Pieces of work waiting for the writer", registry=REGISTRY)
OPEN_WORK = Gauge(
    "crossdock_open_work",
    "Deliveries to ERPs, answers to buyers and orders that wait, by their state, as of this scrape",
    ("what", "state"),
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "crossdock_deliveries", "Calls to ERPs by what came of them", ("act", "outcome"), registry=REGISTRY
)
DELIVERY_SECONDS = Histogram(
    "crossdock_delivery_seconds", "Time an ERP takes to answer", ("act",), buckets=_LATENCIES, registry=REGISTRY
)
REPLIES = Counter(
    "crossdock_replies", "Documents posted to buyers by what came of them", ("kind", "outcome"), registry=REGISTRY
)
ALERTS = Counter("crossdock_alerts", "Bugs and failures that a person must see", ("what",), registry=REGISTRY)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposition() -> bytes:
    """The text format that Prometheus scrapes."""
    return generate_latest(REGISTRY)
