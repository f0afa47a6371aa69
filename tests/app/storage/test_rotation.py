"""After a rotation the old key is needed for nothing, whatever happened meanwhile."""

import signal
from collections.abc import Iterator
from pathlib import Path

import any_rows
import commands
import console
import pytest
from conftest import AT
from databases import Templates
from sqlalchemy import LargeBinary, select, update
from sqlmodel import Session, col

from app.bridge import registry
from app.partners.secrets import Purpose, keep_secret, secrets_of
from app.seal import KeyFile, KeyRing, Place, Secret, make_key_file
from app.storage import audit, ledger
from app.storage.base import LIVE, Row, new_id, table_of
from app.storage.database import Database
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.pages import stored
from app.storage.partners import PartnerRow
from app.storage.rotation import left, rotate
from app.storage.seal_keys import SealKeyRow, register_key
from app.storage.sealed_columns import SEALED

OLD = KeyRing.made("2025")


def put(session: Session, keys: KeyRing, body: bytes) -> str:
    row = any_rows.rows(table_of(ExchangeRow), 1)[0]
    exchange_id = new_id()
    row |= {"id": exchange_id, "partner_id": None, "customer_id": None}
    ledger.put_exchange(session, row, ledger.seal_exchange(keys, exchange_id, body))
    return exchange_id


def bodies(database: Database, keys: KeyRing, count: int) -> list[str]:
    return database.write(lambda session: [put(session, keys, b"body") for _ in range(count)])


def body_of(database: Database, keys: KeyRing, exchange_id: str) -> bytes:
    with database.read() as session:
        return ledger.body_of(session, keys, exchange_id)


def only_current(keys: KeyRing) -> KeyRing:
    return KeyRing({keys.current: keys.keys[keys.current]}, keys.current)


def test_every_sealed_column_is_known() -> None:
    binary = {
        (table.name, column.name)
        for table in Row.metadata.sorted_tables
        for column in table.columns
        if isinstance(stored(column), LargeBinary)
    }
    under_data_keys = {("cd_exchange_bodies", "sealed_body"), ("cd_quarantine", "sealed_body")}
    known = {(sealed.table.name, sealed.name) for sealed in SEALED}
    assert binary == known | under_data_keys | {("cd_seal_keys", table_of(SealKeyRow).c.check.name)}


def test_everything_sealed_opens_with_the_new_key_alone(database: Database) -> None:
    def fill(session: Session) -> tuple[str, str, str]:
        partner = PartnerRow(realm=LIVE, name="Buyer", created_at=AT)
        session.add(partner)
        session.flush()
        keep_secret(session, OLD, partner, Purpose.CXML_INBOUND, Secret("for a partner"), now=AT)
        erp = registry.keep_erp(session, realm=LIVE, name="erp", adapter="rest_json", settings={}, now=AT)
        secret = registry.keep_secret(session, OLD, erp, "token", Secret("for an ERP"), now=AT)
        row = any_rows.rows(table_of(QuarantineRow), 1)[0] | {"id": new_id()}
        for name in ("sealed_key", "sealed_body"):
            del row[name]
        ledger.quarantine(session, row, ledger.seal_quarantined(OLD, row["id"], b"strange"), rows=9, size=10**6)
        return put(session, OLD, b"<cXML/>"), row["id"], secret.id

    exchange_id, quarantined, erp_secret = database.write(fill)
    keys = OLD.rotated("2026")
    assert rotate(database, keys).values == 4
    assert left(database, keys) == 0
    new = only_current(keys)
    with database.read() as session:
        partner = session.exec(select(PartnerRow)).scalars().one()
        assert secrets_of(session, new, partner, Purpose.CXML_INBOUND, AT)[0].reveal() == "for a partner"
        sealed = session.get_one(registry.ErpSecretRow, erp_secret).sealed
        assert new.open_text(sealed, Place("cd_erp_secrets", erp_secret, "sealed")).reveal() == "for an ERP"
        assert ledger.body_of(session, new, exchange_id) == b"<cXML/>"
        assert ledger.quarantined_body(session, new, quarantined) == b"strange"


def test_batches_cover_a_table_that_is_larger_than_one(database: Database) -> None:
    ids = bodies(database, OLD, 450)
    keys = OLD.rotated("2026")
    told: list[tuple[int, int]] = []
    assert rotate(database, keys, lambda done, total: told.append((done, total))).values == 450
    assert told == [(200, 450), (400, 450), (450, 450)]
    assert all(body_of(database, only_current(keys), exchange_id) == b"body" for exchange_id in (ids[0], ids[-1]))


