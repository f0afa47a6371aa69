"""The catalog as the three CSV files that `load.import_files` takes back."""

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from app.catalog import feed
from app.catalog.cells import BASE_LANGUAGE
from app.storage.catalog import CategoryRow, ItemRow, ItemTextRow, PriceListRow, PriceRow


def export_files(session: Session, realm: str) -> dict[str, str]:
    """By file name: categories, items (withdrawn ones too) and prices, in a stable order."""
    return {
        "categories.csv": _categories(session, realm),
        "items.csv": _items(session, realm),
        "prices.csv": _prices(session, realm),
    }


def _named(stem: str, languages: Sequence[str]) -> list[str]:
    return [stem, *(f"{stem}.{language}" for language in languages if language != BASE_LANGUAGE)]


def _ordered(languages: set[str]) -> list[str]:
    return [BASE_LANGUAGE, *sorted(languages - {BASE_LANGUAGE})]


def _categories(session: Session, realm: str) -> str:
    rows = session.exec(
        select(CategoryRow).where(CategoryRow.realm == realm).order_by(col(CategoryRow.position), col(CategoryRow.code))
    ).all()
    languages = _ordered({language for row in rows for language in row.names})
    header = [*feed.CATEGORY_COLUMNS[:-1], *_named("name", languages)]
    return feed.write(
        header, ([row.code, row.picture, *(row.names.get(language) for language in languages)] for row in rows)
    )


def _items(session: Session, realm: str) -> str:
    texts: dict[int, dict[str, ItemTextRow]] = {}
    for text in session.exec(
        select(ItemTextRow).join(ItemRow, col(ItemRow.id) == ItemTextRow.item_id).where(ItemRow.realm == realm)
    ):
        texts.setdefault(text.item_id, {})[text.language] = text
    languages = _ordered({language for of_item in texts.values() for language in of_item})
    plain = feed.ITEM_COLUMNS[:-2]

    def rows() -> Iterator[list[object]]:
        for item in session.exec(select(ItemRow).where(ItemRow.realm == realm).order_by(col(ItemRow.sku))):
            of_item = texts.get(item.id or 0, {})
            names = [of_item[language].name if language in of_item else None for language in languages]
            descriptions = [of_item[language].description if language in of_item else None for language in languages]
            yield [*(getattr(item, column) for column in plain), *names, *descriptions]

    return feed.write([*plain, *_named("name", languages), *_named("description", languages)], rows())


def _prices(session: Session, realm: str) -> str:
    found = session.exec(
        select(PriceRow, PriceListRow, ItemRow.sku)
        .join(PriceListRow, col(PriceListRow.id) == PriceRow.price_list_id)
        .join(ItemRow, col(ItemRow.id) == PriceRow.item_id)
        .where(PriceListRow.realm == realm)
        .order_by(col(PriceListRow.code), col(ItemRow.sku), col(PriceRow.id))
    )
    columns = ("from_quantity", "amount", "basis", "unit", "factor", "valid_from", "valid_until")
    return feed.write(
        feed.PRICE_COLUMNS,
        ([of.code, of.currency, sku, *(getattr(row, column) for column in columns)] for row, of, sku in found),
    )
