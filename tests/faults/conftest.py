"""A site on each database, for tests that leave it drained."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from databases import KINDS, Templates
from fault_site import NAMES, Site, a_site


@pytest.fixture(scope="session", params=KINDS)
def common_site(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with templates.own_url(request.param, folder) as url, a_site(NAMES[request.param], url, folder) as made:
        yield made


@pytest.fixture
def site(common_site: Site) -> Iterator[Site]:
    """Without a process of an earlier test."""
    with ExitStack() as stack:
        yield replace(common_site, stack=stack)
