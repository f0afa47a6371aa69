"""Countries by code and by word."""

import pytest

from schemas.countries import COUNTRIES, country_code


def test_every_country_is_found_by_its_code_and_its_name() -> None:
    assert len(COUNTRIES) == 250
    for code, name in COUNTRIES.items():
        assert country_code(code.lower()) == code
        assert country_code(f" {name.upper()} ") == code


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("DEU", "DE"),
        ("usa", "US"),
        ("Deutschland", "DE"),
        ("SCHWEIZ", "CH"),
        ("U.S.A.", "US"),
        ("Bonaire, Sint Eustatius and Saba", "BQ"),
        ("Atlantis", None),
        ("+1", None),
        ("", None),
        (None, None),
    ],
)
def test_words_and_three_letters(word: str | None, code: str | None) -> None:
    assert country_code(word) == code
