"""The numbers by which a request is spoken of: taken from its caller where they are sound, and never as an identity."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import trace
from app.trace import Trace

OURS = "0195a1c2-0000-7000-8000-00000000c0de"
THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{THEIRS}-00f067aa0ba902b7-01"


def read(*headers: tuple[str, str]) -> Trace:
    return trace.read(OURS, [(name.encode(), value.encode("latin-1")) for name, value in headers])


@pytest.mark.parametrize(
    "number",
    [
        "a",
        "buyer-4711",
        "0195a1c2-0000-4000-8000-00000000beef",
        "Root=1-67891233-abcdef012345678912345678",
        "x" * trace.LONGEST,
    ],
)
def test_a_sound_number_is_the_number_of_the_request(number: str) -> None:
    assert read(("x-request-id", number)) == Trace(OURS, number)


@pytest.mark.parametrize(
    "number", ["", " ", "a b", "-a", "a\n", "a\r\nSet-Cookie: x", "<b>", "a'", "ü", "a" * (trace.LONGEST + 1), "a\x00"]
)
def test_another_number_is_as_if_none_had_come(number: str) -> None:
    assert read(("x-request-id", number)) == Trace(OURS)


def test_of_two_numbers_none_is_taken() -> None:
    assert read(("x-request-id", "a"), ("x-request-id", "b")).number == OURS


@pytest.mark.parametrize(
    ("parent", "context"),
    [
        (PARENT, f"{THEIRS}-01"),
        (PARENT[:-2] + "00", f"{THEIRS}-00"),
        (PARENT[:-2] + "03", f"{THEIRS}-01"),
        ("cc" + PARENT[2:] + "-what-will-be", f"{THEIRS}-01"),
        ("cc" + PARENT[2:], f"{THEIRS}-01"),
        ("ff" + PARENT[2:], None),
        (PARENT + "-more", None),
        (PARENT + "x", None),
        (PARENT.upper(), None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{THEIRS}-{'0' * 16}-01", None),
        (PARENT + "\n", None),
        ("", None),
    ],
)
def test_a_parent_is_read_by_the_rules_of_trace_context(parent: str, context: str | None) -> None:
    assert read(("traceparent", parent)).context == context


def test_each_call_is_a_span_of_its_own_in_the_callers_trace() -> None:
    given_ = read(("x-request-id", "buyer-4711"), ("traceparent", PARENT))
    first, second = given_.headers(), given_.headers()
    assert first["X-Request-ID"] == second["X-Request-ID"] == "buyer-4711"
    assert re.fullmatch(rf"00-{THEIRS}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", first["traceparent"])
    assert first["traceparent"] != second["traceparent"]


def test_without_anything_of_the_callers_our_own_id_is_number_and_trace() -> None:
    assert read().number == OURS
    assert read().trace_id == OURS.replace("-", "")
    assert trace.read("x", [(b"traceparent", read().headers()["traceparent"].encode())]).trace_id == read().trace_id


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_whatever_comes_there_is_a_trace_that_can_be_sent_on(number: bytes, parent: bytes) -> None:
    found = trace.read(OURS, [(b"x-request-id", number), (b"traceparent", parent)])
    for value in found.headers().values():
        assert value.isascii()
        assert value.isprintable()


def test_only_rows_of_the_present_request_are_named_by_it() -> None:
    trace.begin(Trace(OURS, "buyer-4711", f"{THEIRS}-01"))
    assert trace.brought(OURS) == {"request_id": "buyer-4711", "trace": f"{THEIRS}-01"}
    assert trace.brought("0195a1c2-0000-4000-8000-00000000beef") == {}
    trace.forget()
    assert trace.brought(OURS) == {}
