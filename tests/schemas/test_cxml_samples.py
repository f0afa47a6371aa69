"""The table's verdict against the standard's own DTD, on documents that other people wrote."""

from pathlib import Path

import pytest
from cxml_validity import STANDARD, standard
from lxml import etree

from schemas import wire

SHARED = Path(__file__).resolve().parents[3] / "shared"
SAMPLES = SHARED / "samples" / "cxml"

pytestmark = pytest.mark.skipif(
    not (SAMPLES.is_dir() and STANDARD.is_dir()), reason=f"{SAMPLES} and {STANDARD} are needed"
)


def well_formed() -> list[Path]:
    found = []
    for path in sorted(SAMPLES.glob("*.xml")):
        try:
            etree.fromstring(path.read_bytes())
        except etree.XMLSyntaxError:
            continue
        found.append(path)
    return found


@pytest.mark.parametrize("sample", well_formed(), ids=lambda path: path.stem)
def test_the_table_and_the_standard_agree_on_a_sample(sample: Path) -> None:
    root = etree.fromstring(sample.read_bytes())
    assert bool(wire.check_cxml(root)) == bool(standard(wire.dtd_of(root)).check(root))
