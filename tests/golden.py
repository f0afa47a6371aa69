"""Golden fixtures: the fixture tree is the test list, and what a case gives lies beside it.

    @pytest.mark.parametrize("case", golden.cases("cxml/order_request", ".xml"), ids=golden.name)
    def test_reads_as_expected(case: Path, update: bool) -> None:
        golden.check(case.with_suffix(".order.json"), order_request.read(case.read_bytes()), update)

`pytest --update-golden` writes the expected files; then read the diff.
"""

from pathlib import Path
from typing import Any

import msgspec

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

_encoder = msgspec.json.Encoder(decimal_format="string", order="deterministic")


def cases(folder: str, suffix: str) -> list[Path]:
    """The fixtures of a folder below `fixtures/` with this suffix, by name. A folder without any is an error, as the
    tests over it would pass by not existing."""
    found = sorted(path for path in (FIXTURES / folder).glob(f"*{suffix}") if "." not in path.name.removesuffix(suffix))
    if not found:
        raise FileNotFoundError(f"no *{suffix} in {FIXTURES / folder}")
    return found


def name(case: Path) -> str:
    """The case's name, for the ids of a parametrised test."""
    return case.name.partition(".")[0]


def check(expected: Path, actual: Any, update: bool) -> None:
    """Holds `actual` against the file: bytes and text as they are, everything else (canonical documents, faults, plain
    values) as indented canonical JSON. With `update` the file is written instead, when it differs."""
    body = _as_file(actual)
    if update:
        if not expected.is_file() or expected.read_bytes() != body:
            expected.parent.mkdir(parents=True, exist_ok=True)
            expected.write_bytes(body)
        return
    assert expected.is_file(), f"{expected} is missing: run pytest --update-golden and read what it wrote"
    assert body.decode(errors="backslashreplace") == expected.read_bytes().decode(errors="backslashreplace")


def _as_file(actual: Any) -> bytes:
    if isinstance(actual, bytes):
        return actual
    if isinstance(actual, str):
        return actual.encode()
    return msgspec.json.format(_encoder.encode(actual), indent=2) + b"\n"
