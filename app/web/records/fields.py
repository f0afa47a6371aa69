"""Columns of the lists, by what they hold. All are for reading."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from anyio import to_thread
from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request
from starlette_admin.contrib.sqla.filters import DateTimeBetweenFilter, IsNotNullFilter, IsNullFilter
from starlette_admin.fields import BaseField, BooleanField, DateTimeField, IntegerField, StringField, TextAreaField
from starlette_admin.filters.base import FilterApplyContext
from starlette_admin.i18n import lazy_gettext

from app.storage.orders import OrderRevisionRow


def text(name: str, label: str, **more: Any) -> BaseField:
    return StringField(name, label=lazy_gettext(label), read_only=True, **more)


def number(name: str, label: str, **more: Any) -> BaseField:
    return IntegerField(name, label=lazy_gettext(label), read_only=True, **more)


def yes_no(name: str, label: str, **more: Any) -> BaseField:
    return BooleanField(name, label=lazy_gettext(label), read_only=True, **more)


def moment(name: str, label: str, **more: Any) -> BaseField:
    return DateTimeField(
        name,
        label=lazy_gettext(label),
        read_only=True,
        filters=[Between, IsNullFilter, IsNotNullFilter],
        **more,
    )


def shown(name: str, label: str, **more: Any) -> BaseField:
    """What is no text, number or time: kept exactly (amounts) or as JSON. It cannot be sorted, searched or filtered."""
    return _only_shown(StringField, name, label, getter=_written(name), **more)


def _only_shown(kind: type[StringField], name: str, label: str, **more: Any) -> BaseField:
    return kind(name, label=lazy_gettext(label), read_only=True, searchable=False, orderable=False, filters=[], **more)


def _written(name: str) -> Any:
    def written(_request: Request, row: Any) -> str | None:
        return as_text(getattr(row, name))

    return written


def lines_of_order(name: str, label: str) -> BaseField:
    """The lines of the order's newest revision, one below the other, where one order is shown."""
    return _only_shown(TextAreaField, name, label, exclude_from_list=True, exclude_from_export=True, getter=_lines)


async def _lines(request: Request, row: Any) -> str | None:
    revision = select(OrderRevisionRow).where(
        col(OrderRevisionRow.order_id) == row.id, col(OrderRevisionRow.number) == row.revision
    )
    found = (await to_thread.run_sync(request.state.session.execute, revision)).scalars().first()
    if found is None:
        return None
    return "\n".join(
        f"{line.number}: {line.quantity.amount:f} {line.quantity.unit} {line.item.supplier_id or ''}"
        for line in found.document().lines
    )


def as_text(value: Any) -> str | None:
    """A cell as a reader, or a file, has it."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


class Between(DateTimeBetweenFilter):
    """Our columns take no time without its zone; the page's times are UTC."""

    def apply(self, ctx: FilterApplyContext) -> Any:
        ctx.value, ctx.value2 = (value and value.replace(tzinfo=UTC) for value in (ctx.value, ctx.value2))
        return super().apply(ctx)
