"""The catalog's CSV form: three kinds of file, told apart by their header.

- categories: `code`, `picture`, `name`, further names as `name.es`; the order of rows is the order of shelves.
- items: `sku`, `category`, `unit`, `name` and what else `ITEM_COLUMNS` lists; texts as `name`, `description` (English)
  and `name.es`, `description.es`.
- prices: `price_list`, `currency`, `sku`, `amount` and what else `PRICE_COLUMNS` lists.

UTF-8 (a byte order mark is fine), separated by comma, semicolon or tab as the header shows; numbers with a decimal dot
and no grouping. Everything that is wrong is said at once, each with its line and column.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Final

from app.catalog.cells import (
    FORMULA,
    Cells,
    Place,
    above_zero,
    currency,
    day,
    days,
    gtin,
    picture,
    text,
    unit,
    unspsc,
    yes_or_no,
    zero_or_more,
)
from schemas.faults import Findings

LARGEST_FILE: Final = 200_000_000
CATEGORY_COLUMNS: Final = ("code", "picture", "name")
ITEM_COLUMNS: Final = (
    "sku",
    "category",
    "unit",
    "content",
    "content_unit",
    "unspsc",
    "manufacturer",
    "manufacturer_part",
    "gtin",
    "lead_days",
    "minimum",
    "step",
    "stock",
    "supplier",
    "hazardous",
    "active",
    "name",
    "description",
)
PRICE_COLUMNS: Final = (
    "price_list",
    "currency",
    "sku",
    "from_quantity",
    "amount",
    "basis",
    "price_unit",
    "factor",
    "valid_from",
    "valid_until",
)
_BY_LANGUAGE: Final = ("name", "description")


@dataclass(frozen=True, slots=True)
class CategoryRecord:
    at: Place
    code: str
    picture: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ItemRecord:
    at: Place
    sku: str
    category: str
    unit: str
    content: Decimal | None
    content_unit: str | None
    unspsc: str | None
    manufacturer: str | None
    manufacturer_part: str | None
    gtin: str | None
    lead_days: int | None
    minimum: Decimal
    step: Decimal
    stock: Decimal | None
    supplier: str | None
    hazardous: bool | None
    active: bool
    names: Mapping[str, str]
    descriptions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PriceRecord:
    at: Place
    price_list: str
    currency: str
    sku: str
    from_quantity: Decimal
    amount: Decimal
    basis: Decimal
    unit: str | None
    factor: Decimal
    valid_from: date | None
    valid_until: date | None


@dataclass(slots=True)
class Feed:
    categories: list[CategoryRecord] = field(default_factory=list)
    items: list[ItemRecord] = field(default_factory=list)
    prices: list[PriceRecord] = field(default_factory=list)


def read(files: Mapping[str, bytes], findings: Findings) -> Feed:
    """All records that are right in themselves; what is not goes into `findings` as faults at `file: column`."""
    feed = Feed()
    for name, body in files.items():
        _read_file(name, body, feed, findings)
    return feed


def _read_file(name: str, body: bytes, feed: Feed, findings: Findings) -> None:
    if len(body) > LARGEST_FILE:
        findings.add("file.too_large", name, f"must be at most {LARGEST_FILE} bytes", str(len(body)))
        return
    try:
        decoded = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        findings.add("file.not_utf8", name, f"must be UTF-8; byte {error.start} is not", line=line)
        return
    rows = csv.reader(StringIO(decoded), delimiter=max(",;\t", key=decoded.partition("\n")[0].count), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        read_row = _checked_header(name, header, findings)
        while read_row is not None:
            line = rows.line_num + 1
            values = next(rows, None)
            if values is None:
                break
            if len(values) == len(header):
                read_row(Cells(name, header, values, line, findings), feed)
            elif any(values):
                must = f"must have {len(header)} cells like the header"
                findings.add("row.wrong_length", name, must, str(len(values)), line=line)
    except csv.Error as error:
        findings.add("file.not_csv", name, f"cannot be read as CSV: {error}", line=rows.line_num)


def _checked_header(name: str, header: list[str], findings: Findings) -> "_ReadRow | None":
    columns, read_row = _kind(header)
    if read_row is None:
        findings.add(
            "header.unknown",
            name,
            "must begin with the header of categories (code, picture, name), items (sku, category, unit, name) "
            "or prices (price_list, currency, sku, amount)",
            ",".join(header),
            line=1,
        )
        return None
    for index, column in enumerate(header, start=1):
        stem, _, language = column.partition(".")
        if not (column in columns or (stem in _BY_LANGUAGE and stem in columns and 2 <= len(language) <= 10)):
            findings.add(
                "header.unknown_column", f"{name}: {column}", "is no column of this file", line=1, column=index
            )
        elif header.index(column) != index - 1:
            findings.add("header.double_column", f"{name}: {column}", "stands twice", line=1, column=index)
    return read_row


_ReadRow = Callable[["Cells", Feed], None]


def _kind(header: Sequence[str]) -> tuple[Sequence[str], _ReadRow | None]:
    for columns, needed, read_row in (
        (PRICE_COLUMNS, ("price_list", "currency", "sku", "amount"), _price),
        (ITEM_COLUMNS, ("sku", "category", "unit", "name"), _item),
        (CATEGORY_COLUMNS, ("code", "picture", "name"), _category),
    ):
        if set(needed) <= set(header):
            return columns, read_row
    return (), None


def _category(cells: Cells, feed: Feed) -> None:
    record = CategoryRecord(
        cells.at,
        code=cells.needed("code", text(50), ""),
        picture=cells.needed("picture", picture, ""),
        names=cells.by_language("name", text(100)),
    )
    cells.filled("name")
    if cells.ok:
        feed.categories.append(record)


def _item(cells: Cells, feed: Feed) -> None:
    active = cells.maybe("active", yes_or_no)
    record = ItemRecord(
        cells.at,
        sku=cells.needed("sku", text(100), ""),
        category=cells.needed("category", text(50), ""),
        unit=cells.needed("unit", unit, ""),
        content=cells.maybe("content", above_zero),
        content_unit=cells.maybe("content_unit", unit),
        unspsc=cells.maybe("unspsc", unspsc),
        manufacturer=cells.maybe("manufacturer", text(100)),
        manufacturer_part=cells.maybe("manufacturer_part", text(100)),
        gtin=cells.maybe("gtin", gtin),
        lead_days=cells.maybe("lead_days", days),
        minimum=cells.maybe("minimum", above_zero) or Decimal(1),
        step=cells.maybe("step", above_zero) or Decimal(1),
        stock=cells.maybe("stock", zero_or_more),
        supplier=cells.maybe("supplier", text(100)),
        hazardous=cells.maybe("hazardous", yes_or_no),
        active=True if active is None else active,
        names=cells.by_language("name", text(255)),
        descriptions=cells.by_language("description", text(4_000)),
    )
    cells.filled("name")
    if cells.ok:
        feed.items.append(record)


def _price(cells: Cells, feed: Feed) -> None:
    record = PriceRecord(
        cells.at,
        price_list=cells.needed("price_list", text(50), ""),
        currency=cells.needed("currency", currency, ""),
        sku=cells.needed("sku", text(100), ""),
        from_quantity=cells.maybe("from_quantity", zero_or_more) or Decimal(0),
        amount=cells.needed("amount", zero_or_more, Decimal(0)),
        basis=cells.maybe("basis", above_zero) or Decimal(1),
        unit=cells.maybe("price_unit", unit),
        factor=cells.maybe("factor", above_zero) or Decimal(1),
        valid_from=cells.maybe("valid_from", day),
        valid_until=cells.maybe("valid_until", day),
    )
    if cells.ok:
        feed.prices.append(record)


def write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV text with this header. Decimals plain, dates ISO, absent values empty."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case str():
            return f"'{value}" if value.startswith(FORMULA) else value
        case _:
            return str(value)
