"""The list of orders as a file."""

from collections.abc import Iterable, Iterator
from typing import Final

from app.web import spreadsheet
from app.web.orders.order_list import ListedOrder

MOST_ROWS: Final = 50_000
HEADINGS: Final = (
    "number",
    "customer",
    "state",
    "total",
    "currency",
    "requester",
    "version",
    "received_at",
    "changed_at",
    "erp_number",
    "open_cases",
    "document_id",
)


def cells(listed: ListedOrder) -> tuple[str, ...]:
    row = listed.order
    return (
        row.number,
        listed.customer,
        row.state,
        "" if row.total is None else f"{row.total:f}",
        row.currency,
        row.requester or "",
        "" if row.version is None else str(row.version),
        row.received_at.isoformat(),
        row.changed_at.isoformat(),
        row.erp_number or "",
        str(listed.cases),
        row.document_id or "",
    )


def as_csv(rows: Iterable[ListedOrder]) -> Iterator[bytes]:
    return spreadsheet.as_csv(HEADINGS, map(cells, rows))
