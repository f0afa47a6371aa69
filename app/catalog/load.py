"""Taking a feed into the catalog. Not a row of it is written while anything in the files is wrong.

A large feed is written in pieces, each a transaction of its own, so that documents which arrive meanwhile wait for one
piece at most. A piece holds whole items: with texts, codes and every price that the files name, so whoever reads
meanwhile sees each item either as it was or as it will be. What was interrupted is finished by the same files again.
The alternative, one transaction, holds SQLite's only writer for as long as the whole takes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from app.catalog import feed
from app.catalog.cells import BASE_LANGUAGE
from app.catalog.feed import Feed, ItemRecord, PriceRecord
from app.catalog.feed_faults import find_faults
from app.catalog.items import batches, rows_of
from app.catalog.words import code, folded
from app.storage.catalog import CategoryRow, CodeKind, ItemCodeRow, ItemRow, ItemTextRow, PriceListRow, PriceRow
from app.storage.database import Database
from app.storage.gentle import write_gently
from app.storage.progress import Progress, unwatched
from schemas.faults import Findings

PIECE: Final = 1_000
"""Rows of a piece, unless one item alone has more."""


@dataclass(frozen=True, slots=True)
class Imported:
    categories: int
    new_items: int
    changed_items: int
    prices: int


def import_files(session: Session, realm: str, files: Mapping[str, bytes], at: datetime) -> Imported:
    """Adds what is new and replaces what is named: a category and an item as a whole, with its texts; of prices, all
    those of an item on a list. What the files do not name stays. `at` becomes the time of the stock figures.

    In one transaction. Raises schemas.faults.Rejected with every fault of every file; then nothing is written."""
    load = _judged(session, realm, files, at)
    for piece in load.pieces():
        piece(session)
    return load.done


def import_in_pieces(
    database: Database, realm: str, files: Mapping[str, bytes], at: datetime, done: Progress = unwatched
) -> Imported:
    """As `import_files`, beside a running server; `done` is told the items so far and how many there are.

    Raises Rejected as it does; what else is raised (the database is gone, another import came in between) leaves the
    pieces that were written."""
    with database.read() as session:
        load = _judged(session, realm, files, at)
    for piece in load.pieces():
        write_gently(database, piece)
        done(load.items_done, load.items)
    return load.done


def _judged(session: Session, realm: str, files: Mapping[str, bytes], at: datetime) -> "_Load":
    findings = Findings()
    read = feed.read(files, findings)
    find_faults(session, realm, read, findings)
    findings.raise_if_any()
    return _Load(realm, read, at)


class _Load:
    """items, items_done   SKUs that the files name, as items or with prices; and how many are written."""

    def __init__(self, realm: str, read: Feed, at: datetime) -> None:
        self.realm, self.read, self.at = realm, read, at
        self.shelves: dict[str, dict[str, str]] = {}
        self.prices: dict[str, list[PriceRecord]] = {}
        for record in read.prices:
            self.prices.setdefault(record.sku, []).append(record)
        self.records = {record.sku: record for record in read.items}
        self.items = len(self.records.keys() | self.prices.keys())
        self.items_done = self.new = self.changed = 0

    @property
    def done(self) -> Imported:
        return Imported(len(self.read.categories), self.new, self.changed, len(self.read.prices))

    def pieces(self) -> Iterator[Callable[[Session], None]]:
        """To be run one after the other."""
        yield self._frame
        for skus in self._cut():
            yield partial(self._piece, skus)

    def _cut(self) -> Iterator[list[str]]:
        piece, rows = list[str](), 0
        for sku in dict.fromkeys([*self.records, *self.prices]):
            record = self.records.get(sku)
            weight = len(self.prices.get(sku, ())) + (len(record.names) + len(CodeKind) + 1 if record else 0)
            if piece and rows + weight > PIECE:
                yield piece
                piece, rows = [], 0
            piece.append(sku)
            rows += weight
        if piece:
            yield piece

    def _frame(self, session: Session) -> None:
        """What items stand on: shelves and the names of price lists."""
        self._categories(session)
        lists = {row.code for row in self._lists(session)}
        for record in self.read.prices:
            if record.price_list not in lists:
                session.add(PriceListRow(realm=self.realm, code=record.price_list, currency=record.currency))
                lists.add(record.price_list)
        session.flush()

    def _piece(self, skus: Sequence[str], session: Session) -> None:
        new, changed = self._items(session, {sku: self.records[sku] for sku in skus if sku in self.records})
        self._prices(session, [record for sku in skus for record in self.prices.get(sku, ())])
        self.new, self.changed = self.new + new, self.changed + changed
        self.items_done += len(skus)

    def _lists(self, session: Session) -> Iterable[PriceListRow]:
        return session.exec(select(PriceListRow).where(PriceListRow.realm == self.realm)).all()

    def _categories(self, session: Session) -> None:
        rows = session.exec(select(CategoryRow).where(CategoryRow.realm == self.realm)).all()
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
                session.add(row)
            row.names, row.picture = dict(record.names), record.picture
        session.flush()
        self.shelves = {row.code: dict(row.names) for row in (*rows, *made)}

    def _items(self, session: Session, records: Mapping[str, ItemRecord]) -> tuple[int, int]:
        present = {row.sku: row.id for row in rows_of(session, self.realm, records)}
        _insert(session, ItemRow, (self._item(r) for sku, r in records.items() if sku not in present))
        changes = ({"id": id_, **self._item(records[sku])} for sku, id_ in present.items())
        for batch in batches(changes):
            session.execute(update(ItemRow), list(batch))
        ids = {row.sku: row.id for row in rows_of(session, self.realm, records) if row.id is not None}
        for ids_present in batches(present.values()):
            session.execute(delete(ItemTextRow).where(col(ItemTextRow.item_id).in_(ids_present)))
            session.execute(delete(ItemCodeRow).where(col(ItemCodeRow.item_id).in_(ids_present)))
        _insert(session, ItemTextRow, (t for sku, record in records.items() for t in self._texts(ids[sku], record)))
        _insert(session, ItemCodeRow, (c for sku, record in records.items() for c in self._codes(ids[sku], record)))
        return len(records) - len(present), len(present)

    def _item(self, record: ItemRecord) -> dict[str, Any]:
        kept = (
            *("sku", "active", "category", "unit", "content", "content_unit", "unspsc", "manufacturer"),
            *("manufacturer_part", "gtin", "lead_days", "minimum", "step", "stock", "supplier", "hazardous"),
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

    def _prices(self, session: Session, records: Sequence[PriceRecord]) -> None:
        lists = {row.code: row.id for row in self._lists(session)}
        ids = {row.sku: row.id for row in rows_of(session, self.realm, {r.sku for r in records})}
        named: dict[str, set[int]] = {}
        for record in records:
            item_id = ids[record.sku]
            assert item_id is not None
            named.setdefault(record.price_list, set()).add(item_id)
        for list_code, item_ids in named.items():
            for batch in batches(sorted(item_ids)):
                there = (col(PriceRow.price_list_id) == lists[list_code], col(PriceRow.item_id).in_(batch))
                session.execute(delete(PriceRow).where(*there))
        rows = ({"price_list_id": lists[r.price_list], "item_id": ids[r.sku], **_price(r)} for r in records)
        _insert(session, PriceRow, rows)


def _insert(session: Session, table: type, rows: Iterable[dict[str, Any]]) -> None:
    for batch in batches(rows):
        session.execute(insert(table), batch)


def _price(record: PriceRecord) -> dict[str, Any]:
    kept = ("from_quantity", "amount", "basis", "unit", "factor", "valid_from", "valid_until")
    return {name: getattr(record, name) for name in kept}
