"""Reasons survive their being kept as JSON, with the types of their values."""

import json
from datetime import date
from decimal import Decimal

from approval_orders import money
from hypothesis import given
from hypothesis import strategies as st

from app.approval.evaluate import Answer, Reason
from app.approval.explanation import from_data, to_data
from app.approval.operators import Operator

_NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**9), max_value=10**9)
_ONE = (
    _NUMBERS
    | st.integers()
    | st.text()
    | st.booleans()
    | st.dates(date(1900, 1, 1))
    | _NUMBERS.map(lambda amount: money(f"{amount:f}"))
)
_ANY = st.none() | _ONE | st.lists(_ONE, max_size=3).map(tuple)


@given(_ANY, _ANY, st.sampled_from(Operator), st.sampled_from(Answer), st.lists(st.integers(), max_size=3))
def test_a_reason_survives_being_kept(
    actual: object, wanted: object, operator: Operator, answer: Answer, lines: list[int]
) -> None:
    reason = Reason("order.total_net", actual, operator, wanted, tuple(lines), answer)  # type: ignore[arg-type]
    again = from_data(json.loads(json.dumps(to_data(reason))))
    assert again == reason
    assert type(again.actual) is type(reason.actual)


def test_numbers_keep_every_digit() -> None:
    reason = Reason("line.quantity", Decimal("1.50"), Operator.ABOVE, Decimal(1), (1,), Answer.YES)
    assert to_data(reason)["actual"] == {"number": "1.50"}