def test_what_was_erased_while_a_batch_was_sealed_stays_erased(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (exchange_id,) = bodies(database, OLD, 1)
    keys = OLD.rotated("2026")
    rewrap = KeyRing.rewrap

    def erased_meanwhile(ring: KeyRing, sealed: bytes, place: Place) -> bytes:
        database.write(lambda session: session.execute(update(ExchangeBodyRow).values(sealed_key=None)))
        return rewrap(ring, sealed, place)

    monkeypatch.setattr(KeyRing, "rewrap", erased_meanwhile)
    rotate(database, keys)
    with pytest.raises(ledger.BodyErased):
        body_of(database, keys, exchange_id)


def test_a_value_that_no_key_opens_is_told_and_left(database: Database) -> None:
    first, broken, last = bodies(database, OLD, 3)
    damaged = OLD.seal(b"key", Place("cd_exchange_bodies", "elsewhere", "body"))
    database.write(
        lambda session: session.execute(
            update(ExchangeBodyRow).where(col(ExchangeBodyRow.exchange_id) == broken).values(sealed_key=damaged)
        )
    )
    keys = OLD.rotated("2026")
    rotated = rotate(database, keys)
    assert (rotated.values, rotated.unopenable) == (2, [("cd_exchange_bodies", broken)])
    assert {body_of(database, only_current(keys), found) for found in (first, last)} == {b"body"}


def test_a_running_server_opens_with_the_new_key_at_once_and_soon_seals_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("t", "1", "c")
    make_key_file(tmp_path / "seal.keys", "2025")
    server = KeyFile(tmp_path / "seal.keys").ring()
    before = server.seal(b"before", place)
    rotated = server.rotated("2026")
    KeyFile(tmp_path / "seal.keys").replace(rotated)
    assert server.key_id(server.seal(b"x", place)) == "2025", "looked at the file for each value"
    assert server.open(rotated.seal(b"after", place), place) == b"after"
    assert server.open(before, place) == b"before"
    monkeypatch.setattr("app.seal.FOLLOW_SECONDS", 0.0)
    assert server.key_id(server.seal(b"x", place)) == "2026"


def test_a_key_file_that_is_away_or_broken_for_a_moment_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seal.FOLLOW_SECONDS", 0.0)
    path = tmp_path / "seal.keys"
    make_key_file(path, "2025")
    server = KeyFile(path).ring()
    path.unlink()
    assert server.key_id(server.seal(b"x", Place("t", "1", "c"))) == "2025"
    path.write_text("half a li")
    assert server.key_id(server.seal(b"x", Place("t", "1", "c"))) == "2025"


@pytest.fixture
def installed(templates: Templates, tmp_path: Path) -> Iterator[Path]:
    """A data directory with 450 sealed bodies."""
    keys = make_key_file(tmp_path / "seal.keys", "first")
    with templates.migrated_url("sqlite", tmp_path) as url:
        database = Database(url, pool=2)
        database.start()
        database.write(lambda session: register_key(session, keys, AT))
        bodies(database, keys, 450)
        database.stop()
        yield tmp_path


def test_a_rotation_that_was_killed_goes_on_and_the_old_key_retires(installed: Path) -> None:
    data = ("--data", str(installed))
    killed = console.run("seal", "rotate", *data, CROSSDOCK_KILL_AT="rotation.batch")
    assert killed.returncode == -signal.SIGKILL
    new = KeyFile(installed / "seal.keys").ring().current
    refused = commands.run("seal", "retire", "first", *data)
    assert (refused.status, refused.err) == (1, "250 values are still sealed with first; rotate first\n")
    went_on = commands.run("seal", "rotate", *data)
    assert went_on.status == 0
    assert f"going on: 250 values are to be sealed with {new}" in went_on.out
    assert commands.run("seal", "retire", "first", *data).status == 0
    ring = KeyFile(installed / "seal.keys").ring()
    assert list(ring.keys) == [new]
    database = Database(f"sqlite:///{installed / 'crossdock.db'}", pool=2)
    with database.read() as session:
        for (exchange_id,) in session.execute(select(ExchangeRow.id)).all():
            assert ledger.body_of(session, ring, exchange_id) == b"body"
        assert audit.first_broken(session) is None
        events = session.scalars(select(audit.AuditRow.event).order_by(audit.AuditRow.sequence)).all()
        assert events == ["keys_rotated", "key_retired"]
    database.stop()


def test_the_key_that_seals_cannot_retire(installed: Path) -> None:
    current = KeyFile(installed / "seal.keys").ring().current
    refused = commands.run("seal", "retire", current, "--data", installed)
    assert (refused.status, refused.err) == (1, f"{current} seals at present; rotate first\n")


def test_several_machines_get_the_key_before_it_seals(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.seals.FOLLOW_SECONDS", 0.0)
    data = ("--data", str(installed))
    assert commands.run("seal", "add", *data).status == 0
    ring = KeyFile(installed / "seal.keys").ring()
    (spare,) = set(ring.keys) - {ring.current}
    assert commands.run("seal", "rotate", "--to", spare, *data).status == 0
    assert KeyFile(installed / "seal.keys").ring().current == spare
