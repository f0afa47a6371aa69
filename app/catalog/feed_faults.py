"""What is wrong with a feed beside what the catalog has, and what shows only when its files are seen together."""

from collections.abc import Iterable

from sqlmodel import Session, select

from app.catalog.cells import Place
from app.catalog.feed import Feed
from app.catalog.items import rows_of
from app.storage.catalog import CategoryRow, PriceListRow
from schemas.faults import Findings


def find_faults(session: Session, realm: str, read: Feed, findings: Findings) -> None:
    _Check(session, realm, read, findings).all()


class _Check:
    def __init__(self, session: Session, realm: str, read: Feed, findings: Findings) -> None:
        self.session, self.realm, self.read, self.findings = session, realm, read, findings

    def all(self) -> None:
        self._doubles("code", ((record.at, (record.code,)) for record in self.read.categories))
        self._doubles("sku", ((record.at, (record.sku,)) for record in self.read.items))
        self._doubles(
            "sku",
            ((r.at, (r.price_list, r.sku, f"{r.from_quantity:f}", str(r.valid_from or ""))) for r in self.read.prices),
        )
        self._categories()
        self._prices()

    def _doubles(self, column: str, keys: Iterable[tuple[Place, tuple[str, ...]]]) -> None:
        first: dict[tuple[str, ...], Place] = {}
        for at, key in keys:
            earlier = first.setdefault(key, at)
            if earlier is not at:
                self._fault("row.double", at, column, f"stands already in {earlier.file}, line {earlier.line}", key[-1])

    def _categories(self) -> None:
        known = {record.code for record in self.read.categories}
        known |= set(self.session.exec(select(CategoryRow.code).where(CategoryRow.realm == self.realm)))
        for record in self.read.items:
            if record.category not in known:
                message = "is no category of this catalog or of these files"
                self._fault("cell.unknown_category", record.at, "category", message, record.category)
            if (record.content is None) != (record.content_unit is None):
                message = "content and content_unit stand together or not at all"
                self._fault("cell.half_content", record.at, "content", message, None)

    def _prices(self) -> None:
        units = {record.sku: record.unit for record in self.read.items}
        missing = {record.sku for record in self.read.prices} - units.keys()
        units |= {row.sku: row.unit for row in rows_of(self.session, self.realm, missing)}
        lists = self.session.exec(select(PriceListRow).where(PriceListRow.realm == self.realm))
        currencies = {row.code: row.currency for row in lists}
        for record in self.read.prices:
            if record.sku not in units:
                message = "is no item of this catalog or of these files"
                self._fault("cell.unknown_sku", record.at, "sku", message, record.sku)
            elif record.unit in (None, units[record.sku]) and record.factor != 1:
                message = "must be 1 when the price unit is the order unit"
                self._fault("cell.factor", record.at, "factor", message, f"{record.factor:f}")
            if currencies.setdefault(record.price_list, record.currency) != record.currency:
                message = f"this price list is in {currencies[record.price_list]}"
                self._fault("cell.other_currency", record.at, "currency", message, record.currency)
            if record.valid_from and record.valid_until and record.valid_until < record.valid_from:
                message = "must not lie before valid_from"
                self._fault("cell.ends_before_it_begins", record.at, "valid_until", message, str(record.valid_until))

    def _fault(self, fault: str, at: Place, column: str, message: str, found: str | None) -> None:
        self.findings.add(fault, f"{at.file}: {column}", message, found, line=at.line)
