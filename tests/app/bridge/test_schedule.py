from datetime import timedelta

import pytest

from app.bridge.schedule import BUYER, ERP, wait

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("failures", "planned"), [(0, 5), (1, 5), (2, 30), (5, 1_800), (6, 3_600), (99, 3_600)])
def test_waits_grow_and_then_stay(failures: int, planned: int) -> None:
    assert wait(ERP, failures, 0.5) == planned * SECOND


def test_the_jitter_is_a_fifth_either_way() -> None:
    assert wait(ERP, 1, 0.0) == 4 * SECOND
    assert wait(ERP, 1, 1.0) == 6 * SECOND


def test_the_peers_wish_wins_and_is_never_undercut() -> None:
    assert wait(ERP, 9, 0.0, 10 * SECOND) == 10 * SECOND
    assert wait(ERP, 1, 1.0, 10 * SECOND) == 12 * SECOND


def test_buyers_are_asked_hourly_in_the_end() -> None:
    assert wait(BUYER, 50, 0.5) == timedelta(hours=1)
