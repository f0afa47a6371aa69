"""Reading a body: counted while it comes, so that neither one of them nor all together outgrow the memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import Request

from app.errors import No, Refusal

SLOWEST: Final = 60.0
"""Seconds in which a body must have come."""

DRAIN_SECONDS: Final = 5.0
DRAIN_BYTES: Final = 256_000_000
"""How much of a body that is too large is still taken off the wire and dropped: a client that is cut off while it
sends sees a broken line and not our answer."""


class Room:
    """How many bytes of bodies may be in memory at once, in this process. One address has at most half of it, so that
    it can keep nobody else out by sending much and slowly."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._taken_from: Counter[str] = Counter()

    @asynccontextmanager
    async def body(self, request: Request, *, limit: int) -> AsyncIterator[bytes]:
        """The whole body, which counts as in memory until the block ends.

        Raises Refusal (too large, no room, too slow, encoded) and ClientDisconnect."""
        if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise Refusal(No.UNREADABLE, "The body has a Content-Encoding; send it as it is.")
        chunks: list[bytes] = []
        size = 0
        remote = request.client.host if request.client else ""
        try:
            try:
                async with asyncio.timeout(SLOWEST):
                    async for chunk in request.stream():
                        size += len(chunk)
                        self._taken += len(chunk)
                        self._taken_from[remote] += len(chunk)
                        if size > limit:
                            chunks.clear()
                            await _drain(request)
                            raise Refusal(No.TOO_LARGE, f"The body is larger than the {limit} bytes that are taken.")
                        if self._taken > self._most or self._taken_from[remote] > max(limit, self._most // 2):
                            raise Refusal(No.UNAVAILABLE, "Too much is on its way at once.", retry_after=5)
                        chunks.append(chunk)
            except TimeoutError:
                raise Refusal(No.UNREADABLE, f"The body did not come within {SLOWEST:.0f} s.") from None
            body = b"".join(chunks)
            chunks.clear()
            yield body
        finally:
            self._taken -= size
            self._taken_from[remote] -= size
            if not self._taken_from[remote]:
                del self._taken_from[remote]


async def _drain(request: Request) -> None:
    dropped = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while dropped < DRAIN_BYTES:
                message = await request.receive()
                dropped += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
