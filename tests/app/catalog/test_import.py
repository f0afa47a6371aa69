"""Importing and exporting the catalog: every fault at once, all or nothing, and what goes out comes back equal."""

from datetime import UTC, datetime

import pytest

from app.catalog.demo import demo_files
from app.catalog.export import export_files
from app.catalog.load import Imported, import_files
from app.storage.base import LIVE
from app.storage.database import Database
from schemas.faults import Rejected

AT = datetime(2026, 3, 2, tzinfo=UTC)

CATEGORIES = "code,picture,name,name.es\ntools,tools,Tools,Herramientas\n"
ITEMS = "sku,category,unit,name\nT-1,tools,C62,Hammer\n"
PRICES = "price_list,currency,sku,amount\natlas,EUR,T-1,9.90\n"


def load(database: Database, **files: str) -> Imported:
    bodies = {f"{name}.csv": text.encode() for name, text in files.items()}
    return database.write(lambda tx: import_files(tx, LIVE, bodies, AT))


def export(database: Database) -> dict[str, str]:
    with database.read() as session:
        return export_files(session, LIVE)


def faults(database: Database, **files: str) -> list[tuple[str, str, int | None, int | None]]:
    with pytest.raises(Rejected) as caught:
        load(database, **files)
    return [(fault.code, fault.at, fault.line, fault.column) for fault in caught.value.faults]


def test_an_export_imports_again_and_is_equal(database: Database) -> None:
    first = database.write(lambda tx: import_files(tx, LIVE, demo_files(), AT))
    out = export(database)
    again = load(database, **{name.removesuffix(".csv"): text for name, text in out.items()})
    assert first.new_items == again.changed_items >= 60
    assert first.prices == again.prices
    assert export(database) == out


def test_the_demo_files_are_themselves_an_export(database: Database) -> None:
    database.write(lambda tx: import_files(tx, LIVE, demo_files(), AT))
    out = export(database)
    assert out["categories.csv"].splitlines()[0].startswith("code,picture,name,")
    assert out["items.csv"].count("\n") == demo_files()["items.csv"].count(b"\n")


def test_a_category_and_an_item_are_replaced_as_a_whole(database: Database) -> None:
    load(database, categories=CATEGORIES, items=ITEMS, prices=PRICES)
    done = load(database, items="sku,category,unit,name,name.es\nT-1,tools,XBX,Claw hammer,Martillo\n")
    assert done == Imported(categories=0, new_items=0, changed_items=1, prices=0)
    assert "T-1,tools,XBX" in export(database)["items.csv"]
    assert "9.90" in export(database)["prices.csv"]


def test_prices_of_an_item_on_a_list_are_replaced_together(database: Database) -> None:
    header = "price_list,currency,sku,from_quantity,amount\n"
    load(database, categories=CATEGORIES, items=ITEMS, prices=header + "atlas,EUR,T-1,0,9.90\natlas,EUR,T-1,10,8.90\n")
    load(database, prices=header + "atlas,EUR,T-1,0,7.50\n")
    assert export(database)["prices.csv"].splitlines()[1:] == ["atlas,EUR,T-1,0,7.50,1,,1,,"]


