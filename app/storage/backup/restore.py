"""Putting a backup back, into an empty database of either kind, in one transaction: whole, or not at all.

What the backup calls open may have been done after it was taken, so nothing is taken up where it stood: every open
delivery becomes uncertain, which means that it is looked up in the ERP before it may be sent. What buyers are owed goes
out again: the same documents under the same ids, which their systems know. Browsers sign in anew."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, inspect, literal, select, text, update
from sqlmodel import Session, col

from app.seal import KeyRing
from app.storage import schema
from app.storage.backup.archive import BadBackup, Manifest, Member, Reader
from app.storage.backup.rows import Loader
from app.storage.database import Database
from app.storage.deliveries import DeliveryRow, State
from app.storage.dispatches import DispatchRow
from app.storage.dispatches import State as Owed
from app.storage.mails import MailRow
from app.storage.mails import State as Unsent
from app.storage.pages import MOST_BYTES, MOST_ROWS
from app.storage.password_links import PasswordLinkRow
from app.storage.people import PendingSignInRow, PersonSessionRow
from app.storage.progress import Progress, unwatched
from app.storage.restores import RestoreRow
from app.storage.seal_keys import register_key, unopenable
from app.storage.tables import METADATA


class NotRestored(Exception):
    """Nothing was written; the text says why."""


def restore(
    database: Database,
    reader: Reader,
    keys: KeyRing,
    *,
    at: datetime,
    done: Progress = unwatched,
) -> None:
    """Fills the migrated, empty `database`; `done` is told the rows written so far and how many there are.

    Raises NotRestored, or BadBackup for a file that is not what its manifest says; call `reader.check` before."""
    manifest = reader.manifest
    refuse_unfit(manifest)
    with database.engine.connect() as connection, connection.begin():
        refuse_filled(connection)
        ours = {table.name: table for table in METADATA.sorted_tables}
        if {member.table for member in manifest.tables} != ours.keys():
            raise NotRestored("the backup holds other tables than this version has")
        written = 0
        for member in sorted(manifest.tables, key=lambda member: list(ours).index(member.table)):
            for rows in _load(connection, ours[member.table], member, reader):
                written += rows
                done(written, manifest.rows)
        with Session(connection, join_transaction_mode="rollback_only") as session:
            problems = unopenable(session, keys)
            if problems:
                raise NotRestored(f"{problems[0]}; put the key file of the server that was backed up in place first")
            register_key(session, keys, at)
            _begin_anew(session, manifest, at)
            session.flush()


def refuse_unfit(manifest: Manifest) -> None:
    """Raises NotRestored for a backup of another schema."""
    if manifest.revision != schema.head():
        raise NotRestored(
            f"the backup is of schema {manifest.revision}, this version's is {schema.head()}: "
            f"restore it with Crossdock {manifest.product}, then run `crossdock init` of this version"
        )


def refuse_filled(connection: Connection) -> None:
    """Raises NotRestored when there is anything that a restore would mix with."""
    present = set(inspect(connection).get_table_names())
    for table in METADATA.sorted_tables:
        if table.name in present and connection.execute(select(literal(1)).select_from(table).limit(1)).first():
            raise NotRestored(
                f"the database is not empty (there are rows in {table.name}): restore into a new one, "
                "by --data or CROSSDOCK_DATABASE_URL"
            )


def _load(connection: Connection, table: Table, member: Member, reader: Reader) -> Iterator[int]:
    loader = Loader(table, connection)
    rows: list[dict[str, Any]] = []
    weight = total = 0
    for line in reader.lines(member):
        try:
            rows.append(loader.read(line))
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise BadBackup(f"row {total + len(rows) + 1} of {table.name} cannot be read: {error}") from error
        weight += len(line)
        if len(rows) >= MOST_ROWS or weight >= MOST_BYTES:
            loader.insert(rows)
            yield len(rows)
            total += len(rows)
            rows, weight = [], 0
    if rows:
        loader.insert(rows)
        yield len(rows)
        total += len(rows)
    if total != member.rows:
        raise BadBackup(f"the table {table.name} has {total} rows, not the {member.rows} of the manifest")
    _move_sequence(connection, table)


def _move_sequence(connection: Connection, table: Table) -> None:
    """PostgreSQL's counters know nothing of rows that came with their numbers."""
    column = table.autoincrement_column
    if column is not None and connection.dialect.name == "postgresql":
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our own names
                f"max({column.name})) FROM {table.name} HAVING max({column.name}) IS NOT NULL"
            )
        )


def _begin_anew(session: Session, manifest: Manifest, at: datetime) -> None:
    session.exec(
        update(DeliveryRow)
        .where(col(DeliveryRow.open).is_(True))
        .values(state=State.UNCERTAIN, uncertain_since=at, due_at=None, claim=None, touched_at=at)
    )
    # Whoever had one in hand is not here: nobody waits for its lease to end.
    session.exec(
        update(DispatchRow)
        .where(col(DispatchRow.open).is_(True), col(DispatchRow.claim).is_not(None))
        .values(state=Owed.WAITING, due_at=at, claim=None, touched_at=at)
    )
    session.exec(
        update(MailRow)
        .where(col(MailRow.open).is_(True), col(MailRow.claim).is_not(None))
        .values(state=Unsent.WAITING, due_at=at, claim=None, touched_at=at)
    )
    session.exec(delete(PersonSessionRow))
    session.exec(delete(PendingSignInRow))
    # A link that was used since would work again.
    session.exec(delete(PasswordLinkRow))
    session.add(RestoreRow(at=at, taken_at=manifest.taken_at))
