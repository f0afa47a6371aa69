"""A backup is everything at one moment; a restore is everything or nothing, and takes nothing up where it stood."""

import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import any_rows
import pytest
from conftest import AT
from databases import KINDS, Templates
from sqlalchemy import func, insert, select, text, update
from sqlmodel import Session, col

from app.seal import KeyRing
from app.storage.backup import archive, rows
from app.storage.backup.archive import BadBackup
from app.storage.backup.restore import NotRestored, restore
from app.storage.backup.take import take
from app.storage.base import Row, new_id, table_of
from app.storage.database import Database
from app.storage.deliveries import OPEN, DeliveryRow, State
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow
from app.storage.people import PersonSessionRow
from app.storage.restores import RestoreRow, newest
from app.storage.seal_keys import SealKeyRow, register_key

KEYS = KeyRing.made("backup-test")
CHANGED_BY_RESTORE = (
    "cd_deliveries",
    "cd_password_links",
    "cd_pending_sign_ins",
    "cd_person_sessions",
    "cd_restores",
    "cd_seal_keys",
)


@pytest.fixture
def filled(database: Database) -> Database:
    """Some rows in every table."""
    with database.engine.begin() as connection:
        any_rows.fill(connection)
        connection.execute(table_of(SealKeyRow).delete())
    database.write(lambda session: register_key(session, KEYS, AT))
    return database


@pytest.fixture
def target(
    request: pytest.FixtureRequest, database: Database, other_templates: Templates, tmp_path: Path
) -> Iterator[Database]:
    """An empty migrated database: of the other kind than the source, or of the kind that the test names."""
    kind = getattr(request, "param", None) or ("postgres" if database.sqlite else "sqlite")
    folder = tmp_path / "target"
    folder.mkdir()
    with other_templates.migrated_url(kind, folder) as url:
        database = Database(url, pool=2)
        database.start()
        yield database
        database.stop()


def restored(file: Path, target: Database, keys: KeyRing = KEYS) -> None:
    with archive.opened(file) as reader:
        reader.check()
        restore(target, reader, keys, at=AT + timedelta(hours=1))


def counts(database: Database) -> int:
    with database.engine.connect() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Row.metadata.sorted_tables
        )


@pytest.mark.parametrize("target", KINDS, indirect=True)
def test_every_row_comes_back_in_either_kind_of_database(filled: Database, target: Database, tmp_path: Path) -> None:
    take(filled, tmp_path / "b.zip", at=AT)
    restored(tmp_path / "b.zip", target)
    with filled.engine.connect() as source, target.engine.connect() as copy:
        before = any_rows.content(source, without=CHANGED_BY_RESTORE)
        assert any_rows.content(copy, without=CHANGED_BY_RESTORE) == before
        assert all(len(rows) == 4 for rows in before.values())


def test_a_json_column_keeps_its_exact_text(filled: Database, target: Database, tmp_path: Path) -> None:
    odd = '{"b":1,   "a" : 1.10}'
    with filled.engine.begin() as connection:
        given = ":odd" if filled.sqlite else "CAST(:odd AS JSON)"
        connection.execute(text(f"UPDATE cd_exchanges SET faults = {given}"), {"odd": odd})
    take(filled, tmp_path / "b.zip", at=AT)
    restored(tmp_path / "b.zip", target)
    with target.engine.connect() as connection:
        assert set(connection.scalars(text("SELECT CAST(faults AS TEXT) FROM cd_exchanges"))) == {odd}


def test_new_rows_get_numbers_of_their_own_after_a_restore(filled: Database, target: Database, tmp_path: Path) -> None:
    take(filled, tmp_path / "b.zip", at=AT)
    restored(tmp_path / "b.zip", target)
    row = any_rows.rows(table_of(DeliveryRow), 5)[4]
    del row["sequence"]
    row |= {"order_id": any_rows.value(table_of(DeliveryRow).c.order_id, 1), "revision": 9}
    row["customer_id"] = any_rows.value(table_of(DeliveryRow).c.customer_id, 1)
    with target.engine.begin() as connection:
        connection.execute(insert(DeliveryRow), [row])
        assert connection.scalar(select(func.max(col(DeliveryRow.sequence)))) == 5


