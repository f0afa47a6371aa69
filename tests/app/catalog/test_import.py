"""Importing and exporting the catalog: every fault at once, all or nothing, and what goes out comes back equal."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from sqlmodel import select

from app.catalog import load as loading
from app.catalog.demo import demo_files
from app.catalog.export import export_files
from app.catalog.load import Imported, import_files, import_in_pieces
from app.storage.base import LIVE
from app.storage.catalog import CategoryRow, ItemRow
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


def many(count: int, name: str = "Hammer", amount: str = "9.90") -> dict[str, bytes]:
    items = "".join(f"N-{n:04},tools,C62,{name} {n}\n" for n in range(count))
    prices = "".join(f"atlas,EUR,N-{n:04},{amount}\n" for n in range(count))
    header = ITEMS.partition("\n")[0], PRICES.partition("\n")[0]
    return {
        "c.csv": CATEGORIES.encode(),
        "i.csv": f"{header[0]}\n{items}".encode(),
        "p.csv": f"{header[1]}\n{prices}".encode(),
    }


def test_in_pieces_comes_to_the_same_as_at_once(database: Database) -> None:
    told = list[tuple[int, int]]()
    done = import_in_pieces(database, LIVE, demo_files(), AT, lambda *now: told.append(now))
    pieces = export(database)
    assert database.write(lambda tx: import_files(tx, LIVE, demo_files(), AT)).prices == done.prices
    assert export(database) == pieces
    assert done.new_items == told[-1][0] == told[-1][1]


def test_a_large_import_lets_another_process_write_between_its_pieces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server beside it: what it writes is committed while the import has most of its way before it."""
    monkeypatch.setattr(loading, "PIECE", 100)
    other = Database(database.url, pool=2)
    other.start()
    between = list[int]()

    def told(done: int, total: int) -> None:
        if done < total:
            code = f"beside-{done}"
            row = CategoryRow(realm="sandbox", code=code, names={"en": code}, picture="tools", position=done)
            other.write(lambda tx: tx.add(row), patience=10)
            between.append(done)

    import_in_pieces(database, LIVE, many(400), AT, told)
    other.stop()
    assert len(between) >= 20
    with database.read() as session:
        beside = session.exec(select(CategoryRow.code).where(CategoryRow.realm == "sandbox")).all()
        assert len(beside) == len(between)


def test_no_piece_is_larger_than_one_may_wait_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "PIECE", 100)
    reached = [0]
    import_in_pieces(database, LIVE, many(400), AT, lambda done, _: reached.append(done))
    steps = [after - before for before, after in pairwise(reached)]
    # Of an item: itself, a text, at most three codes, a price.
    assert max(steps) * 6 <= 100


def test_whoever_reads_meanwhile_sees_each_item_as_it_was_or_as_it_will_be(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "PIECE", 100)
    import_in_pieces(database, LIVE, many(60), AT)
    mixed = list[int]()

    def told(done: int, total: int) -> None:
        out = export(database)
        changed = {line.partition(",")[0] for line in out["items.csv"].splitlines() if "Saw" in line}
        dearer = {line.split(",")[2] for line in out["prices.csv"].splitlines() if ",11," in line}
        assert changed == dearer
        mixed.append(len(changed))

    import_in_pieces(database, LIVE, many(60, "Saw", "11"), AT, told)
    assert mixed[0] == 0
    assert 0 < mixed[2] < 60 == mixed[-1]


def test_an_interrupted_import_is_finished_by_the_same_files(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "PIECE", 100)

    def interrupted(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_in_pieces(database, LIVE, many(60), AT, interrupted)
    with database.read() as session:
        assert 0 < len(session.exec(select(ItemRow.id)).all()) < 60
    done = import_in_pieces(database, LIVE, many(60), AT)
    assert done.new_items + done.changed_items == 60
    assert export(database)["prices.csv"].count("atlas") == 60


def test_nothing_of_a_feed_with_a_fault_is_written_in_pieces_either(database: Database) -> None:
    files = many(60)
    files["p.csv"] += b"atlas,EUR,N-9999,1\n"
    with pytest.raises(Rejected):
        import_in_pieces(database, LIVE, files, AT)
    assert export(database)["categories.csv"].count("\n") == 1
