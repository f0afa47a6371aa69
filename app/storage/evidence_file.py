"""The evidence of one order as a ZIP that anybody can check without us: `manifest.json` lists every member with its
SHA-256, and every exchange with the size and the SHA-256 under which the ledger keeps its bytes."""

import hashlib
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from app.storage import audit

FORMAT: Final = "crossdock-evidence"
MANIFEST: Final = "manifest.json"
AUDIT: Final = "audit.json"
LARGEST_MANIFEST: Final = 50_000_000
CHUNK: Final = 1024 * 1024

_encoder = msgspec.json.Encoder(decimal_format="string")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    size: int
    sha256: str


class ExchangeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """
    size, sha256  of the bytes as they came or went.
    members       what of them is in the file. `raw` names the one that holds exactly those bytes.
    withheld      why there is nothing, or not everything.
    """

    id: str
    direction: str
    kind: str | None
    state: str
    at: datetime
    control_id: str | None
    size: int
    sha256: str
    members: list[str]
    raw: str | None = None
    withheld: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`redacted`: secrets and card numbers are masked, so that documents are not byte for byte those of the ledger."""

    format: Literal["crossdock-evidence"] = FORMAT
    version: Literal[1] = 1
    product: str
    made_at: datetime
    order_id: str
    order_number: str
    redacted: bool
    exchanges: list[ExchangeEntry]
    members: list[Member]


class EvidenceFile:
    """Being written; `finish` makes it whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self.members: list[Member] = []

    def add(self, name: str, content: bytes) -> str:
        self._archive.writestr(name, content)
        self.members.append(Member(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest()))
        return name

    def add_json(self, name: str, content: Any) -> str:
        return self.add(name, msgspec.json.format(_encoder.encode(content)))

    def finish(self, manifest: Manifest) -> None:
        self._archive.writestr(MANIFEST, msgspec.json.format(_encoder.encode(manifest)))
        self._archive.close()


class Examined(msgspec.Struct, kw_only=True):
    """`problems` is empty for a file that is what it was when it was made."""

    manifest: Manifest | None = None
    problems: list[str] = msgspec.field(default_factory=list)


def examine(path: Path) -> Examined:
    """Checks a file against its own manifest, with no database and no key. Raises OSError."""
    found = Examined()
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
                return Examined(problems=["the manifest is too large"])
            found.manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            found.problems = [*_wrong_members(archive, found.manifest), *_wrong_raw(found.manifest)]
            if not found.problems:
                found.problems = _broken_audit(archive)
    except KeyError as error:
        found.problems.append(f"the file has no {error.args[0]}")
    except (zipfile.BadZipFile, msgspec.MsgspecError, ValueError, RuntimeError, EOFError) as error:
        found.problems.append(f"the file cannot be read: {error}")
    return found


def _wrong_members(archive: zipfile.ZipFile, manifest: Manifest) -> list[str]:
    listed = {member.name: member for member in manifest.members}
    present = [name for name in archive.namelist() if name != MANIFEST]
    problems = [f"{name} is not in the manifest" for name in present if name not in listed]
    problems += [f"{name} is there more than once" for name in sorted({n for n in present if present.count(n) > 1})]
    for name, member in listed.items():
        if name not in present:
            problems.append(f"{name} is missing")
        elif _digest(archive, name) != (member.size, member.sha256):
            problems.append(f"{name} was changed")
    return problems


def _digest(archive: zipfile.ZipFile, name: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as member:
        while piece := member.read(CHUNK):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


def _wrong_raw(manifest: Manifest) -> list[str]:
    members: Mapping[str, Member] = {member.name: member for member in manifest.members}
    return [
        f"{entry.raw} is not what the ledger kept of exchange {entry.id}"
        for entry in manifest.exchanges
        if entry.raw and (entry.raw not in members or members[entry.raw].sha256 != entry.sha256)
    ]


def _broken_audit(archive: zipfile.ZipFile) -> list[str]:
    entries = msgspec.json.decode(archive.read(AUDIT), type=list[dict[str, Any]])
    entries = [{**entry, "at": datetime.fromisoformat(entry["at"])} for entry in entries]
    return [f"audit entry {e['sequence']} was changed" for e in entries if e["hash"] != audit.hash_of(e)]