def test_what_was_open_is_looked_up_before_it_is_sent_again(filled: Database, target: Database, tmp_path: Path) -> None:
    states = [State.PENDING, State.SENDING, State.WAITING, State.ACCEPTED]
    with filled.engine.begin() as connection:
        for number, state in enumerate(states, 1):
            values = {"state": state, "open": state in OPEN, "claim": "worker's", "uncertain_since": None}
            connection.execute(update(DeliveryRow).where(col(DeliveryRow.sequence) == number).values(values))
    take(filled, tmp_path / "b.zip", at=AT)
    restored(tmp_path / "b.zip", target)
    with target.read() as session:
        found = session.execute(select(DeliveryRow.state, DeliveryRow.claim).order_by(col(DeliveryRow.sequence))).all()
    assert [tuple(row) for row in found] == [(State.UNCERTAIN, None)] * 3 + [(State.ACCEPTED, "worker's")]


def test_browsers_sign_in_anew_and_the_restore_is_on_record(filled: Database, target: Database, tmp_path: Path) -> None:
    with filled.engine.begin() as connection:
        connection.execute(table_of(RestoreRow).delete())
    take(filled, tmp_path / "b.zip", at=AT)
    restored(tmp_path / "b.zip", target)
    with target.read() as session:
        assert session.scalar(select(func.count()).select_from(PersonSessionRow)) == 0
        assert session.execute(select(RestoreRow.taken_at)).scalar_one() == AT
        assert newest(session) == AT + timedelta(hours=1)


def test_a_backup_beside_a_busy_writer_is_of_one_moment(database: Database, tmp_path: Path) -> None:
    database.write(lambda session: register_key(session, KEYS, AT))
    ended = threading.Event()

    def add(session: Session) -> None:
        row = any_rows.rows(table_of(ExchangeRow), 1)[0]
        row |= {"id": new_id(), "partner_id": None, "customer_id": None}
        session.execute(insert(ExchangeRow), [row])
        session.execute(
            insert(ExchangeBodyRow), [{"exchange_id": row["id"], "sealed_key": b"k", "sealed_body": b"b" * 20_000}]
        )

    for _ in range(200):
        database.write(add)

    def write() -> None:
        while not ended.is_set():
            database.write(add)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        manifests = [take(database, tmp_path / f"{number}.zip", at=AT) for number in range(3)]
    finally:
        ended.set()
        for writer in writers:
            writer.join()
    sizes = []
    for manifest in manifests:
        rows_of = {member.table: member.rows for member in manifest.tables}
        assert rows_of["cd_exchanges"] == rows_of["cd_exchange_bodies"]
        sizes.append(rows_of["cd_exchanges"])
    assert 200 <= sizes[0] < sizes[1] < sizes[2], "nothing was written beside the backups"


def test_a_backup_holds_no_key_and_only_its_owner_may_read_it(filled: Database, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    manifest = take(filled, file, at=AT)
    assert file.stat().st_mode & 0o777 == 0o600
    assert manifest.seal_keys == ["backup-test"]
    with zipfile.ZipFile(file) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist())
    assert KEYS.written().partition(":")[2].strip().encode() not in everything


