from decimal import Decimal
from pathlib import Path

import golden
import pytest

from schemas.money import Money

PRICE = Money(amount=Decimal("9.50"), currency="EUR")


def test_a_missing_file_fails_and_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="--update-golden"):
        golden.check(tmp_path / "one.json", PRICE, False)


def test_an_update_writes_canonical_json_that_then_holds(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "one.json"
    golden.check(path, PRICE, True)
    assert path.read_text() == '{\n  "amount": "9.50",\n  "currency": "EUR"\n}\n'
    golden.check(path, PRICE, False)


@pytest.mark.parametrize("other", [Money(amount=Decimal("9.5"), currency="EUR"), {"amount": "9.50"}, b"", "9.50"])
def test_anything_else_than_the_file_fails(tmp_path: Path, other: object) -> None:
    golden.check(tmp_path / "one.json", PRICE, True)
    with pytest.raises(AssertionError):
        golden.check(tmp_path / "one.json", other, False)


@pytest.mark.parametrize("body", [b"\xff\r\n", "ä\n"])
def test_bytes_and_text_are_kept_as_they_are(tmp_path: Path, body: bytes | str) -> None:
    golden.check(tmp_path / "one.edi", body, True)
    assert (tmp_path / "one.edi").read_bytes() == (body if isinstance(body, bytes) else body.encode())
    golden.check(tmp_path / "one.edi", body, False)


def test_a_folder_without_cases_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "FIXTURES", tmp_path)
    (tmp_path / "orders").mkdir()
    with pytest.raises(FileNotFoundError, match="orders"):
        golden.cases("orders", ".xml")


def test_cases_are_the_inputs_and_not_what_they_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "FIXTURES", tmp_path)
    for file in ("two_lines.xml", "a_line.xml", "a_line.order.json", "a_line.reply.xml"):
        (tmp_path / file).touch()
    assert [golden.name(case) for case in golden.cases("", ".xml")] == ["a_line", "two_lines"]
