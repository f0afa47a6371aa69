"""`crossdock read` and `convert`: one JSON object, three exit codes, and no input that ends in a traceback."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from console import run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.cli import commands, documents

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples" / "cxml"
FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "cxml"
ORDER = FIXTURES / "order_request" / "second_version.xml"
MEMBERS = ["protocol", "sender", "receiver", "documents", "findings", "faults"]


def crossdock(*arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    result = CliRunner().invoke(commands("read"), list(arguments), input=stdin, prog_name="crossdock")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout_bytes, result.stderr


def read(*arguments: str, stdin: bytes = b"") -> tuple[int, dict[str, Any]]:
    status, out, _ = crossdock("read", *arguments, stdin=stdin)
    told: dict[str, Any] = json.loads(out)
    assert list(told) == MEMBERS
    return status, told


def samples() -> list[dict[str, str]]:
    manifest = SAMPLES / "manifest.tsv"
    if not manifest.exists():
        return []
    lines = manifest.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("sample", samples() or [None], ids=lambda sample: sample and sample["file"])
def test_a_published_document_gets_the_verdict_it_deserves(sample: dict[str, str] | None) -> None:
    if sample is None:
        pytest.skip("../shared/samples is not here")
    status, told = read(str(SAMPLES / sample["file"]))
    findings = [finding for finding in told["findings"] if finding["weight"] != "notice"]
    verdict = "refuse" if status else "accept with findings" if findings else "accept"
    assert verdict == sample["expected"], told["faults"] + findings


def test_a_document_is_told_with_its_kind_and_parties() -> None:
    status, told = read(str(ORDER))
    assert (status, told["protocol"], told["faults"]) == (0, "cxml", [])
    assert [document["kind"] for document in told["documents"]] == ["OrderRequest"]
    assert told["documents"][0]["document"]["lines"]
    assert told["sender"]
    assert told["receiver"]


def test_standard_input_is_read_for_a_dash() -> None:
    assert read("-", stdin=ORDER.read_bytes()) == read(str(ORDER))


def test_what_is_none_of_our_protocols_is_refused_with_a_reason() -> None:
    status, told = read("-", stdin=b"hello")
    assert (status, told["protocol"]) == (1, None)
    assert [(fault["code"], fault["found"]) for fault in told["faults"]] == [("protocol.unknown", "hello")]


def multipart(body: bytes) -> bytes:
    return (
        b"--b1\r\nContent-Type: text/xml\r\nContent-ID: <root@b.example>\r\n\r\n" + body + b"\r\n"
        b"--b1\r\nContent-Type: application/pdf\r\nContent-ID: <dwg1@b.example>\r\n\r\n%PDF\r\n--b1--\r\n"
    )


HEADER = b'MIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n boundary="b1"; start="<root@b.example>"\r\n\r\n'


@pytest.mark.parametrize(
    ("arguments", "head"),
    [
        ((), b""),
        ((), HEADER),
        (("--media-type", "multipart/related; boundary=b1"), b""),
    ],
    ids=["bare", "with its headers", "with the media type beside it"],
)
def test_a_multipart_document_is_read_from_its_root(arguments: tuple[str, ...], head: bytes) -> None:
    status, told = read("-", *arguments, stdin=head + multipart(ORDER.read_bytes()))
    assert (status, [document["kind"] for document in told["documents"]]) == (0, ["OrderRequest"])


def test_an_endless_input_is_refused_and_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    status, told = read("-", stdin=b" " * 100_000)
    assert (status, told["faults"][0]["code"]) == (1, "input.too_large")


@pytest.mark.parametrize("arguments", [["read"], ["read", "/does/not/exist"], ["read", "/"], ["convert", "x"]])
def test_wrong_usage_is_told_apart_from_a_refused_document(arguments: list[str]) -> None:
    status, out, error = crossdock(*arguments)
    assert (status, out) == (2, b"")
    assert "Usage: crossdock" in error


def test_json_is_the_canonical_document_alone() -> None:
    status, out, error = crossdock("convert", str(ORDER), "--to", "json")
    assert (status, error) == (0, "")
    assert json.loads(out) == read(str(ORDER))[1]["documents"][0]["document"]


def test_a_kind_that_is_not_there_is_named_with_those_that_are() -> None:
    status, out, error = crossdock("convert", str(ORDER), "--to", "json", "--kind", "Invoice")
    assert (status, out) == (1, b"")
    assert "no document of kind Invoice here; there is: OrderRequest" in error


def test_a_refused_document_is_not_converted() -> None:
    status, out, error = crossdock("convert", "-", "--to", "json", stdin=b"<cXML>")
    assert (status, out) == (1, b"")
    assert "xml." in error


def test_the_real_command_writes_one_line_of_utf_8_and_nothing_else() -> None:
    done = run("read", str(ORDER), LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    assert list(json.loads(done.stdout.decode("utf-8"))) == MEMBERS


@given(st.binary(max_size=2_000))
@settings(max_examples=200, deadline=None)
def test_no_bytes_end_in_a_traceback(body: bytes) -> None:
    assert read("-", stdin=body)[0] in (0, 1)


DOCUMENTS = [path.read_bytes() for path in sorted(FIXTURES.rglob("*.xml"))]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound document, cut, doubled, overwritten and filled in at random places."""
    body = draw(st.sampled_from(DOCUMENTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.sampled_from([0, 1, 2, 40, 400])))
        filling = draw(
            st.sampled_from([b"", b"\0", b"&x;", b"<", b"]]>", b"\xff", b"<!--", b"1e3", b"-", body[start:end] * 2])
            | st.binary(max_size=8)
        )
        body = body[:start] + filling + body[end:]
    return body


@given(damaged())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
def test_no_damage_ends_in_a_traceback(body: bytes) -> None:
    assert read("-", stdin=body)[0] in (0, 1)
