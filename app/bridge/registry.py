"""Which adapters there are, and the ERPs that are set up with them."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlmodel import Session, col, or_, select

from app import metrics
from app.alarms import ALARMS
from app.bridge.adapter import ErpAdapter, Label, SetUp
from app.bridge.rest_json import adapter as rest_json
from app.clock import Clock
from app.seal import KeyRing, Place, Secret, Unsealable
from app.storage.base import LIVE
from app.storage.database import Database
from app.storage.erps import ErpRow, ErpSecretRow

DEFAULT: Final = "main"
"""The ERP of customers whose settings name none."""
FRESH: Final = timedelta(seconds=10)
"""How soon every process sees a change of the rows."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """An adapter that can be set up. `build` raises ValueError for settings that cannot be."""

    label: Label
    build: Callable[[SetUp], ErpAdapter]


ADAPTERS: Final[Mapping[str, Known]] = {
    "rest_json": Known(rest_json.LABEL, rest_json.build),
}


def key(realm: str, name: str) -> str:
    """How the gateway's mapping names an ERP: an order of another realm can never meet one of the live realm."""
    return name if realm == LIVE else f"{realm}/{name}"


def keep_erp(
    tx: Session, *, realm: str, name: str, adapter: str, settings: Mapping[str, object], now: datetime
) -> ErpRow:
    """Sets up an ERP, or changes the one of that name. Raises KeyError for an adapter that there is not."""
    ADAPTERS[adapter]
    row = tx.exec(select(ErpRow).where(ErpRow.realm == realm, ErpRow.name == name)).one_or_none()
    row = row or ErpRow(realm=realm, name=name, adapter=adapter, created_at=now, changed_at=now)
    row.adapter, row.settings, row.changed_at = adapter, dict(settings), now
    tx.add(row)
    tx.flush()
    return row


def keep_secret(
    tx: Session,
    keys: KeyRing,
    erp: ErpRow,
    purpose: str,
    secret: Secret,
    *,
    now: datetime,
    overlap_until: datetime | None = None,
) -> ErpSecretRow:
    """Adds a secret that is valid from now on. Those before it end at `overlap_until`, or stay valid without it."""
    if overlap_until is not None:
        for row in _secrets(tx, erp, overlap_until):
            row.valid_until = overlap_until
    kept = ErpSecretRow(erp_id=erp.id, purpose=purpose, sealed=b"", valid_from=now)
    kept.sealed = keys.seal_text(secret, _place(kept.id))
    erp.changed_at = now
    tx.add(kept)
    return kept


def _secrets(tx: Session, erp: ErpRow, at: datetime) -> list[ErpSecretRow]:
    """Those valid at that time, the newest first."""
    query = (
        select(ErpSecretRow)
        .where(
            ErpSecretRow.erp_id == erp.id,
            col(ErpSecretRow.valid_from) <= at,
            or_(col(ErpSecretRow.valid_until).is_(None), col(ErpSecretRow.valid_until) > at),
        )
        .order_by(col(ErpSecretRow.valid_from).desc(), col(ErpSecretRow.id).desc())
    )
    return list(tx.exec(query))


def _place(row_id: str) -> Place:
    return Place("cd_erp_secrets", row_id, "sealed")


class Erps(Mapping[str, ErpAdapter]):
    """The active ERPs by `key`, as the rows say: a change is seen within FRESH, by every process.

    One that cannot be built is left out and an alert raised; its deliveries wait."""

    def __init__(self, database: Database, keys: KeyRing, clock: Clock, *, private_networks: bool) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._private_networks = private_networks
        self._lock = threading.Lock()
        self._looked_at: datetime | None = None
        self._stamps: dict[str, tuple[object, ...]] = {}
        self._built: dict[str, ErpAdapter] = {}

    def __getitem__(self, name: str) -> ErpAdapter:
        return self._fresh()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fresh())

    def __len__(self) -> int:
        return len(self._fresh())

    def close(self) -> None:
        with self._lock:
            for adapter in self._built.values():
                adapter.close()
            self._built, self._stamps, self._looked_at = {}, {}, None

    def _fresh(self) -> dict[str, ErpAdapter]:
        now = self._clock.now()
        with self._lock:
            if self._looked_at is None or now - self._looked_at >= FRESH:
                self._look(now)
                self._looked_at = now
            return self._built

    def _look(self, now: datetime) -> None:
        built: dict[str, ErpAdapter] = {}
        stamps: dict[str, tuple[object, ...]] = {}
        with self._database.read() as session:
            for row in session.exec(select(ErpRow).where(col(ErpRow.active))):
                secrets = _secrets(session, row, now)
                name = key(row.realm, row.name)
                stamps[name] = (row.id, row.changed_at, *(secret.id for secret in secrets))
                if stamps[name] == self._stamps.get(name) and name in self._built:
                    built[name] = self._built[name]
                elif (adapter := self._build(row, secrets)) is not None:
                    built[name] = adapter
        # An adapter that was replaced is not closed: another thread may be in the middle of a call.
        self._built, self._stamps = built, stamps

    def _build(self, row: ErpRow, secrets: list[ErpSecretRow]) -> ErpAdapter | None:
        try:
            opened: dict[str, tuple[Secret, ...]] = {}
            for secret in secrets:
                text = self._keys.open_text(secret.sealed, _place(secret.id))
                opened[secret.purpose] = (*opened.get(secret.purpose, ()), text)
            given = SetUp(row.realm, row.settings, opened, self._clock, self._private_networks)
            return ADAPTERS[row.adapter].build(given)
        except (KeyError, ValueError, Unsealable) as error:
            metrics.ALERTS.labels(what="erp.set_up").inc()
            _log.exception("alert", what="erp.set_up", erp=row.name, realm=row.realm, error=str(error))
            ALARMS.add("erp.set_up", {"erp": row.name, "realm": row.realm})
            return None
