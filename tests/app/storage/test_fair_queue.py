"""Owners in turn, whatever each of them brings; a full queue takes from the longest backlog."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage.fair_queue import FairQueue

owners = st.sampled_from(["flood", "quiet", "other"])


def filled(arrivals: list[str]) -> FairQueue[tuple[str, int]]:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, owner in enumerate(arrivals):
        queue.put(owner, (owner, number))
    return queue


def emptied(queue: FairQueue[tuple[str, int]]) -> list[tuple[str, int]]:
    return [queue.take() for _ in range(len(queue))]


def test_who_comes_late_waits_for_one_item_of_a_flood() -> None:
    served = emptied(filled(["flood"] * 100 + ["quiet"]))
    assert [owner for owner, _ in served[:3]] == ["flood", "quiet", "flood"]


@given(st.lists(owners))
def test_everything_is_served_once_and_in_order_for_each_owner(arrivals: list[str]) -> None:
    served = emptied(filled(arrivals))
    assert sorted(number for _, number in served) == list(range(len(arrivals)))
    for owner in set(arrivals):
        mine = [number for name, number in served if name == owner]
        assert mine == sorted(mine)


@given(st.lists(owners, min_size=1))
def test_nobody_is_served_twice_while_another_waits(arrivals: list[str]) -> None:
    left = Counter(arrivals)
    served = [owner for owner, _ in emptied(filled(arrivals))]
    while served:
        waiting = [owner for owner in left if left[owner]]
        assert sorted(served[: len(waiting)]) == sorted(waiting)
        left.subtract(waiting)
        del served[: len(waiting)]


def test_an_empty_queue_has_nothing() -> None:
    with pytest.raises(IndexError):
        FairQueue[int]().take()


@pytest.mark.parametrize(
    ("arrivals", "owner", "taken_out"),
    [
        (["flood"] * 3, "quiet", ("flood", 2)),
        (["flood"] * 3 + ["quiet"], "quiet", ("flood", 2)),
        (["flood"] * 3 + ["quiet"] * 2, "quiet", None),
        (["flood"] * 3 + ["quiet"], "flood", None),
        (["quiet"], "other", None),
        ([], "other", None),
    ],
)
def test_room_is_made_at_the_cost_of_the_longest_backlog(
    arrivals: list[str], owner: str, taken_out: tuple[str, int] | None
) -> None:
    queue = filled(arrivals)
    assert queue.make_room(owner) == taken_out
    assert len(queue) == len(arrivals) - (taken_out is not None)
