"""Every fixture of cXML gives the document, the findings and the faults that lie beside it.

What is read without a fault is also written again: the result is valid and says the same.
"""

from pathlib import Path

import golden
import msgspec
import pytest
from cxml_validity import is_valid

from protocols.cxml import confirmation, order_request, punchout_order, punchout_setup, status_update
from protocols.cxml.documents import read_any, receive
from protocols.cxml.envelope import open_document
from protocols.protocol import CanonicalDocument
from schemas.base import from_json, to_json
from schemas.cart import Cart
from schemas.faults import Unwritable, Weight
from schemas.punchout import PunchoutRequest

KINDS = {
    "punchout_setup": ("request", punchout_setup.write),
    "punchout_order": ("cart", punchout_order.write),
    "order_request": ("order", order_request.write),
    "confirmation": ("reply", confirmation.write),
    "status_update": ("status", status_update.write),
}
CASES = [
    case
    for folder in (*KINDS, "response", "untranslated", "malformed")
    for case in golden.cases(f"cxml/{folder}", ".xml")
] + golden.cases("cxml/punchout_order", ".form")
DOCUMENTS = [case for case in CASES if case.parent.name in KINDS and case.suffix == ".xml"]

UNDECLARED = "is not an element of cXML"
"""Markup in a cookie is echoed whatever it is; a DTD's ANY takes only declared elements."""

OF_CONTENT = {
    "attachment.dangling",
    "date.unreadable",
    "item.no_supplier_id",
    "lead_time.not_whole",
    "order.release_without_agreement",
    "order.said_twice",
    "order_version.not_whole",
    "payment_term.not_whole",
}
"""Findings that stay when the form is right: the document says what it says."""

NOT_WRITTEN = {
    "cancelled_without_lines_or_total": "order.no_lines",
    "payment_by_token": "verbatim.no_place",
    "code_from_another_table": "status.code",
    "says_of_nothing": "status.no_reference",
    "short_name_as_attribute_and_unit_missing": "line.no_unit",
}
"""What a document lacks that cXML demands: it was read leniently, and is not written."""


def path_of(case: Path) -> str:
    return f"{case.parent.name}/{case.stem}{case.suffix.replace('.xml', '')}"


def hold(expected: Path, actual: object, update: bool) -> None:
    """An empty result has no file."""
    if actual:
        golden.check(expected, actual, update)
    elif update:
        expected.unlink(missing_ok=True)
    else:
        assert not expected.exists()


@pytest.mark.parametrize("case", CASES, ids=path_of)
def test_reads_as_expected(case: Path, update: bool) -> None:
    reading = read_any(case.read_bytes())
    document = reading.documents[0].document if reading.documents else None
    what, _ = KINDS.get(case.parent.name, ("document", None))
    hold(case.with_suffix(f".{what}.json"), document, update)
    hold(case.with_suffix(".faults.json"), [str(fault) for fault in reading.all_faults], update)
    hold(case.with_suffix(".findings.json"), [str(fault) for fault in reading.all_findings], update)
    assert reading.refused == (document is None) or case.parent.name in ("response", "untranslated")


def sound() -> list[Path]:
    return [case for case in DOCUMENTS if not read_any(case.read_bytes()).refused]


@pytest.mark.parametrize("case", sound(), ids=path_of)
def test_the_canonical_json_of_a_document_reads_back(case: Path) -> None:
    document = receive(case.read_bytes()).document
    assert document is not None
    assert from_json(to_json(document), type(document)) == document


@pytest.mark.parametrize("case", sound(), ids=path_of)
def test_what_was_read_is_written_valid_and_says_the_same(case: Path) -> None:
    received = receive(case.read_bytes())
    document = received.document
    assert document is not None
    envelope = received.envelope
    if envelope.payload_id is None:
        pytest.skip("has no payloadID to be written with")
    _, write = KINDS[case.parent.name]
    if case.stem in NOT_WRITTEN:
        with pytest.raises(Unwritable) as refused:
            write(document, envelope)
        assert [fault.code for fault in refused.value.faults] == [NOT_WRITTEN[case.stem]]
        return
    body = write(document, envelope)
    again = receive(body)
    assert again.document == numbered(document)
    if not any(UNDECLARED in fault.message for fault in received.findings):
        is_valid(body)
        assert {fault.code for fault in again.findings if fault.weight is Weight.FINDING} <= OF_CONTENT


def numbered(document: CanonicalDocument) -> CanonicalDocument:
    """We write a number on every line."""
    if not isinstance(document, PunchoutRequest | Cart):
        return document
    lines = tuple(
        msgspec.structs.replace(line, number=line.number if line.number is not None else position)
        for position, line in enumerate(document.lines, start=1)
    )
    return msgspec.structs.replace(document, lines=lines)


def test_a_secret_is_in_no_representation_of_what_was_read() -> None:
    for case in DOCUMENTS:
        opened = open_document(case.read_bytes())
        assert "s3cret" not in repr(opened.envelope)
        assert "4111111111111111" not in str(read_any(case.read_bytes()))
