"""One order's evidence: everything about it, nothing secret in it, and any change of the file is found."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from buyers import Buyer
from ledger_traffic import buyer_of, finish, order_of, place, post
from sqlmodel import col, select

from app.flows import erase_data
from app.flows.export_evidence import export_evidence
from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.storage.evidence_file import examine
from protocols.cxml.attachments import Part, pack


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return buyer_of(gateway)


def exported(gateway: Gateway, order_id: str, *, raw: bool = False) -> bytes:
    file = io.BytesIO()
    export_evidence(gateway, order_id, file, raw=raw, actor="person:1", channel="page")
    return file.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_everything_about_an_order_is_in_the_file(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    post(gateway, buyer.order_request("PO-1@buyer.example", order=order_of("PO-1")))
    found = members(exported(gateway, order_id))
    assert {name.partition("/")[0] for name in found} == {
        "manifest.json", "order.json", "timeline.json", "audit.json", "documents", "exchanges", "attempts.json",
        "deliveries.json", "dispatches.json", "holds.json", "revisions.json", "runs.json", "tasks.json",
    }  # fmt: skip
    assert [name for name in found if name.endswith("document.xml")] == [
        "exchanges/01-in-OrderRequest/document.xml",
        "exchanges/02-out-answer/document.xml",
        "exchanges/03-in-OrderRequest/document.xml",
    ]
    assert json.loads(found["documents/01-received.json"])["id"] == "PO-1"
    assert json.loads(found["order.json"])["number"] == "PO-1"
    entries = json.loads(found["timeline.json"])
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert {"exchange", "revision", "hold"} <= {entry["source"] for entry in entries}
    assert "received OrderRequest: duplicate" in {entry["what"] for entry in entries}


def test_secrets_are_masked_wherever_they_stand(gateway: Gateway, buyer: Buyer) -> None:
    secret = buyer.secret.encode()
    body = buyer.order_request("PO-1@buyer.example", order=order_of("PO-1"))
    assert secret in body
    body = body.replace(b"<Comments", b"<!-- " + secret + b" --><Comments", 1)
    assert post(gateway, body) == 200
    order_id = place(gateway, buyer, order_of("PO-2"))
    with gateway.database.read() as session:
        first = session.scalars(select(AuditRow.order_id)).first()
    for wanted in (order_id, first or order_id):
        assert secret not in b"".join(members(exported(gateway, wanted)).values())


def test_the_raw_form_has_the_very_bytes(gateway: Gateway, buyer: Buyer) -> None:
    body = buyer.order_request("PO-1@buyer.example", order=order_of("PO-1"))
    order_id = place(gateway, buyer, order_of("PO-1"))
    found = members(exported(gateway, order_id, raw=True))
    assert found["exchanges/01-in-OrderRequest/raw.bin"] == body
    manifest = json.loads(found["manifest.json"])
    assert manifest["redacted"] is False
    assert manifest["exchanges"][0]["sha256"] == hashlib.sha256(body).hexdigest()


def test_files_that_came_with_an_order_are_there_under_safe_names(gateway: Gateway, buyer: Buyer) -> None:
    files = [Part(data=b"a drawing", media_type="image/png", content_id="d@x", name="../../etc/passwd")]
    media_type, body = pack(buyer.order_request("m@buyer.example", order=order_of("PO-1")), files)
    assert post(gateway, body, media_type) == 200
    with gateway.database.read() as session:
        order_id = session.scalars(select(AuditRow.order_id).where(col(AuditRow.order_id).is_not(None))).first()
    assert order_id
    found = members(exported(gateway, order_id))
    assert found["exchanges/01-in-OrderRequest/file-01-passwd"] == b"a drawing"


def test_that_it_was_taken_is_recorded_with_its_hash(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    content = exported(gateway, order_id, raw=True)
    with gateway.database.read() as session:
        row = session.scalars(select(AuditRow).order_by(col(AuditRow.sequence).desc())).first()
    assert row is not None
    assert (row.event, row.actor, row.order_id) == ("evidence_exported", "person:1", order_id)
    assert row.data == {"sha256": hashlib.sha256(content).hexdigest(), "raw": True}


def test_what_was_erased_is_told_and_the_rest_is_there(gateway: Gateway, buyer: Buyer, tmp_path: Path) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    finish(gateway, order_id)
    erase_data.order_data(gateway, order_id, reason="r")
    content = exported(gateway, order_id, raw=True)
    manifest = json.loads(members(content)["manifest.json"])
    assert {entry["withheld"] for entry in manifest["exchanges"]} == {"erased"}
    (tmp_path / "e.zip").write_bytes(content)
    assert examine(tmp_path / "e.zip").problems == []


def test_an_order_that_is_not_there_is_told(gateway: Gateway) -> None:
    with pytest.raises(LookupError):
        exported(gateway, "nobody's")


@pytest.fixture
def file(gateway: Gateway, buyer: Buyer, tmp_path: Path) -> Path:
    order_id = place(gateway, buyer, order_of("PO-1"))
    path = tmp_path / "evidence.zip"
    path.write_bytes(exported(gateway, order_id, raw=True))
    return path


def rewritten(path: Path, changes: dict[str, Any]) -> list[str]:
    """What is found wrong with the file after members were replaced, added, or (None) taken out."""
    kept = {name: content for name, content in (members(path.read_bytes()) | changes).items() if content is not None}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)
    return examine(path).problems


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestExamining:
    def test_an_untouched_file_is_sound(self, file: Path) -> None:
        assert examine(file).problems == []

    def test_a_changed_a_missing_and_an_added_member_are_named(self, file: Path) -> None:
        changes = {"order.json": b"{}", "holds.json": None, "extra.txt": b"x"}
        assert rewritten(file, changes) == [
            "extra.txt is not in the manifest",
            "order.json was changed",
            "holds.json is missing",
        ]

    def test_a_body_with_a_fitting_manifest_still_has_to_be_the_ledgers(self, file: Path) -> None:
        name = "exchanges/01-in-OrderRequest/raw.bin"
        manifest = json.loads(members(file.read_bytes())["manifest.json"])
        (entry,) = [entry for entry in manifest["members"] if entry["name"] == name]
        entry |= {"size": 5, "sha256": hashlib.sha256(b"forge").hexdigest()}
        problems = rewritten(file, {name: b"forge", "manifest.json": json.dumps(manifest).encode()})
        assert problems == [f"{name} is not what the ledger kept of exchange {manifest['exchanges'][0]['id']}"]

    def test_an_audit_entry_with_a_fitting_manifest_still_has_to_fit_its_hash(self, file: Path) -> None:
        found = members(file.read_bytes())
        entries, manifest = json.loads(found["audit.json"]), json.loads(found["manifest.json"])
        entries[0]["actor"] = "person:other"
        changed = json.dumps(entries).encode()
        (entry,) = [entry for entry in manifest["members"] if entry["name"] == "audit.json"]
        entry |= {"size": len(changed), "sha256": hashlib.sha256(changed).hexdigest()}
        problems = rewritten(file, {"audit.json": changed, "manifest.json": json.dumps(manifest).encode()})
        assert problems == [f"audit entry {entries[0]['sequence']} was changed"]

    @pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"])
    def test_what_is_no_evidence_is_told(self, content: bytes, file: Path) -> None:
        file.write_bytes(content)
        assert "cannot be read" in examine(file).problems[0]
