"""Whether an ERP takes one more call: its breaker, and how many it takes at the same time."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sqlmodel import Session

from app.bridge import registry
from app.bridge.adapter import ErpAdapter
from app.gateway import Gateway
from app.storage import deliveries
from app.storage.breakers import Breakers, Go
from app.storage.deliveries import DeliveryRow
from app.storage.waiting_lanes import Erp
from app.work import Lane


def endpoint(row: DeliveryRow) -> str:
    return registry.key(row.realm, row.erp)


class ErpRoom:
    """What one transaction knows of the ERPs that it deals with; of each the database is asked once.

    refused  lanes that found no place in it."""

    def __init__(self, tx: Session, gateway: Gateway) -> None:
        self.breakers = Breakers(tx)
        self.refused: set[Lane] = set()
        self._tx = tx
        self._gateway = gateway
        self._counted: set[str] = set()
        self._sending: Counter[Erp] = Counter()
        self._seen: set[Erp] = set()

    def left(self, rows: Iterable[DeliveryRow]) -> None:
        """These are at their ERPs no more."""
        self._seen |= {(row.realm, row.erp) for row in rows}
        self.breakers.read([registry.key(*erp) for erp in self._seen])

    def look(self, rows: Sequence[DeliveryRow]) -> None:
        """Many at once, before they are asked about one by one."""
        self.breakers.read([endpoint(row) for row in rows])
        self._count({row.erp for row in rows})
        self._seen |= {(row.realm, row.erp) for row in rows}

    def has_room(self, row: DeliveryRow, erp: ErpAdapter, admission: Go) -> bool:
        key, lane = (row.realm, row.erp), Lane(realm=row.realm, lane=row.lane)
        most = erp.at_once if admission.room is None else min(erp.at_once, admission.room)
        kept = self._gateway.waiting.kept(key, lane, self._gateway.clock.elapsed())
        return self._sending[key] + kept < most

    def take(self, row: DeliveryRow) -> None:
        self._sending[row.realm, row.erp] += 1

    def wait(self, row: DeliveryRow) -> None:
        lane = Lane(realm=row.realm, lane=row.lane)
        self.refused.add(lane)
        self._gateway.waiting.wait((row.realm, row.erp), lane)

    def called(self) -> list[Lane]:
        """Lanes for which there are places now at the ERPs that were dealt with, of those that wait in this process."""
        return self.call(self._seen)

    def call(self, erps: Collection[Erp]) -> list[Lane]:
        waited_for = [erp for erp in self._gateway.waiting.erps() if erp in erps]
        self._count({name for _, name in waited_for})
        called: list[Lane] = []
        for key in waited_for:
            erp = self._gateway.erps.get(registry.key(*key))
            # Without an ERP any more each of them learns it by itself.
            free = (erp.at_once if erp is not None else 1) - self._sending[key]
            called += self._gateway.waiting.call(key, free, self._gateway.clock.elapsed())
        return called

    def _count(self, names: set[str]) -> None:
        new = names - self._counted
        if new:
            self._counted |= new
            self._sending.update(deliveries.sending(self._tx, new))
