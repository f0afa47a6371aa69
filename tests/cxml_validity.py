"""Whether what we write is valid: by our own table, and by the standard's DTD where it is at hand."""

from functools import cache
from pathlib import Path

from lxml import etree

from protocols import xml
from schemas import wire
from schemas.faults import Findings

STANDARD = Path(__file__).resolve().parents[2] / "shared" / "standards" / "cxml-1.2.071"


@cache
def standard(dtd: str) -> wire.Dtd:
    """The standard's own DTD, one of CXML_DTDS."""
    return wire.Dtd(etree.DTD(STANDARD / f"{dtd}.dtd"))


def is_valid(body: bytes) -> None:
    root = xml.parse(body, Findings())
    assert wire.check_cxml(root) == ()
    if STANDARD.is_dir():
        assert standard(wire.dtd_of(root)).check(root) == ()
