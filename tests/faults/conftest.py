"""A site on each database, for tests that leave it drained and without the product's processes."""

from collections.abc import Iterator

import pytest
from databases import KINDS, Templates
from fault_site import NAMES, Site, a_site


@pytest.fixture(scope="session", params=KINDS)
def site(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with templates.own_url(request.param, folder) as url, a_site(NAMES[request.param], url, folder) as made:
        yield made
