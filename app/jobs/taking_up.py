"""Takes a row in hand also while the database comes and goes.

When the answer to a commit is lost with the database, the row may be in hand all the same: the next attempt finds that
out and goes on with it, instead of waiting until its lease runs out."""

from collections.abc import Callable
from typing import Generic, TypeVar

from sqlmodel import Session

S = TypeVar("S")


class TakingUp(Generic[S]):
    """A piece of work for `Database.insist`.

    prepare  takes up what is next; None when there is nothing.
    resumed  what was taken up before, if it is still in our hand."""

    def __init__(self, prepare: Callable[[Session], S | None], resumed: Callable[[Session, S], S | None]) -> None:
        self._prepare = prepare
        self._resumed = resumed
        self._in_doubt: list[S] = []

    def __call__(self, tx: Session) -> S | None:
        for earlier in self._in_doubt:
            if (step := self._resumed(tx, earlier)) is not None:
                return step
        step = self._prepare(tx)
        if step is not None:
            self._in_doubt.append(step)
        return step
