"""Cells of exports, and the words for what the rules ask about."""

import pytest

from app.flows.cases import Choice, Code
from app.storage.exchanges import ExchangeState
from app.storage.orders import OrderState
from app.web.orders import words
from app.web.spreadsheet import harmless


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_begins_like_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["PO-1", "0007", "", " =1"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


def test_every_state_case_and_choice_has_its_word() -> None:
    assert set(OrderState) == words.STATES.keys() == words.COLOURS.keys()
    assert set(Choice) == words.CHOICES.keys()
    assert set(Code) <= words.CASES.keys()
    assert set(ExchangeState) == words.EXCHANGES.keys()
