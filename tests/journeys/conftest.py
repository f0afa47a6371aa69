"""Running demos, each the real console script as processes of its own; and pages for browsers."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console import Demo, demo
from order_desk import Desk
from serving import served

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView
from app.web.routes import assemble


@pytest.fixture
def site(desk: Desk) -> Iterator[str]:
    """The pages of a test's own desk, on a socket."""
    with served(assemble(desk.gateway, allowed_hosts=("127.0.0.1",))) as url:
        yield url


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a demo that was started once and stopped: what others begin with is a copy of it."""
    data = tmp_path_factory.mktemp("loaded") / "data"
    with demo(data) as started:
        assert started.stop() == 0
    return data


@pytest.fixture
def copied(loaded: Path, tmp_path: Path) -> Callable[[], Path]:
    def copy() -> Path:
        return Path(shutil.copytree(loaded, tmp_path / "data"))

    return copy


@pytest.fixture(scope="session")
def running(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for every test that needs none of its own."""
    data = tmp_path_factory.mktemp("running") / "data"
    shutil.copytree(loaded, data)
    with demo(data) as started:
        yield started


@pytest.fixture(scope="session")
def access(running: Demo) -> DemoAccess:
    return running.access


@pytest.fixture
def buyer(access: DemoAccess) -> Iterator[VirtualBuyer]:
    made = VirtualBuyer(access.cxml)
    yield made
    made.close()


@pytest.fixture
def erp(access: DemoAccess) -> ErpView:
    return ErpView(access.erp_url)
