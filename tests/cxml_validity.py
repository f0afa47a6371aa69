"""Whether what we write is valid: by our own table, and by the standard's DTD where it is at hand."""

from pathlib import Path

from protocols import xml
from schemas import wire
from schemas.faults import Findings

STANDARD = Path(__file__).resolve().parents[2] / "shared" / "standards" / "cxml-1.2.071"


def is_valid(body: bytes) -> None:
    root = xml.parse(body, Findings())
    assert wire.check_cxml(root) == ()
    if STANDARD.is_dir():
        standard = wire.standard_dtd(STANDARD, wire.dtd_of(root))
        assert standard is not None
        assert standard.check(root) == ()
