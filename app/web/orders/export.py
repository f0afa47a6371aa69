"""The list of orders as a file. Cells are texts: numbers keep every digit, leading zeros stay, and nothing that a buyer
wrote is ever a formula."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

import xlsxwriter

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
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


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


def harmless(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def as_csv(rows: Iterable[ListedOrder]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, since spreadsheets take anything else for the machine's old code page."""
    yield "\ufeff".encode()
    yield _line(HEADINGS)
    for row in rows:
        yield _line(tuple(harmless(cell) for cell in cells(row)))


def _line(values: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue().encode()


def as_xlsx(rows: Iterable[ListedOrder]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("orders")
        bold = book.add_format({"bold": True})
        for column, heading in enumerate(HEADINGS):
            sheet.write_string(0, column, heading, bold)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(cells(row)):
                sheet.write_string(number, column, cell)
        sheet.freeze_panes(1, 0)
    return file.getvalue()