def test_a_backup_never_replaces_a_file(filled: Database, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    file.write_text("something else")
    with pytest.raises(FileExistsError):
        take(filled, file, at=AT)
    assert file.read_text() == "something else"


def test_a_backup_that_fails_leaves_no_file(filled: Database, tmp_path: Path) -> None:
    def full(_done: int, _total: int) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        take(filled, tmp_path / "b.zip", at=AT, done=full)
    assert list(tmp_path.glob("b.zip*")) == []


@pytest.fixture
def sqlite_backup(templates: Templates, tmp_path: Path) -> Path:
    with templates.migrated_url("sqlite", tmp_path) as url:
        source = Database(url, pool=2)
        with source.engine.begin() as connection:
            any_rows.fill(connection, 40)
        take(source, tmp_path / "b.zip", at=AT)
        source.stop()
    return tmp_path / "b.zip"


def read_whole(file: Path) -> dict[str, bytes]:
    with archive.opened(file) as reader:
        reader.check()
        return {member.table: b"".join(reader.lines(member)) for member in reader.manifest.tables}


def test_a_bit_that_turned_is_found_wherever_it_matters(sqlite_backup: Path) -> None:
    whole, original = read_whole(sqlite_backup), sqlite_backup.read_bytes()
    refused = 0
    for place in range(7, len(original), len(original) // 150):
        damaged = bytearray(original)
        damaged[place] ^= 0x10
        sqlite_backup.write_bytes(damaged)
        try:
            assert read_whole(sqlite_backup) == whole, "only what no row depends on may be damaged unseen"
        except BadBackup:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("kept", [0, 10, 1_000, -1])
def test_a_backup_that_was_cut_is_refused(kept: int, sqlite_backup: Path) -> None:
    sqlite_backup.write_bytes(sqlite_backup.read_bytes()[:kept])
    with pytest.raises(BadBackup):
        read_whole(sqlite_backup)


def rewritten(file: Path, member: str, content: bytes) -> None:
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(file, "w") as new:
        for name, kept in (members | {member: content}).items():
            new.writestr(name, kept)


def test_rows_that_were_taken_out_by_hand_are_noticed(sqlite_backup: Path) -> None:
    rewritten(sqlite_backup, "tables/cd_orders.jsonl", b"")
    with archive.opened(sqlite_backup) as reader, pytest.raises(BadBackup, match="cd_orders is damaged"):
        reader.check()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"nonsense", b'{"format": "other"}'])
def test_a_file_with_a_foreign_manifest_is_no_backup(content: bytes, sqlite_backup: Path) -> None:
    rewritten(sqlite_backup, "manifest.json", content)
    with pytest.raises(BadBackup, match="manifest cannot be read"), archive.opened(sqlite_backup):
        pass


def test_a_backup_of_another_schema_is_refused(filled: Database, target: Database, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    manifest = take(filled, file, at=AT)
    other = json.loads(zipfile.ZipFile(file).read("manifest.json")) | {"revision": "0001"}
    rewritten(file, "manifest.json", json.dumps(other).encode())
    with pytest.raises(NotRestored, match=f"schema 0001, this version's is {manifest.revision}"):
        restored(file, target)
    assert counts(target) == 0


def test_a_database_that_holds_anything_is_not_restored_into(
    filled: Database, target: Database, tmp_path: Path
) -> None:
    take(filled, tmp_path / "b.zip", at=AT)
    target.write(lambda session: register_key(session, KEYS, AT))
    with pytest.raises(NotRestored, match="not empty"):
        restored(tmp_path / "b.zip", target)
    assert counts(target) == 1


def test_without_the_keys_nothing_is_restored(filled: Database, target: Database, tmp_path: Path) -> None:
    take(filled, tmp_path / "b.zip", at=AT)
    with pytest.raises(NotRestored, match="key file of the server that was backed up"):
        restored(tmp_path / "b.zip", target, KeyRing.made("another"))
    assert counts(target) == 0


def test_a_restore_that_breaks_off_leaves_the_database_empty(
    filled: Database, target: Database, tmp_path: Path
) -> None:
    take(filled, tmp_path / "b.zip", at=AT)

    def broken(done: int, total: int) -> None:
        if done > total // 2:
            raise OSError("the disk went away")

    with archive.opened(tmp_path / "b.zip") as reader, pytest.raises(OSError, match="went away"):
        restore(target, reader, KEYS, at=AT, done=broken)
    assert counts(target) == 0


def test_every_column_has_a_portable_form_and_tables_an_order() -> None:
    tables = Row.metadata.sorted_tables
    for table in tables:
        for column in table.columns:
            rows.reader(column)
        own = [key for key in table.foreign_keys if key.column.table is table]
        assert own == [], "a row that refers to its own table may come before the one it refers to"
