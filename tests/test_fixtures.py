"""Fixtures: each is named by what is special in it, and each expected result (`case.order.json`) has its case."""

import re
from pathlib import Path

import pytest
from golden import FIXTURES

MEANINGFUL = re.compile(
    r"(?!(?:test|case|sample|example|issue|bug|file|doc|document|order|x)_?\d*\.)[a-z][a-z]+[a-z0-9]*(?:_[a-z0-9]+)*\."
)


def names_nothing(path: Path) -> bool:
    return not MEANINGFUL.match(path.name) or bool(re.search(r"(?:issue|bug|ticket)_?\d", path.name))


def fixtures() -> list[Path]:
    return sorted(path for path in FIXTURES.rglob("*") if path.is_file())


def test_fixtures_are_named_by_what_is_special_in_them() -> None:
    assert [str(path.relative_to(FIXTURES)) for path in fixtures() if names_nothing(path)] == []


def test_every_expected_result_has_its_case() -> None:
    cases = {path.with_suffix("") for path in fixtures() if len(path.suffixes) == 1}
    results = [path for path in fixtures() if len(path.suffixes) > 1]
    assert [str(path) for path in results if path.with_suffix("").with_suffix("") not in cases] == []


@pytest.mark.parametrize(
    "name", ["tax_per_line.xml", "two_messages_second_bad.edi", "iso8859_names.form", "utf16.faults.json"]
)
def test_a_name_that_says_something_is_taken(name: str) -> None:
    assert not names_nothing(Path(name))


@pytest.mark.parametrize(
    "name",
    [
        "1.xml",
        "test.xml",
        "test2.xml",
        "order_1.edi",
        "issue106.xml",
        "bad_issue_106.xml",
        "TaxPerLine.xml",
        "tax-per-line.xml",
        "x.xml",
    ],
)
def test_a_name_that_says_nothing_is_not_taken(name: str) -> None:
    assert names_nothing(Path(name))
