"""Everything a flow or a job needs, passed explicitly: nothing here is global."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.bridge.adapter import ErpAdapter
from app.clock import Clock
from app.engine import Engine, WorkQueue
from app.seal import KeyRing
from app.settings import Settings
from app.storage import schema
from app.storage.base import new_id
from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class Gateway:
    """
    erps   the ERP adapters by the name that customers' settings use.
    ids    makes the ids of new rows; tests may count instead.
    """

    settings: Settings
    clock: Clock
    database: Database
    engine: WorkQueue
    keys: KeyRing
    erps: Mapping[str, ErpAdapter] = field(default_factory=dict)
    ids: Callable[[], str] = new_id


def keys_of(settings: Settings) -> KeyRing:
    """The key ring that the settings name. Raises ValueError with a sentence that says where it was looked for."""
    if settings.keys is not None:
        return KeyRing.read(settings.keys.get_secret_value())
    try:
        text = settings.path_of_keys.read_text()
    except FileNotFoundError:
        raise ValueError(
            f"no key ring: CROSSDOCK_KEYS is not set and {settings.path_of_keys} does not exist; "
            "run `crossdock init`, or put the key file of this database back"
        ) from None
    return KeyRing.read(text)


def migrate(url: str) -> None:
    """Brings our tables and the engine's up to date; in `init` and `demo` only."""
    database = Database(url)
    try:
        if database.sqlite and database.url.database:
            Path(database.url.database).parent.mkdir(parents=True, exist_ok=True)
        schema.upgrade(database.engine)
        Engine(database).migrate()
    finally:
        database.stop()
