"""Tables as files. Cells are texts: numbers keep every digit, leading zeros stay, and nothing that somebody else wrote
is ever a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import xlsxwriter
from starlette.responses import Response, StreamingResponse

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def as_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, since spreadsheets take anything else for the machine's old code page."""
    yield "\ufeff".encode()
    yield _line(headings)
    for row in rows:
        yield _line([harmless(cell) for cell in row])


def _line(values: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue().encode()


def as_xlsx(name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """One sheet of this name."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(name)
        bold = book.add_format({"bold": True})
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading, bold)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
        sheet.freeze_panes(1, 0)
    return file.getvalue()


def named(file: str) -> dict[str, str]:
    """The headers of an answer that is kept as a file; `file` is a name of ours."""
    return {"Content-Disposition": f'attachment; filename="{file}"'}


def csv_answer(name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """Streamed while the rows are read, in a thread."""
    return StreamingResponse(as_csv(headings, rows), media_type=CSV, headers=named(f"{name}.csv"))


def xlsx_answer(name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    return Response(as_xlsx(name, headings, rows), media_type=XLSX, headers=named(f"{name}.xlsx"))
