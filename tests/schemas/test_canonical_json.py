"""The one JSON form: every canonical document survives it, and nothing that is no document gets through."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import schemas
from schemas.base import Canonical, _When, from_json, refuse_naive, to_json
from schemas.cart import Cart
from schemas.item import ItemRef, Price, Quantity
from schemas.money import CURRENCIES, Money
from schemas.order import Change, Order, OrderLine, PaymentCard, ScheduleLine
from schemas.order_reply import OrderReply, StatusUpdate
from schemas.punchout import PunchoutRequest

DOCUMENTS = (PunchoutRequest, Cart, Order, OrderReply, StatusUpdate)

EVERY_KIND = sorted(
    {
        kind
        for module in pkgutil.iter_modules(schemas.__path__)
        for _, kind in inspect.getmembers(importlib.import_module(f"schemas.{module.name}"), inspect.isclass)
        if issubclass(kind, Canonical) and kind is not Canonical
    },
    key=lambda kind: kind.__name__,
)

MOMENTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 zone follows
    lambda moment: moment.replace(tzinfo=timezone(timedelta(hours=1)))
)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    int: st.integers(-(10**9), 10**9),
    bool: st.booleans(),
    Decimal: st.decimals(-(10**9), 10**9, places=4),
    _When: st.dates() | MOMENTS,
}
NARROWER: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (Money, "currency"): st.sampled_from(sorted(CURRENCIES)),
    (Price, "basis"): st.decimals("0.001", 10**6, places=3),
    (Price, "factor"): st.decimals("0.001", 10**6, places=3),
    (Cart, "operation_allowed"): st.sampled_from(["create", "inspect", "edit"]),
    (Cart, "unchanged"): st.just(False),
    (PaymentCard, "last_four"): st.text("0123456789", min_size=4, max_size=4),
}


@cache
def values(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    if get_origin(annotation) is UnionType or NoneType in get_args(annotation):
        return st.one_of(*(st.none() if kind is NoneType else values(kind) for kind in get_args(annotation)))
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)
        if inner[-1] is Ellipsis:
            return st.lists(values(inner[0]), max_size=1).map(tuple)
        return st.tuples(*map(values, inner))
    if issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    return documents(annotation, whole=False)


def documents(kind: type[Canonical], *, whole: bool = True) -> st.SearchStrategy[Any]:
    """Not `whole`: with what it must have. Each kind is drawn whole on its own; within others that would not end."""
    fields = {
        f.name: NARROWER.get((kind, f.name), values(f.type))
        for f in msgspec.structs.fields(kind)
        if whole or f.required
    }
    return st.fixed_dictionaries(fields).map(made(kind))


def made(kind: type[Canonical]) -> Callable[[dict[str, Any]], Canonical]:
    def make(fields: dict[str, Any]) -> Canonical:
        try:
            return kind(**fields)
        except ValueError:
            reject()

    return make


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_every_kind_survives_its_json(kind: type[Canonical]) -> None:
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(documents(kind))
    def survives(document: Canonical) -> None:
        body = to_json(document)
        read = from_json(body, kind)
        assert read == document
        assert to_json(read) == body

    survives()


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_every_kind_is_frozen_and_refuses_unknown_fields(kind: type[Canonical]) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.forbid_unknown_fields
    with pytest.raises(msgspec.ValidationError):
        from_json(b'{"no_such_field": 1}', kind)


ORDER = Order(
    id="4711",
    change=Change.NEW,
    ordered_at=datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1))),
    currency="EUR",
    lines=(
        OrderLine(
            number=1,
            quantity=Quantity(amount=Decimal("300.0"), unit="C62"),
            item=ItemRef(supplier_id="BOLT-M8"),
            price=Price(amount=Money(amount=Decimal("5.00"), currency="EUR"), basis=Decimal(100)),
            requested_delivery=date(2026, 3, 20),
        ),
    ),
)


def test_the_form_is_compact_and_in_the_order_of_the_fields() -> None:
    assert to_json(ORDER).decode() == (
        '{"id":"4711","change":"new","ordered_at":"2026-03-02T10:00:00+01:00","currency":"EUR","lines":[{"number":1,'
        '"quantity":{"amount":"300.0","unit":"C62"},"item":{"supplier_id":"BOLT-M8"},"price":{"amount":'
        '{"amount":"5.00","currency":"EUR"},"basis":"100"},"requested_delivery":"2026-03-20"}]}'
    )


def test_a_day_stays_a_day_and_a_moment_keeps_its_offset() -> None:
    read = from_json(to_json(ORDER), Order)
    assert read.lines[0].requested_delivery == date(2026, 3, 20)
    assert not isinstance(read.lines[0].requested_delivery, datetime)
    assert isinstance(read.ordered_at, datetime)
    assert read.ordered_at.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize(
    ("old", "new", "place", "why"),
    [
        ('"id":"4711"', '"id":4711', "$.id", "Expected `str`"),
        ('"id":"4711",', "", "$", "missing required field `id`"),
        ('"id":"4711"', '"id":"4711","nr":1', "$", "unknown field `nr`"),
        ('"change":"new"', '"change":"revise"', "$.change", "Invalid enum value"),
        ('"300.0"', '"many"', "$.lines[0].quantity.amount", "Invalid decimal"),
        ('"300.0"', '"NaN"', "$.lines[0].quantity", "finite number"),
        ('"300.0"', '"1E+999"', "$.lines[0].quantity", "finite number"),
        ('"currency":"EUR"}', '"currency":"eur"}', "$.lines[0].price.amount", "ISO 4217"),
        ('"basis":"100"', '"basis":"0"', "$.lines[0].price", "greater than zero"),
        ("2026-03-02T10:00:00+01:00", "2026-03-02T10:00:00", "$.ordered_at", "offset from UTC"),
        ("2026-03-02T10:00:00+01:00", "02.03.2026", "$.ordered_at", "neither a day nor a moment"),
        ("2026-03-02T10:00:00+01:00", "2026-02-30", "$.ordered_at", "neither a day nor a moment"),
        ('"2026-03-02T10:00:00+01:00"', "20260302", "$.ordered_at", "a text is needed, not int"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(old: str, new: str, place: str, why: str) -> None:
    text = to_json(ORDER).decode()
    assert old in text
    with pytest.raises(msgspec.ValidationError) as error:
        from_json(text.replace(old, new, 1), Order)
    assert why in str(error.value)
    assert f"`{place}`" in str(error.value) or place == "$"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"id":"\xff"}', b"[" * 10_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json(body, Order)


@settings(max_examples=200)
@given(st.sampled_from(DOCUMENTS), st.binary(max_size=40))
def test_no_bytes_at_all_give_anything_but_a_document_or_a_refusal(kind: type[Canonical], body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json(body, kind)


def test_moments_without_an_offset_are_refused() -> None:
    naive = datetime(2026, 3, 2, 10)  # noqa: DTZ001 that is the point
    refuse_naive(None, date(2026, 3, 2), datetime(2026, 3, 2, tzinfo=UTC))
    with pytest.raises(ValueError, match="offset from UTC"):
        refuse_naive(date(2026, 3, 2), naive)
    with pytest.raises(ValueError, match="offset from UTC"):
        ScheduleLine(quantity=Quantity(amount=Decimal(1)), requested=naive)
    with pytest.raises(ValueError, match="offset from UTC"):
        msgspec.structs.replace(ORDER, valid_until=naive)
