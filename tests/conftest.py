"""Fixtures that many tests share."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from databases import KINDS, Templates
from fault_report import FaultReport
from hypothesis import settings
from sqlmodel import Session

from app.clock import SetClock
from app.engine import QueueCount
from app.gateway import Gateway
from app.seal import KeyRing
from app.settings import Settings
from app.storage.base import new_id
from app.storage.database import Database
from app.storage.intake_writer import after_commit
from app.work import Argument, Kind

pytest.register_assert_rewrite("golden")

# A machine that is busy with something else makes no test wrong; where CI says so, every run draws the same examples.
settings.register_profile("crossdock", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("crossdock")

A = TypeVar("A", bound=Argument)

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files of golden fixtures anew")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden fixtures are written instead of held against (tests/golden.py)."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


FAULTS = pytest.StashKey[FaultReport]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FAULTS] = FaultReport()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes that share the tests gives its rows to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = session.config.stash[FAULTS].rows


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    node.config.stash[FAULTS].rows += map(tuple, node.workeroutput["faults"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash[FAULTS]
    if report.rows:
        terminalreporter.section("faults")
        for line in report.table():
            terminalreporter.write_line(line)


@pytest.fixture
def faults(request: pytest.FixtureRequest) -> FaultReport:
    """Printed as a table at the end of the run."""
    return request.config.stash[FAULTS]


@dataclass
class RecordedWork:
    """A work queue that keeps what was committed to it, for tests that look at a flow alone."""

    items: list[tuple[str, Argument, datetime | None, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def enqueue(
        self, session: Session, kind: Kind[A], argument: A, *, at: datetime | None = None, work_id: str | None = None
    ) -> str:
        work_id = work_id or new_id()
        item = (kind.name, argument, at, work_id)
        after_commit(session, lambda: self.items.append(item))
        return work_id

    def cancel(self, session: Session, work_id: str) -> None:
        after_commit(session, lambda: self.cancelled.append(work_id))

    def forget_finished(self, before: datetime, most: int) -> int:
        return 0

    def queues(self) -> list[QueueCount]:
        return []

    def arguments(self, kind: Kind[A]) -> list[Argument]:
        return [argument for name, argument, _, _ in self.items if name == kind.name]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    made = Templates(tmp_path_factory.mktemp("databases"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def other_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """For tests that need a second database beside `database`."""
    made = Templates(tmp_path_factory.mktemp("other-databases"))
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, templates: Templates, tmp_path: Any) -> Iterator[Database]:
    """A migrated database, once on SQLite and once on PostgreSQL."""
    with templates.database(request.param, tmp_path) as database:
        yield database


@pytest.fixture
def clock() -> SetClock:
    return SetClock(AT)


@pytest.fixture
def work_queue() -> RecordedWork:
    return RecordedWork()


@pytest.fixture
def gateway(database: Database, clock: SetClock, work_queue: RecordedWork, tmp_path: Any) -> Gateway:
    settings = Settings(
        data=tmp_path,
        database_url=database.url.render_as_string(hide_password=False),
        base_url="https://crossdock.example",
    )
    return Gateway(
        settings=settings, clock=clock, database=database, engine=work_queue, keys=KeyRing.made("test"), erps={}
    )
