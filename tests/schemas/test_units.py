from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import UNITS, CodeList, from_rec20, known, to_rec20, unit

FOREIGN = (CodeList.ISO, CodeList.X12, CodeList.SAP, CodeList.WORDS)


def codes(code_list: CodeList) -> list[str]:
    names = {CodeList.ISO: "iso", CodeList.X12: "x12", CodeList.SAP: "sap", CodeList.WORDS: "words"}
    return [code.casefold() for row in UNITS for code in getattr(row, names[code_list])]


def test_no_unit_stands_twice() -> None:
    assert [code for code, times in Counter(row.code for row in UNITS).items() if times > 1] == []


@pytest.mark.parametrize("code_list", FOREIGN)
def test_no_code_of_a_list_means_two_units(code_list: CodeList) -> None:
    assert [code for code, times in Counter(codes(code_list)).items() if times > 1] == []


@pytest.mark.parametrize("code_list", CodeList)
def test_what_is_written_in_a_list_is_read_back_from_it(code_list: CodeList) -> None:
    written = {row.code: from_rec20(row.code, code_list) for row in UNITS}
    assert {code: to_rec20(text, lists=(code_list,)) for code, text in written.items() if text is not None} == {
        code: code for code, text in written.items() if text is not None
    }


@pytest.mark.parametrize(
    ("text", "code_list", "code"),
    [
        ("C62", CodeList.REC20, "C62"),
        ("c62", CodeList.REC20, "C62"),
        (" XBX ", CodeList.REC20, "XBX"),
        ("PCE", CodeList.ISO, "H87"),
        ("KGM", CodeList.ISO, "KGM"),
        ("BX", CodeList.ISO, "XBX"),
        ("EA", CodeList.X12, "EA"),
        ("PC", CodeList.X12, "H87"),
        ("UN", CodeList.X12, "C62"),
        ("BX", CodeList.X12, "XBX"),
        ("GR", CodeList.X12, "GRM"),
        ("GS", CodeList.X12, "GRO"),
        ("CA", CodeList.X12, "XCS"),
        ("CR", CodeList.X12, "MTQ"),
        ("PL", CodeList.X12, "XPX"),
        ("PA", CodeList.X12, "XPL"),
        ("PA", CodeList.ISO, "XPA"),
        ("ST", CodeList.X12, "SET"),
        ("ST", CodeList.SAP, "H87"),
        ("STD", CodeList.SAP, "HUR"),
        ("KAR", CodeList.SAP, "XCT"),
        ("TAG", CodeList.SAP, "DAY"),
        ("M", CodeList.SAP, "MTR"),
        ("Each", CodeList.WORDS, "EA"),
        ("box", CodeList.WORDS, "XBX"),
        ("kg", CodeList.WORDS, "KGM"),
        ("m²", CodeList.WORDS, "MTK"),
    ],
)
def test_a_code_is_read_by_the_list_it_comes_from(text: str, code_list: CodeList, code: str) -> None:
    assert to_rec20(text, lists=(code_list,)) == code


@pytest.mark.parametrize(
    "text", [None, "", "  ", "PCE", "BX", "CT", "PK", "ST", "QT", "PF", "HD", "box", "each", "D97"]
)
def test_what_todays_recommendation_does_not_hold_is_not_guessed(text: str | None) -> None:
    assert to_rec20(text) is None


@pytest.mark.parametrize(
    "word", ["ounce", "oz", "gallon", "ton", "pack", "can", "m", "pint", "quart", "service", "CS", "PK"]
)
def test_a_word_that_can_mean_two_units_is_held(word: str) -> None:
    assert to_rec20(word, lists=(CodeList.REC20, CodeList.WORDS)) is None


@pytest.mark.parametrize("code", ["CS", "RO", "BE", "JB", "ZZ"])
def test_x12_codes_that_mean_something_else_are_not_taken_for_packages(code: str) -> None:
    assert to_rec20(code, lists=(CodeList.X12,)) is None


def test_lists_are_asked_in_their_order() -> None:
    assert to_rec20("PA", lists=(CodeList.ISO, CodeList.X12)) == "XPA"
    assert to_rec20("PA", lists=(CodeList.X12, CodeList.ISO)) == "XPL"


def test_the_partners_own_table_wins_in_any_case_of_letters() -> None:
    own = {" Box ": "XCT", "Stck": "C62"}
    assert to_rec20("BOX", own=own, lists=(CodeList.WORDS,)) == "XCT"
    assert to_rec20("stck", own=own) == "C62"
    assert to_rec20("box", own={}, lists=(CodeList.WORDS,)) == "XBX"


@pytest.mark.parametrize(
    ("code", "code_list", "text"),
    [
        ("H87", CodeList.ISO, "PCE"),
        ("KGM", CodeList.ISO, "KGM"),
        ("XPX", CodeList.X12, "PL"),
        ("HUR", CodeList.SAP, "STD"),
        ("FOT", CodeList.X12, "FT"),
        ("NAR", CodeList.X12, None),
        ("PCE", CodeList.ISO, None),
        ("", CodeList.REC20, None),
    ],
)
def test_a_unit_is_written_with_the_first_code_of_a_list(code: str, code_list: CodeList, text: str | None) -> None:
    assert from_rec20(code, code_list) == text


@given(st.text(max_size=6), st.lists(st.sampled_from(CodeList), max_size=5).map(tuple))
def test_whatever_is_read_is_a_known_unit(text: str, lists: tuple[CodeList, ...]) -> None:
    code = to_rec20(text, lists=lists)
    assert code is None or known(code)


def test_known_is_letter_for_letter() -> None:
    assert known("C62")
    assert not known("c62")
    assert not known("PCE")
    with pytest.raises(KeyError):
        unit("PCE")


@pytest.mark.parametrize("code", ["C62", "H87", "EA", "PR", "SET", "XBX", "XPX", "XST"])
def test_pieces_and_packages_come_in_whole_numbers(code: str) -> None:
    assert unit(code).whole


@pytest.mark.parametrize(
    "code", ["DZN", "GRO", "CEN", "MIL", "RM", "KGM", "MTR", "LTR", "HUR", "MON", "LS", "E48", "E51", "P1"]
)
def test_multiples_and_measures_can_be_divided(code: str) -> None:
    assert not unit(code).whole


@pytest.mark.parametrize(
    "code",
    [
        "C62",
        "H87",
        "EA",
        "NAR",
        "DZN",
        "PR",
        "SET",
        "KGM",
        "LTR",
        "MTR",
        "MTK",
        "MTQ",
        "HUR",
        "DAY",
        "MON",
        "XBX",
        "XCT",
        "XCS",
        "XPK",
        "XPX",
    ],
)
def test_the_units_of_everyday_trade_are_in_the_table(code: str) -> None:
    assert known(code)
