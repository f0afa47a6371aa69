"""Taking a feed into the catalog and giving it out again. All or nothing: one transaction, and not a row of it is
written while anything in the files is wrong."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from app.catalog import feed
from app.catalog.cells import BASE_LANGUAGE
from app.catalog.feed import Feed, ItemRecord, PriceRecord
from app.catalog.feed_faults import find_faults
from app.catalog.items import batches, rows_of
from app.catalog.words import code, folded
from app.storage.catalog import CategoryRow, CodeKind, ItemCodeRow, ItemRow, ItemTextRow, PriceListRow, PriceRow
from schemas.faults import Findings


@dataclass(frozen=True, slots=True)
class Imported:
    categories: int
    new_items: int
    changed_items: int
    prices: int


def import_files(session: Session, realm: str, files: Mapping[str, bytes], at: datetime) -> Imported:
    """Adds what is new and replaces what is named: a category and an item as a whole, with its texts; of prices, all
    those of an item on a list. What the files do not name stays. `at` becomes the time of the stock figures.

    Raises schemas.faults.Rejected with every fault of every file; then nothing is written."""
    findings = Findings()
    read = feed.read(files, findings)
    find_faults(session, realm, read, findings)
    findings.raise_if_any()
    return _Load(session, realm, read, at).all()


class _Load:
    def __init__(self, session: Session, realm: str, read: Feed, at: datetime) -> None:
        self.session, self.realm, self.read, self.at = session, realm, read, at
        self.shelves: dict[str, dict[str, str]] = {}

    def all(self) -> Imported:
        self._categories()
        new, changed = self._items()
        self._prices()
        return Imported(len(self.read.categories), new, changed, len(self.read.prices))

    def _categories(self) -> None:
        rows = self.session.exec(select(CategoryRow).where(CategoryRow.realm == self.realm)).all()
        by_code = {row.code: row for row in rows}
        made: list[CategoryRow] = []
        next_position = max((row.position for row in rows), default=-1) + 1
        for record in self.read.categories:
            row = by_code.get(record.code)
            if row is None:
                row = CategoryRow(
                    realm=self.realm, code=record.code, names={}, picture=record.picture, position=next_position
                )
                next_position += 1
                made.append(row)
                self.session.add(row)
            row.names, row.picture = dict(record.names), record.picture
        self.session.flush()
        self.shelves = {row.code: row.names for row in (*rows, *made)}

    def _items(self) -> tuple[int, int]:
        records = {record.sku: record for record in self.read.items}
        present = {row.sku: row.id for row in rows_of(self.session, self.realm, records)}
        self._insert(ItemRow, (self._item(r) for sku, r in records.items() if sku not in present))
        changes = ({"id": id_, **self._item(records[sku])} for sku, id_ in present.items())
        for batch in batches(changes):
            self.session.execute(update(ItemRow), list(batch))
        ids = {row.sku: row.id for row in rows_of(self.session, self.realm, records) if row.id is not None}
        for ids_present in batches(present.values()):
            self.session.execute(delete(ItemTextRow).where(col(ItemTextRow.item_id).in_(ids_present)))
            self.session.execute(delete(ItemCodeRow).where(col(ItemCodeRow.item_id).in_(ids_present)))
        self._insert(ItemTextRow, (t for sku, record in records.items() for t in self._texts(ids[sku], record)))
        self._insert(ItemCodeRow, (c for sku, record in records.items() for c in self._codes(ids[sku], record)))
        return len(records) - len(present), len(present)

    def _item(self, record: ItemRecord) -> dict[str, Any]:
        kept = (
            *("sku", "active", "category", "unit", "content", "content_unit", "unspsc", "manufacturer"),
            *("manufacturer_part", "gtin", "lead_days", "minimum", "step", "stock"),
        )
        values = {name: getattr(record, name) for name in kept}
        stock_at = self.at if record.stock is not None else None
        return {**values, "realm": self.realm, "stock_at": stock_at, "changed_at": self.at}

    def _texts(self, item_id: int, record: ItemRecord) -> Iterator[dict[str, Any]]:
        shelf = self.shelves[record.category]
        for language, name in record.names.items():
            description = record.descriptions.get(language, "")
            shelf_name = shelf.get(language) or shelf[BASE_LANGUAGE]
            key_words = folded(
                name, record.sku, code(record.sku), record.manufacturer, record.manufacturer_part, record.gtin
            )
            yield {
                "item_id": item_id,
                "language": language,
                "name": name,
                "description": description,
                "key_words": key_words,
                "more_words": folded(description, shelf_name),
            }

    def _codes(self, item_id: int, record: ItemRecord) -> Iterator[dict[str, Any]]:
        codes = {
            CodeKind.SKU: record.sku,
            CodeKind.GTIN: record.gtin,
            CodeKind.MANUFACTURER_PART: record.manufacturer_part,
        }
        for kind, text in codes.items():
            if text and (folded_code := code(text)):
                yield {"realm": self.realm, "code": folded_code, "kind": kind.value, "item_id": item_id}

    def _prices(self) -> None:
        lists = {
            row.code: row for row in self.session.exec(select(PriceListRow).where(PriceListRow.realm == self.realm))
        }
        for record in self.read.prices:
            if record.price_list not in lists:
                made = PriceListRow(realm=self.realm, code=record.price_list, currency=record.currency)
                self.session.add(made)
                lists[record.price_list] = made
        self.session.flush()
        ids = {row.sku: row.id for row in rows_of(self.session, self.realm, {r.sku for r in self.read.prices})}
        named: dict[str, set[int]] = {}
        for record in self.read.prices:
            item_id = ids[record.sku]
            assert item_id is not None
            named.setdefault(record.price_list, set()).add(item_id)
        for list_code, item_ids in named.items():
            for batch in batches(sorted(item_ids)):
                self.session.execute(
                    delete(PriceRow).where(
                        col(PriceRow.price_list_id) == lists[list_code].id, col(PriceRow.item_id).in_(batch)
                    )
                )
        self._insert(
            PriceRow,
            ({"price_list_id": lists[r.price_list].id, "item_id": ids[r.sku], **_price(r)} for r in self.read.prices),
        )

    def _insert(self, table: type, rows: Iterable[dict[str, Any]]) -> None:
        for batch in batches(rows):
            self.session.execute(insert(table), list(batch))


def _price(record: PriceRecord) -> dict[str, Any]:
    kept = ("from_quantity", "amount", "basis", "unit", "factor", "valid_from", "valid_until")
    return {name: getattr(record, name) for name in kept}
