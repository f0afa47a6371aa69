"""A worker without its engine: works what is due in the lanes of a database until nothing is open.

Arguments: the database's URL, the ERP's URL, the folder of the ERP's secret, the worker's id."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import RecordedWork
from demo_erps import adapter
from sqlmodel import Session, col, exists, select

from app.clock import SystemClock
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.jobs import sweep
from app.seal import KeyRing
from app.settings import Settings
from app.storage import deliveries
from app.storage.database import Database
from app.storage.deliveries import DeliveryRow
from app.work import Lane

THREADS = 4


def anything_open(session: Session) -> bool:
    return bool(session.exec(select(exists().where(col(DeliveryRow.open).is_(True)))).one())


def main(database_url: str, erp_url: str, secret: Path, worker_id: str) -> None:
    database = Database(database_url, pool=8)
    database.start()
    clock = SystemClock()
    settings = Settings(
        data=secret, database_url=database_url, base_url="https://crossdock.example", worker_id=worker_id
    )
    with adapter(erp_url, secret, total=10, settle=0.2) as erp, ThreadPoolExecutor(THREADS) as threads:
        gateway = Gateway(
            settings=settings,
            clock=clock,
            database=database,
            engine=RecordedWork(),
            keys=KeyRing.made("test"),
            erps={"main": erp},
        )
        sweep.recover(gateway)
        while True:
            with database.read() as session:
                if not anything_open(session):
                    break
                due = deliveries.due_lanes(session, clock.now(), clock.now())
            list(threads.map(lambda lane: lane_job.run(gateway, Lane(realm=lane[0], lane=lane[1])), due))
            time.sleep(0.05)
    database.stop()


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
