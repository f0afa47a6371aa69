"""The file: a ZIP of one member a table, each a list of JSON lines, and `manifest.json`, which is written last.

The manifest names the schema's revision, the ids of the master keys that open what is sealed (the keys themselves are
never in a backup) and, for each table, how many rows there are and the SHA-256 of the member. Any language reads it."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from app.storage.progress import Progress, unwatched

FORMAT: Final = "crossdock-backup"
MANIFEST: Final = "manifest.json"
LARGEST_MANIFEST: Final = 10_000_000
CHUNK: Final = 1024 * 1024


class BadBackup(Exception):
    """The file is damaged, or not a backup; the text says what was found."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A table: `size` in bytes before compression."""

    table: str
    rows: int
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return f"tables/{self.table}.jsonl"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    revision   of our schema; `product` the version that wrote the file.
    taken_at   the moment whose state it holds.
    source     `sqlite` or `postgresql`: where it came from, not where it may go.
    seal_keys  ids of the master keys that it needs.
    """

    format: Literal["crossdock-backup"] = FORMAT
    version: Literal[1] = 1
    product: str
    revision: str
    taken_at: datetime
    source: str
    seal_keys: list[str]
    tables: list[Member]

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.tables)


class Writer:
    """Members first, then `finish`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def table(self, name: str, lines: Iterable[bytes]) -> Member:
        digest, rows, size = hashlib.sha256(), 0, 0
        with self._archive.open(f"tables/{name}.jsonl", "w", force_zip64=True) as member:
            for line in lines:
                member.write(line)
                digest.update(line)
                rows += 1
                size += len(line)
        return Member(table=name, rows=rows, size=size, sha256=digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        self._archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """A file that appears under its name only when it is whole and on the disk, readable by its owner alone.
    Raises FileExistsError rather than replace one."""
    if path.exists():
        raise FileExistsError(f"{path} exists already")
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with open(part, "xb", opener=_private) as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Reader:
    """An archive that was opened. Raises BadBackup for whatever is wrong with it."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.manifest = self._manifest()

    def _manifest(self) -> Manifest:
        try:
            if self._archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
                raise BadBackup("its manifest is too large")
            manifest = msgspec.json.decode(self._archive.read(MANIFEST), type=Manifest)
        except KeyError:
            raise BadBackup("it has no manifest: it is not a backup, or was not finished") from None
        except (msgspec.MsgspecError, zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError) as error:
            raise BadBackup(f"its manifest cannot be read: {error}") from error
        present = set(self._archive.namelist())
        missing = [member.table for member in manifest.tables if member.name not in present]
        if missing:
            raise BadBackup(f"it lacks the table {missing[0]}")
        return manifest

    def check(self, done: Progress = unwatched) -> None:
        """Reads everything once and compares it with the manifest; `done` is told the bytes that were read."""
        checked, total = 0, sum(member.size for member in self.manifest.tables)
        for member in self.manifest.tables:
            digest, rows = hashlib.sha256(), 0
            with self._opened(member) as file:
                while piece := file.read(CHUNK):
                    digest.update(piece)
                    rows += piece.count(b"\n")
                    checked += len(piece)
                    done(checked, total)
            if digest.hexdigest() != member.sha256 or rows != member.rows:
                raise BadBackup(f"the table {member.table} is damaged: it is not what the manifest says")

    def lines(self, member: Member) -> Iterator[bytes]:
        with self._opened(member) as file:
            yield from file

    @contextmanager
    def _opened(self, member: Member) -> Iterator[IO[bytes]]:
        try:
            with self._archive.open(member.name) as file:
                yield file
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise BadBackup(f"the table {member.table} is damaged: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Raises BadBackup, and OSError when there is no such file."""
    with path.open("rb") as file, _zip(file) as archive:
        yield Reader(archive)


@contextmanager
def _zip(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError) as error:
        raise BadBackup(f"it is not a backup, or is cut short: {error}") from error
    with archive:
        yield archive
