"""What bodies may take of the memory, together and from one address."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.errors import No, Refusal
from app.transports.http.bodies import Room

MOST = 1_000
Receive = Callable[[], Awaitable[Message]]


def sender(address: str, *sizes: int, then: Receive | None = None) -> Request:
    """Sends chunks of these sizes and ends; `then` comes before the end."""
    chunks = iter(sizes)

    async def receive() -> Message:
        size = next(chunks, None)
        if size is not None:
            return {"type": "http.request", "body": b"x" * size, "more_body": True}
        return await then() if then else {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/cxml", "headers": [], "client": (address, 1)}
    return Request(scope, receive)


async def taken(room: Room, request: Request) -> int:
    async with room.body(request, limit=500) as body:
        return len(body)


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def stalled(room: Room, *addresses: str) -> list[asyncio.Task[int]]:
    """From each address 400 bytes that are never followed by their end."""
    tasks = [asyncio.create_task(taken(room, sender(address, 400, then=never))) for address in addresses]
    await asyncio.sleep(0)
    return tasks


@pytest.mark.anyio
async def test_one_address_that_stalls_leaves_half_of_the_room_to_others() -> None:
    room = Room(MOST)
    held = await stalled(room, "192.0.2.1")
    with pytest.raises(Refusal) as refused:
        await taken(room, sender("192.0.2.1", 200))
    assert (refused.value.no, refused.value.retry_after) == (No.UNAVAILABLE, 5)
    assert await taken(room, sender("192.0.2.2", 500)) == 500
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert await taken(room, sender("192.0.2.1", 500)) == 500


@pytest.mark.anyio
async def test_all_together_are_not_more_than_the_room() -> None:
    room = Room(MOST)
    held = await stalled(room, "192.0.2.1", "192.0.2.2")
    with pytest.raises(Refusal) as refused:
        await taken(room, sender("192.0.2.3", 300))
    assert refused.value.no is No.UNAVAILABLE
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
