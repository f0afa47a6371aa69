"""Search and prices over the demo catalog, alike on both databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.catalog.demo import demo_files
from app.catalog.items import Audience, find, shelves
from app.catalog.load import import_files
from app.catalog.search import Found, search
from app.catalog.words import code, words
from app.storage.base import LIVE
from app.storage.database import Database

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ATLAS = Audience(LIVE, "atlas")
ATLAS_ES = Audience(LIVE, "atlas", "es")
BOREAL = Audience(LIVE, "boreal")


@pytest.fixture
def catalog(database: Database) -> Database:
    database.write(lambda tx: import_files(tx, LIVE, demo_files(), AT))
    return database


def look(catalog: Database, query: str, audience: Audience = ATLAS, **how: object) -> Found:
    with catalog.read() as session:
        return search(session, audience, query, at=AT, **how)  # type: ignore[arg-type]


def skus(found: Found) -> list[str]:
    return [offer.sku for offer in found.offers]


@pytest.mark.parametrize("typed", ["SF-3001", "sf3001", " sf 3001 ", "CLA-3001X", "2900041020556"])
def test_a_code_finds_exactly_its_item(catalog: Database, typed: str) -> None:
    assert skus(look(catalog, typed)) == ["SF-3001"]


def test_all_words_are_needed_and_prefixes_are_enough(catalog: Database) -> None:
    assert skus(look(catalog, "nitril glove")) == ["SF-3001", "SF-3002"]


def test_a_word_in_the_name_ranks_before_one_in_the_description(catalog: Database) -> None:
    assert skus(look(catalog, "silicone"))[0] == "LU-1123"


def test_accents_and_case_do_not_matter(catalog: Database) -> None:
    assert skus(look(catalog, "CAMARA", ATLAS_ES)) == skus(look(catalog, "cámara", ATLAS_ES))
    assert skus(look(catalog, "lampara", ATLAS_ES)) == skus(look(catalog, "LÁMPARA", ATLAS_ES)) != []


def test_english_words_find_in_a_spanish_shop_and_the_text_is_spanish(catalog: Database) -> None:
    (offer,) = look(catalog, "padlock", ATLAS_ES).offers
    assert offer.name == "Candado 50 mm, llaves iguales"


def test_spanish_words_do_not_find_in_an_english_shop(catalog: Database) -> None:
    assert look(catalog, "candado").total == 0


def test_a_language_without_texts_falls_back_to_english(catalog: Database) -> None:
    (offer,) = look(catalog, "padlock", Audience(LIVE, "atlas", "de")).offers
    assert offer.name == "Padlock 50 mm, keyed alike"


def test_when_no_item_has_all_words_some_words_are_enough_and_it_is_said(catalog: Database) -> None:
    found = look(catalog, "padlock unicorn")
    assert found.loosened
    assert skus(found) == ["ST-1340"]


@pytest.mark.parametrize(
    "typed", ['"', "a AND", "NOT", "*", "key_words:x", "'); DROP", ":*", "&|!()", "\x00", "padlock\x00"]
)
def test_operators_of_the_query_languages_are_only_words(catalog: Database, typed: str) -> None:
    assert look(catalog, typed).total in range(77)


def test_browsing_counts_every_category_and_pages_without_gaps(catalog: Database) -> None:
    everything = look(catalog, "", limit=200)
    pages = [offer for start in range(0, 100, 20) for offer in skus(look(catalog, "", offset=start))]
    assert pages == skus(everything)
    assert sum(everything.categories.values()) == everything.total == len(pages)
    tools = look(catalog, "", category="tools", limit=200)
    assert tools.total == everything.categories["tools"] == len(tools.offers)
    assert tools.categories == everything.categories


def test_only_what_the_price_list_holds_is_found_or_counted(catalog: Database) -> None:
    assert skus(look(catalog, "SF-3052", ATLAS)) == ["SF-3052"]
    assert look(catalog, "SF-3052", BOREAL).total == 0
    assert look(catalog, "vest", BOREAL).total == 0
    assert look(catalog, "", BOREAL).total < look(catalog, "", ATLAS).total
    assert look(catalog, "", Audience(LIVE, None)).total == 0
    assert look(catalog, "", Audience("sandbox", "atlas")).total == 0


def test_a_withdrawn_item_is_neither_found_nor_priced(catalog: Database) -> None:
    items = "sku,category,unit,active,name\nST-1340,storage,C62,no,Padlock\n"
    catalog.write(lambda tx: import_files(tx, LIVE, {"items.csv": items.encode()}, AT))
    assert look(catalog, "padlock").total == 0
    assert priced(catalog, "ST-1340", "1") is None


def priced(catalog: Database, sku: str, quantity: str, at: datetime = AT) -> tuple[Decimal, str, Decimal] | None:
    with catalog.read() as session:
        offer = find(session, ATLAS, sku, at)
    price = offer.price_at(Decimal(quantity)) if offer else None
    return price and (price.amount.amount, price.amount.currency, price.basis)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("1", "8.40"), ("9.999", "8.40"), ("10", "7.60"), ("49", "7.60"), ("50", "6.95"), ("1e6", "6.95")],
)
def test_the_quantity_decides_the_price(catalog: Database, quantity: str, amount: str) -> None:
    assert priced(catalog, "SF-3001", quantity) == (Decimal(amount), "EUR", Decimal(1))


def test_a_price_unit_stays_with_the_price(catalog: Database) -> None:
    assert priced(catalog, "FA-1020", "100") == (Decimal("11.40"), "EUR", Decimal(1000))


@pytest.mark.parametrize(
    ("day", "amount"),
    [("2026-01-01", "1"), ("2026-03-31", "1"), ("2026-04-01", "2"), ("2026-06-30", "2"), ("2026-07-01", "3")],
)
def test_the_day_decides_the_price_and_the_later_beginning_wins(catalog: Database, day: str, amount: str) -> None:
    prices = (
        "price_list,currency,sku,amount,valid_from,valid_until\n"
        "atlas,EUR,ST-1340,1,,2026-12-31\n"
        "atlas,EUR,ST-1340,2,2026-04-01,2026-06-30\n"
        "atlas,EUR,ST-1340,3,2026-07-01,\n"
    )
    catalog.write(lambda tx: import_files(tx, LIVE, {"prices.csv": prices.encode()}, AT))
    at = datetime.fromisoformat(f"{day}T23:59:59+00:00")
    assert priced(catalog, "ST-1340", "1", at) == (Decimal(amount), "EUR", Decimal(1))


def test_below_the_first_tier_there_is_no_price(catalog: Database) -> None:
    prices = "price_list,currency,sku,from_quantity,amount\natlas,EUR,ST-1340,12,9\n"
    catalog.write(lambda tx: import_files(tx, LIVE, {"prices.csv": prices.encode()}, AT))
    assert priced(catalog, "ST-1340", "11") is None
    with catalog.read() as session:
        offer = find(session, ATLAS, "ST-1340", AT)
    assert offer is not None
    assert offer.lowest_quantity == 12


def test_shelves_are_named_in_the_shoppers_language(catalog: Database) -> None:
    with catalog.read() as session:
        assert shelves(session, Audience(LIVE, "atlas", "de"))["fasteners"].name == "Befestigung"
        assert shelves(session, Audience(LIVE, "atlas", "it"))["fasteners"].name == "Fasteners"


def test_words_and_codes_are_folded() -> None:
    assert words("Señal Ø 2,5m — STRASSE/Straße") == ("senal", "o", "2", "5m", "strasse", "strasse")
    assert code("cd-10 42/b") == code("CD1042B") == "cd1042b"
