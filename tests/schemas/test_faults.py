import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.faults import LONGEST_FOUND, Fault, Findings, Malformed, Refused, Rejected, Weight, shortened


def test_a_fault_reads_as_place_message_finding_and_code() -> None:
    fault = Fault(
        code="price.not_a_number", at="/cXML/UnitPrice", message="must be a decimal number", found="9,95", line=7
    )
    assert str(fault) == "/cXML/UnitPrice (line 7): must be a decimal number (found '9,95') [price.not_a_number]"


def test_a_fault_without_line_and_finding_leaves_them_out() -> None:
    assert (
        str(Fault(code="unit.missing", at="LIN+2 / 6411", message="is missing"))
        == "LIN+2 / 6411: is missing [unit.missing]"
    )


def test_an_empty_text_that_was_found_is_shown() -> None:
    assert "(found '')" in str(Fault(code="a.b", at="x", message="is empty", found=""))


def test_only_faults_refuse_and_all_of_them_are_told() -> None:
    findings = Findings()
    findings.note("unit.spelling", "a", "is written oddly", "Each", line=3, column=9)
    findings.tell("kind.unsupported", "b", "is not translated here")
    findings.raise_if_any()
    findings.add("price.missing", "c", "is missing")
    findings.add("quantity.missing", "d", "is missing", line=5)
    with pytest.raises(Rejected) as refusal:
        findings.raise_if_any()
    assert [fault.code for fault in refusal.value.faults] == ["price.missing", "quantity.missing"]
    assert [fault.code for fault in refusal.value.findings] == ["unit.spelling", "kind.unsupported"]
    assert str(refusal.value) == "c: is missing [price.missing]; d (line 5): is missing [quantity.missing]"


def test_weights_places_and_order_are_kept() -> None:
    findings = Findings()
    findings.note("a.a", "1", "m", "f", line=3, column=9)
    findings.tell("b.b", "2", "m")
    findings.add("c.c", "3", "m")
    assert findings.findings == (
        Fault(code="a.a", at="1", message="m", found="f", line=3, column=9, weight=Weight.FINDING),
        Fault(code="b.b", at="2", message="m", weight=Weight.NOTICE),
    )
    assert findings.faults == (Fault(code="c.c", at="3", message="m"),)


def test_what_others_found_counts_by_its_weight() -> None:
    findings = Findings()
    findings.extend([Fault(code="a.a", at="1", message="m", weight=Weight.FINDING)])
    findings.raise_if_any()
    findings.extend([Fault(code="b.b", at="2", message="m")])
    with pytest.raises(Rejected):
        findings.raise_if_any()


@pytest.mark.parametrize("kind", [Refused, Malformed, Rejected])
def test_a_refusal_names_at_least_one_fault(kind: type[Refused]) -> None:
    with pytest.raises(ValueError, match="at least one fault"):
        kind(())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, None),
        ("", ""),
        ("9,95 €", "9,95 €"),
        ("a\r\nSet-Cookie: b", "a\\x0d\\x0aSet-Cookie: b"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00", "\\x00"),
        ("a\u202eb", "a\\x202eb"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("\n" * 200, "\\x0a" * 49 + "\\x0…"),
    ],
)
def test_found_text_is_safe_to_show(text: str | None, shown: str | None) -> None:
    assert shortened(text) == shown


@given(st.text(max_size=400))
def test_found_text_is_short_and_without_control_characters(text: str) -> None:
    shown = shortened(text)
    assert shown is not None
    assert len(shown) <= LONGEST_FOUND
    assert shown.isprintable()


def test_a_collected_finding_is_shortened() -> None:
    findings = Findings()
    findings.add("a.b", "x", "is too long", "x" * 5_000)
    assert len(findings.faults[0].found or "") == LONGEST_FOUND
