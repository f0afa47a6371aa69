"""What differs between two revisions of an order, field by field."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.faults import shortened
from schemas.order import Order

_NOT_CONTENT: Final = ("change", "document_id", "previous_document_id", "version", "internal_version")
MOST: Final = 500


def changes(before: Order, after: Order) -> list[dict[str, Any]]:
    """`{at, before, after}` for each field that differs, lines by the buyer's line number; texts are shortened, an
    absent side is None. At most 500, then one entry that counts the rest."""
    found = list(_differences("", _content(before), _content(after)))
    if len(found) <= MOST:
        return found
    rest = len(found) - MOST
    return [*found[:MOST], {"at": "more", "before": None, "after": str(rest)}]


def same_content(before: Order, after: Order) -> bool:
    """Whether two documents say the same about the order, whatever their own ids and versions."""
    return _content(before) == _content(after)


def _content(order: Order) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(order)
    for name in _NOT_CONTENT:
        data.pop(name, None)
    data["lines"] = {str(line["number"]): line for line in data["lines"]}
    return data


def _differences(at: str, before: Any, after: Any) -> Iterator[dict[str, Any]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            place = f"{at}[{name}]" if at == "lines" else f"{at}.{name}" if at else name
            yield from _differences(place, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (was, now) in enumerate(zip(before, after, strict=True), 1):
            yield from _differences(f"{at}[{i}]", was, now)
    else:
        yield {"at": at, "before": _shown(before), "after": _shown(after)}


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return shortened(value if isinstance(value, str) else msgspec.json.encode(value).decode())