def test_every_fault_of_every_file_comes_at_once_and_nothing_is_written(database: Database) -> None:
    load(database, categories=CATEGORIES, items=ITEMS)
    before = export(database)
    found = faults(
        database,
        items="sku,category,unit,gtin,lead_days,unspsc,name\n"
        "T-2,tools,EACHES,4006381333932,soon,44.12,Saw\n"
        ",garden,C62,,,,\n"
        "T-3,tools,C62,,,,Plane\n"
        "T-3,tools,C62,,,,Plane\n",
        prices='price_list,currency,sku,amount,basis\natlas,EURO,T-1,"9,90",1\natlas,EUR,T-9,1,0\natlas,EUR,T-1,-1,1\n',
    )
    assert found == [
        ("cell.unknown_unit", "items.csv: unit", 2, 3),
        ("cell.not_unspsc", "items.csv: unspsc", 2, 6),
        ("cell.not_gtin", "items.csv: gtin", 2, 4),
        ("cell.not_days", "items.csv: lead_days", 2, 5),
        ("cell.missing", "items.csv: sku", 3, 1),
        ("cell.missing", "items.csv: name", 3, 7),
        ("cell.unknown_currency", "prices.csv: currency", 2, 2),
        ("cell.not_a_number", "prices.csv: amount", 2, 4),
        ("cell.not_above_zero", "prices.csv: basis", 3, 5),
        ("cell.negative", "prices.csv: amount", 4, 4),
        ("row.double", "items.csv: sku", 5, None),
    ]
    assert export(database) == before


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"items": "sku,category,unit,name\nT-1,garden,C62,Spade\n"},
            ("cell.unknown_category", "items.csv: category", 2),
        ),
        ({"prices": "price_list,currency,sku,amount\natlas,EUR,T-9,1\n"}, ("cell.unknown_sku", "prices.csv: sku", 2)),
        (
            {"prices": "price_list,currency,sku,amount\natlas,EUR,T-1,1\natlas,USD,T-2,1\n"},
            ("cell.other_currency", "prices.csv: currency", 3),
        ),
        (
            {"prices": "price_list,currency,sku,amount,factor\natlas,EUR,T-1,1,12\n"},
            ("cell.factor", "prices.csv: factor", 2),
        ),
        (
            {
                "prices": "price_list,currency,sku,amount,valid_from,valid_until\n"
                "atlas,EUR,T-1,1,2026-02-01,2026-01-01\n"
            },
            ("cell.ends_before_it_begins", "prices.csv: valid_until", 2),
        ),
        (
            {"items": "sku,category,unit,content,name\nT-3,tools,XBX,100,Nails\n"},
            ("cell.half_content", "items.csv: content", 2),
        ),
        ({"items": "sku;colour\nT-1;red\n"}, ("header.unknown", "items.csv", 1)),
        ({"items": "sku,category,unit,name,colour\n"}, ("header.unknown_column", "items.csv: colour", 1)),
        ({"items": "sku,category,unit,name,sku\n"}, ("header.double_column", "items.csv: sku", 1)),
        ({"items": "sku,category,unit,name\nT-1,tools\n"}, ("row.wrong_length", "items.csv", 2)),
        ({"items": 'sku,category,unit,name\nT-1,tools,C62,"Saw\n'}, ("file.not_csv", "items.csv", 2)),
        ({"items": ""}, ("header.unknown", "items.csv", 1)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_fault_says_where_it_is(database: Database, files: dict[str, str], expected: tuple[str, str, int]) -> None:
    load(database, categories=CATEGORIES, items=ITEMS + "T-2,tools,C62,Saw\n")
    assert expected in [(code, at, line) for code, at, line, _ in faults(database, **files)]


def test_bytes_that_are_not_utf_8_are_refused_with_their_line(database: Database) -> None:
    with pytest.raises(Rejected) as caught:
        database.write(lambda tx: import_files(tx, LIVE, {"a.csv": b"sku,name\nT-1,S\xe4ge\n"}, AT))
    assert [(fault.code, fault.line) for fault in caught.value.faults] == [("file.not_utf8", 2)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_shows_the_separator(database: Database, separator: str) -> None:
    text = "\ufeff" + (CATEGORIES.replace(",", separator))
    assert load(database, categories=text).categories == 1


def test_a_cell_over_two_lines_keeps_the_line_numbers_right(database: Database) -> None:
    items = 'sku,category,unit,name\nT-1,tools,C62,"Saw\nwith teeth"\nT-2,tools,nope,Saw\n'
    assert faults(database, categories=CATEGORIES, items=items) == [("cell.unknown_unit", "items.csv: unit", 4, 3)]


@pytest.mark.parametrize("name", ["=1+1", "+49", "@home", "-x"])
def test_a_text_that_looks_like_a_formula_is_defused_and_comes_back(database: Database, name: str) -> None:
    load(database, categories=CATEGORIES, items=f"sku,category,unit,name\nT-1,tools,C62,{name}\n")
    out = export(database)["items.csv"]
    assert f"'{name}" in out
    load(database, items=out)
    assert export(database)["items.csv"] == out


def test_realms_do_not_mix(database: Database) -> None:
    load(database, categories=CATEGORIES, items=ITEMS)
    with pytest.raises(Rejected):
        database.write(lambda tx: import_files(tx, "sandbox", {"p.csv": PRICES.encode()}, AT))
    with database.read() as session:
        assert export_files(session, "sandbox")["items.csv"].count("\n") == 1
