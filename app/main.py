"""The only wiring of the server: settings become a gateway, a gateway becomes an application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.applications import Starlette

from app.process import listed, wired
from app.settings import Settings
from app.web.routes import assemble


def build(settings: Settings) -> Starlette:
    """The server for these settings. With `embedded` it works as well as serves.

    Raises ValueError as `process.wired` does."""
    gateway, engine = wired(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        running_ = listed(gateway, engine if settings.embedded else None)
        # The engine must not meet the event loop: it starts and stops in a thread.
        await to_thread.run_sync(running_.__enter__)
        try:
            yield
        finally:
            await to_thread.run_sync(running_.__exit__, None, None, None)

    return assemble(gateway, allowed_hosts=_hosts(settings), lifespan=lifespan)


def _hosts(settings: Settings) -> list[str]:
    """Host headers that are ours: that of the public address, and this machine's names for those who look after it."""
    public = urlsplit(settings.url).hostname
    return sorted({public or "", "localhost", "127.0.0.1", "::1"} - {""})
