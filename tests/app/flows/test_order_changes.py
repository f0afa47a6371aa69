"""What differs between two revisions of an order, in the buyer's terms."""

import pytest
from approval_orders import line, order
from msgspec.structs import replace

from app.flows.order_changes import MOST, changes, same_content
from schemas.order import Change, Comment
from schemas.party import Address


def test_equal_content_has_no_changes_whatever_its_own_ids() -> None:
    again = order(change=Change.UPDATE, document_id="x", previous_document_id="y", version=2)
    assert changes(order(), again) == []
    assert same_content(order(), again)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (order(line(quantity="11")), [("lines[1].quantity.amount", "10", "11")]),
        (order(line(price=None)), [("lines[1].price", '{"amount":{"amount":"9.95","currency":"EUR"}}', None)]),
        (order(ship_to=Address(id="0002", country="DE", postal_code="10115")), [("ship_to.id", "0001", "0002")]),
        (order(comments=(Comment(text="urgent"),)), [("comments", None, '[{"text":"urgent"}]')]),
    ],
    ids=["quantity", "price gone", "ship-to", "comment added"],
)
def test_each_field_is_named_with_both_sides(after: object, expected: list[tuple[str, str, str]]) -> None:
    found = changes(order(), after)  # type: ignore[arg-type]
    assert [(change["at"], change["before"], change["after"]) for change in found] == expected


def test_lines_are_matched_by_number_and_not_by_position() -> None:
    before = order(line(1), line(2, sku="A-200"), line(3, sku="A-300"))
    after = order(line(3, sku="A-300"), line(1), line(4, sku="A-400"))
    found = {change["at"]: change for change in changes(before, after)}
    assert found.keys() == {"lines[2]", "lines[4]"}
    assert found["lines[2]"]["after"] is None
    assert found["lines[4]"]["before"] is None


def test_long_texts_and_endless_changes_are_cut_and_counted() -> None:
    long = replace(line(), ad_hoc=True)
    many = [replace(long, number=number) for number in range(1, MOST + 11)]
    found = changes(order(), order(*many[1:]))
    assert len(found) == MOST + 1
    assert found[-1]["at"] == "more"
    assert all(len(change["before"] or change["after"] or "") <= 200 for change in found)
