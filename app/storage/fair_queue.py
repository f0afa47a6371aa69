"""A queue in which nobody waits for a neighbour's backlog: the owners of what waits are served in turn.

Within one owner the order of arrival holds. An owner that comes late is served in the very next round, however many
items another has brought before.
"""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Not for several threads at once: its user holds a lock."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, owner: str, item: T) -> None:
        self._waiting.setdefault(owner, deque()).append(item)
        self._size += 1

    def take(self) -> T:
        """The oldest item of the owner whose turn it is. Raises IndexError when nothing waits."""
        if not self._waiting:
            raise IndexError("nothing waits")
        owner, items = self._waiting.popitem(last=False)
        item = items.popleft()
        if items:
            self._waiting[owner] = items
        self._size -= 1
        return item

    def make_room(self, owner: str) -> T | None:
        """For a full queue: takes out the newest item of the longest backlog, when that is longer than `owner`'s would
        become. None when `owner` itself is among those who fill the queue."""
        longest = max(self._waiting, key=lambda name: len(self._waiting[name]), default=owner)
        if len(self._waiting.get(longest, ())) <= len(self._waiting.get(owner, ())) + 1:
            return None
        self._size -= 1
        return self._waiting[longest].pop()
