"""What reading costs, in Python calls: seconds depend on the machine, these do not."""

import contextlib
import sys
from types import FrameType
from typing import Any

from benchmarks.bench_cxml_read import order_of

from protocols.cxml.documents import receive
from schemas.faults import Rejected


def calls_of(body: bytes) -> int:
    calls = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        receive(body)
    finally:
        sys.setprofile(None)
    return calls


def test_a_line_of_twenty_elements_costs_less_than_fifty_calls() -> None:
    receive(order_of(1))
    few, many = calls_of(order_of(100)), calls_of(order_of(300))
    assert (many - few) / 200 < 50


def test_paths_are_worked_out_only_for_what_is_wrong() -> None:
    sound = order_of(200)
    wrong = sound.replace(b'quantity="2"', b'quantity="2x"')
    receive(sound)
    at_a_fault = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal at_a_fault
        at_a_fault += event == "call" and frame.f_code.co_qualname == "at"

    sys.setprofile(count)
    try:
        receive(sound)
        assert at_a_fault == 0
        with contextlib.suppress(Rejected):
            receive(wrong)
    finally:
        sys.setprofile(None)
    assert at_a_fault == wrong.count(b'quantity="2x"')
