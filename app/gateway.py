"""Everything a flow or a job needs, passed explicitly: nothing here is global."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlmodel import Session

from app import metrics
from app.alarms import ALARMS
from app.bridge.adapter import ErpAdapter
from app.clock import Clock
from app.engine import Engine, WorkQueue
from app.seal import KeyFile, KeyRing
from app.settings import Settings
from app.storage import schema
from app.storage.base import new_id
from app.storage.changes import Memories
from app.storage.claims import Claims
from app.storage.database import Database, connection_room
from app.storage.durability import weaknesses
from app.storage.seal_keys import unopenable
from app.storage.waiting_lanes import WaitingLanes

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """
    erps   the ERP adapters by the name that customers' settings use.
    ids    makes the ids of new rows; tests may count instead.
    memories  what this process remembers of slow data, for sessions that only read.
    claims    what this process has in hand, by its steady clock.
    waiting   its lanes that wait for a place at their ERP.
    """

    settings: Settings
    clock: Clock
    database: Database
    engine: WorkQueue
    keys: KeyRing
    erps: Mapping[str, ErpAdapter] = field(default_factory=dict)
    ids: Callable[[], str] = new_id
    memories: Memories = field(default_factory=Memories)
    claims: Claims = field(default_factory=Claims)
    waiting: WaitingLanes = field(default_factory=WaitingLanes)


def alert(what: str, **facts: object) -> None:
    """Something that a person must see: counted, logged with what is known, and told by mail to those whom the settings
    name (`flows.tell_operators`). `what` is from a closed list, in the words of the place that raises it
    (`delivery.held`)."""
    metrics.ALERTS.labels(what=what).inc()
    _log.error("alert", what=what, **facts)
    ALARMS.add(what, facts)


def keys_of(settings: Settings) -> KeyRing:
    """The key ring that the settings name. Raises ValueError with a sentence that says where it was looked for."""
    if settings.keys is not None:
        return KeyRing.read(settings.keys.get_secret_value())
    try:
        return KeyFile(settings.path_of_keys).ring()
    except FileNotFoundError:
        raise ValueError(
            f"no key ring: CROSSDOCK_KEYS is not set and {settings.path_of_keys} does not exist; "
            "run `crossdock init`, or put the key file of this database back"
        ) from None


def migrate(url: str) -> None:
    """Brings our tables and the engine's up to date; in `init` and `demo` only."""
    database = Database(url)
    try:
        if database.sqlite and database.url.database:
            Path(database.url.database).parent.mkdir(parents=True, exist_ok=True)
        with schema.one_at_a_time(database.engine):
            schema.upgrade(database.engine)
            Engine(database).migrate()
    finally:
        database.stop()


def problems_of(settings: Settings) -> list[str]:
    """What keeps a server with these settings from running well, one sentence each with the way to mend it; empty
    when nothing does. Looks at the real database and key ring, and changes neither."""
    problems = []
    if settings.base_url is None:
        problems.append("CROSSDOCK_BASE_URL is not set: links that partners and people get would name this machine")
    if settings.keys is None and settings.path_of_keys.exists() and settings.path_of_keys.stat().st_mode & 0o077:
        problems.append(f"{settings.path_of_keys} can be read by others: chmod 600 it")

    def weak(session: Session) -> list[str]:
        return [*_weaknesses(session), *_budget_problems(session, settings.database_pool)]

    return problems + _problems_of_database(settings, weak)


def hindrances_of(settings: Settings) -> list[str]:
    """As `problems_of`, and only what keeps anybody from using the database at all."""
    return _problems_of_database(settings, lambda _: [])


def _problems_of_database(settings: Settings, more: Callable[[Session], list[str]]) -> list[str]:
    """`more` is asked of a database whose tables are current."""
    problems = []
    keys: KeyRing | None = None
    try:
        keys = keys_of(settings)
    except (ValueError, OSError) as error:
        problems.append(str(error))
    try:
        database = Database(settings.url_of_database, pool=2)
    except (ValueError, ArgumentError) as error:
        return [*problems, f"CROSSDOCK_DATABASE_URL: {error}"]
    if database.sqlite and not Path(database.url.database or "").exists():
        return [*problems, f"there is no database at {database.url.database}: run `crossdock init`"]
    try:
        with database.read() as session:
            if schema.pending(session.connection()):
                return [*problems, "the database's migrations are not current: run `crossdock init`"]
            problems += unopenable(session, keys) if keys else []
            problems += more(session)
    except SQLAlchemyError as error:
        problems.append(f"the database does not answer: {getattr(error, 'orig', None) or error}")
    finally:
        database.stop()
    return problems


def connection_budget(settings: Settings) -> str | None:
    """A sentence about connections for the operator; None where there is nothing to share (SQLite)."""
    database = Database(settings.url_of_database, pool=1)
    try:
        with database.read() as session:
            budget = connection_room(session.connection())
    finally:
        database.stop()
    if budget is None:
        return None
    return (
        f"connections: each process with these settings holds up to {settings.database_pool}; "
        f"the server takes {budget.most}, {budget.used} are in use now"
    )


def _budget_problems(session: Session, wanted: int) -> list[str]:
    budget = connection_room(session.connection())
    if budget is None or wanted <= budget.most:
        return []
    return [
        f"CROSSDOCK_DATABASE_POOL is {wanted}, the PostgreSQL server takes {budget.most} connections: lower the one or "
        "raise max_connections"
    ]


def _weaknesses(session: Session) -> list[str]:
    connection = session.connection()
    problems = weaknesses(connection)
    postgresql = connection.dialect.name == "postgresql"
    if postgresql and connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
        problems.append("the database is a read-only standby")
    return problems
