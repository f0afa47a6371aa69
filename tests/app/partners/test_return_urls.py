"""Where a cart may go: what the agreement lists, in the way browsers read it."""

from datetime import UTC, datetime

import pytest

from app.partners.return_urls import fault_of, fault_of_host, fault_of_origin, frame_origins, return_origins
from app.storage.partners import PartnerRow

HOSTS = ["buyer.example", "erp.example:8443", "*.hub.example", "http://intranet.example", "127.0.0.1"]


def partner(hosts: list[str] = HOSTS, frames: list[str] | None = None) -> PartnerRow:
    return PartnerRow(
        realm="live",
        name="Buyer",
        return_hosts=hosts,
        frame_origins=frames or [],
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://buyer.example/back?a=1&b=%20{x}|y#z",
        "https://BUYER.example:8443/",
        "https://erp.example:8443/oci",
        "https://a.b.hub.example/",
        "http://intranet.example/sap",
        "https://intranet.example/sap",
        "http://127.0.0.1:5000/back",
    ],
)
def test_an_agreed_host_may_have_the_cart(url: str) -> None:
    assert fault_of(url, partner()) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://buyer.example.evil.example/",
        "https://evilbuyer.example/",
        "https://hub.example/",
        "https://evilhub.example/",
        "https://erp.example/",
        "https://erp.example:8444/",
        "http://buyer.example/",
        "https://buyer.example@evil.example/",
        "https://evil.example\\@buyer.example/",
        "https://evil.example\\.hub.example/",
        "https://buyer.example:80:90/",
        "https://buyer.example\t.evil.example/",
        "https://buyer.example /",
        "java\tscript:alert(1)",
        "javascript:alert(1)//buyer.example",
        "data:text/html,x",
        "//buyer.example/",
        "https:buyer.example/",
        "https:///buyer.example/",
        "https://bücher.hub.example/",
        "https://evil.example%2f.hub.example/",
        'https://buyer.example/"onload=',
        "",
        "https://buyer.example/" + "a" * 2_000,
    ],
)
def test_every_other_place_is_refused(url: str) -> None:
    assert fault_of(url, partner()) is not None


def test_without_agreed_hosts_no_place_is_good() -> None:
    assert fault_of("https://buyer.example/", partner([])) is not None


def test_only_origins_get_into_the_policy() -> None:
    listed = ["https://Portal.example", "https://*.portal.example:8443", "x; script-src *", "ftp://a.example", "*"]
    assert frame_origins(partner(frames=listed), "https://buyer.example:444/x?y") == (
        "https://portal.example",
        "https://*.portal.example:8443",
        "https://buyer.example:444",
    )
    assert return_origins(partner(["buyer.example", "x y", "http://intranet.example"]), "https://buyer.example/x") == (
        "https://buyer.example",
        "http://intranet.example",
    )


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ("buyer.example", True),
        ("buyer.example:8443", True),
        ("*.buyer.example", True),
        ("http://intranet.example", True),
        ("*.example", False),
        ("*", False),
        ("https://buyer.example", False),
        ("buyer.example/path", False),
        ("a b", False),
    ],
)
def test_a_return_host_is_judged_when_it_is_entered(entry: str, good: bool) -> None:
    assert (fault_of_host(entry) is None) is good


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ("https://portal.example", True),
        ("https://*.portal.example:8443", True),
        ("http://127.0.0.1:5000", True),
        ("http://portal.example", False),
        ("https://*.example", False),
        ("https://portal.example/", False),
        ("portal.example", False),
        ("*", False),
    ],
)
def test_a_frame_origin_is_judged_when_it_is_entered(entry: str, good: bool) -> None:
    assert (fault_of_origin(entry) is None) is good
