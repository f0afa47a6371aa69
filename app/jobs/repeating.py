"""Something that a process does every so often in a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(name: str, seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """For as long as the block runs, first after `seconds`. `act` must not raise: the thread would end."""
    ending = threading.Event()

    def repeat() -> None:
        while not ending.wait(seconds):
            act()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
