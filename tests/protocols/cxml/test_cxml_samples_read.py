"""Every shared sample gets the verdict that its manifest expects; damaged ones never give a traceback."""

import csv
import random
import re
from functools import cache
from pathlib import Path

import pytest
from golden import FIXTURES

from protocols.cxml.documents import looks_like, read_any
from protocols.cxml.envelope import peek
from protocols.registry import recognise
from schemas.base import to_json
from schemas.faults import Malformed, Weight

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples" / "cxml"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES} is needed")


def manifest() -> list[tuple[str, str]]:
    if not SAMPLES.is_dir():
        return []
    with (SAMPLES / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["file"], row["expected"]) for row in rows]


def test_the_samples_are_all_there() -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} is needed")
    assert len(manifest()) == 64


@needs_samples
@pytest.mark.parametrize(("file", "expected"), manifest())
def test_the_verdict_is_the_manifests(file: str, expected: str) -> None:
    body = (SAMPLES / file).read_bytes()
    protocol = recognise(body, None)
    assert protocol is not None
    assert protocol.name == "cxml"
    reading = protocol.read(body, None)
    found = any(fault.weight is Weight.FINDING for fault in reading.all_findings)
    verdict = "refuse" if reading.refused else "accept with findings" if found else "accept"
    assert verdict == expected
    assert all(fault.at.startswith("/") for fault in reading.all_faults + reading.all_findings)


@cache
def bodies() -> tuple[bytes, ...]:
    paths = sorted((FIXTURES / "cxml").rglob("*.xml")) + sorted(SAMPLES.glob("*.xml") if SAMPLES.is_dir() else ())
    return tuple(path.read_bytes() for path in paths)


PIECES = [
    *(b"&nbsp;", b"&", b"<", b">", b'"', b"<!-- x -->", b"<![CDATA[", b"]]>", b"<a/>", b"<?pi?>", b'xmlns="urn:x"'),
    *(b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"<!DOCTYPE cXML [<!ENTITY"),
    *(b"", b"-1", b"1e3", b"1,000", b"9" * 50, b"NaN", b"delete", b"9999-12-31T23:59:59-14:00"),
    *(b'<Money currency="EUR">1</Money>', b'<ItemOut quantity="1" lineNumber="1"/>'),
]
VALUE = re.compile(rb'(?<=[">])[^"<>]+(?=["<])')
LEAF = re.compile(rb"<([A-Za-z]+)[^<>]*>[^<>]*</\1>")
ENCODINGS = ["utf-16", "utf-8", "latin-1", "utf-16-le", "utf-8-sig", "cp1252"]


def mutated(body: bytes, dice: random.Random) -> bytes:
    """Bytes inserted or cut, values replaced, elements dropped, moved or renamed, encodings changed."""
    at = dice.randrange(len(body) + 1)
    values, leaves = list(VALUE.finditer(body)), list(LEAF.finditer(body))
    match dice.randrange(7):
        case 0:
            return body[:at] + dice.choice(PIECES) + body[at:]
        case 1:
            return body[:at] + body[at + dice.randrange(1, 40) :]
        case 2 if values:
            value = dice.choice(values)
            return body[: value.start()] + dice.choice(PIECES) + body[value.end() :]
        case 3 if leaves:
            leaf = dice.choice(leaves)
            return body[: leaf.start()] + body[leaf.end() :]
        case 4 if leaves:
            leaf, place = dice.choice(leaves), dice.choice(leaves)
            return body[: place.start()] + leaf.group() + body[place.start() :]
        case 5 if leaves:
            names = sorted({leaf.group(1) for leaf in leaves})
            old, new = dice.choice(names), dice.choice(names)
            return re.sub(rb"(</?)" + old + rb"\b", rb"\1" + new, body, count=dice.choice([0, 2]))
        case _:
            return body.decode("utf-8", "replace").encode(dice.choice(ENCODINGS), "replace")


@pytest.mark.parametrize("seed", range(8))
def test_no_damage_gives_a_traceback(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(250):
        body = dice.choice(bodies())
        for _ in range(dice.randrange(1, 5)):
            body = mutated(body, dice)
        reading = read_any(body)
        for read in reading.documents:
            if read.document is not None:
                to_json(read.document)
        looks_like(body)
        try:
            peek(body)
        except Malformed:
            continue


def test_a_damaged_order_never_loses_a_line_unsaid() -> None:
    body = (FIXTURES / "cxml/order_request/lines_without_numbers.xml").read_bytes()
    dice = random.Random(3)
    for _ in range(300):
        damaged = mutated(body, dice)
        for read in read_any(damaged).documents:
            if read.document is not None and read.kind == "OrderRequest":
                lines = len(getattr(read.document, "lines", ()))
                written = len(re.findall(rb"<ItemOut[\s>/]", damaged.replace(b"\0", b"")))
                assert lines == written or any(fault.code == "dtd.invalid" for fault in read.findings)
