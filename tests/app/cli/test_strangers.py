"""`crossdock partner strangers`: the quarantine, for the person who sets up a partner."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from buyers import ACME
from commands import run

from app.process import opened
from app.settings import Settings
from app.storage.base import LIVE
from app.transports.intake import Intake, Posted
from schemas.party import Identifier

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    assert run("init", "--data", data).status == 0
    return data


def come(data: Path, *bodies: bytes) -> None:
    with opened(Settings(data=data)) as gateway:
        for body in bodies:
            posted = Posted(
                realm=LIVE, transport="http", body=body, media_type="text/xml", remote="192.0.2.7", at=AT,
                correlation_id=gateway.ids(),
            )  # fmt: skip
            anyio.run(Intake(gateway).take_cxml, posted)


def test_a_stranger_is_listed_by_what_it_says_it_is(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    mistyped = replace(ACME, sender=Identifier(scheme="NetworkId", value="AN0100000OOO1\x1b[2J"))
    come(data, mistyped.order_request().replace(b"\x1b", b"?"), b"\x1b[2J no XML")
    said = run("partner", "strangers", "--data", data)
    assert (said.status, said.err) == (0, "")
    assert "NetworkId/AN0100000OOO1" in said.out
    assert "192.0.2.7" in said.out
    assert "2026-03-02 09:15:00" in said.out
    assert "\x1b" not in said.out


def test_one_document_is_shown_without_its_secret(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    come(data, ACME.order_request(), b"\x1b[2J no XML")
    lines = [line for line in run("partner", "strangers", "--data", data).out.splitlines() if "192.0.2.7" in line]
    broken, order = (line.split()[1] for line in lines)
    shown = run("partner", "strangers", order, "--data", data)
    assert "<Identity>AN01000000001</Identity>" in shown.out
    assert ACME.secret not in shown.out
    assert run("partner", "strangers", broken, "--data", data).out == "\\x1b[2J no XML\n"


def test_an_id_that_is_not_there_is_told(data: Path) -> None:
    said = run("partner", "strangers", "nothing", "--data", data)
    assert (said.status, said.err) == (1, "there is no document nothing\n")
