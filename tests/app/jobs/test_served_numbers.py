"""A worker shows its numbers to this machine."""

import socket

import httpx
import pytest

from app.gateway import Gateway
from app.jobs.served_numbers import served

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_metrics_and_health_are_served_for_as_long_as_it_works(gateway: Gateway) -> None:
    with served(gateway, free_port()) as port:
        address = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{address}/healthz").json() == {"status": "alive"}
        page = httpx.get(f"{address}/metrics")
        assert "crossdock_open_work" in page.text
        assert page.headers["content-type"].startswith("text/plain; version=")
        assert httpx.get(f"{address}/else").status_code == 404
        assert httpx.post(f"{address}/metrics").status_code == 501
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/healthz")


def test_by_default_nothing_is_served(gateway: Gateway) -> None:
    with served(gateway, None) as port:
        assert port is None


def test_a_port_that_is_taken_is_told(gateway: Gateway) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
        served(gateway, taken.getsockname()[1]),
    ):
        pass
