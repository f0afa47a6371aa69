"""Whose document is looked at next: a few at the same time, their senders in turn."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from app.storage.fair_queue import FairQueue

T = TypeVar("T")


class Turns:
    """`at_once` pieces of work in threads of their own. For the event loop's thread alone.

    A plain limiter serves in the order of arrival: a sender with a thousand documents would have all others wait for
    the last of them."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._threads = CapacityLimiter(at_once)
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    async def run(self, sender: str, work: Callable[[], T]) -> T:
        await self._turn(sender)
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._pass_on()

    async def _turn(self, sender: str) -> None:
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(sender, mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while len(self._waiting):
            following = self._waiting.take()
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
