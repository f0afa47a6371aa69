"""What a look-up means, cell by cell: nothing here may lead to a second order, and nothing may be accepted unread."""

from decimal import Decimal

import msgspec
import pytest
from bridge_orders import delivery, full_order, line, order

from app.bridge.adapter import Accepted, CannotTell, Found, FoundNone, FoundOne, FoundSeveral
from app.bridge.comparison import differences, wanted_total
from app.bridge.look_up import RESENDS, Hold, LookAgain, Resend, verdict

SAME = FoundOne("7", "SO-7", (("BOLT-M8", Decimal(300)), ("NUT-M8", Decimal("10.0"))), Decimal("26.00"), "EUR")
OTHER = FoundOne("7", "SO-7", (("BOLT-M8", Decimal(300)),), Decimal("15.00"), "EUR")
SEVERAL = FoundSeveral(("7", "8"))
SILENT = CannotTell("no answer")

TABLE: list[tuple[str, Found, bool, object]] = [
    ("create", SAME, False, Accepted),
    ("create", SAME, True, Accepted),
    ("create", OTHER, False, LookAgain),
    ("create", OTHER, True, "erp.differs"),
    ("create", FoundNone(), False, LookAgain),
    ("create", FoundNone(), True, Resend),
    ("create", SEVERAL, False, "erp.several"),
    ("create", SEVERAL, True, "erp.several"),
    ("create", SILENT, False, LookAgain),
    ("create", SILENT, True, LookAgain),
    ("change", SAME, False, Accepted),
    ("change", SAME, True, Accepted),
    ("change", OTHER, False, LookAgain),
    ("change", OTHER, True, Resend),
    ("change", FoundNone(), False, LookAgain),
    ("change", FoundNone(), True, "erp.missing"),
    ("change", SEVERAL, True, "erp.several"),
    ("change", SILENT, True, LookAgain),
    ("cancel", SAME, False, LookAgain),
    ("cancel", SAME, True, Resend),
    ("cancel", FoundNone(), False, Accepted),
    ("cancel", FoundNone(), True, Accepted),
    ("cancel", SEVERAL, True, "erp.several"),
    ("cancel", SILENT, True, LookAgain),
]


@pytest.mark.parametrize(("kind", "found", "settled", "expected"), TABLE)
def test_every_cell(kind: str, found: Found, settled: bool, expected: object) -> None:
    came = verdict(delivery(order(), kind=kind), found, settled=settled, resends=0)
    if isinstance(expected, str):
        assert isinstance(came, Hold)
        assert came.code == expected
    else:
        assert type(came) is expected


@pytest.mark.parametrize(("kind", "found"), [("create", FoundNone()), ("change", OTHER), ("cancel", SAME)])
def test_resends_are_counted(kind: str, found: Found) -> None:
    sent = delivery(order(), kind=kind)
    assert isinstance(verdict(sent, found, settled=True, resends=RESENDS - 1), Resend)
    last = verdict(sent, found, settled=True, resends=RESENDS)
    assert isinstance(last, Hold)
    assert last.code == "erp.uncertain"


def test_nobody_is_asked_to_wait_for_what_only_the_erp_can_tell() -> None:
    silent = verdict(delivery(order()), SILENT, settled=True, resends=0)
    waiting = verdict(delivery(order()), FoundNone(), settled=False, resends=0)
    assert isinstance(silent, LookAgain)
    assert isinstance(waiting, LookAgain)
    assert (silent.settling, waiting.settling) == (False, True)


# Whether it is the same order


def found(*lines: tuple[str, str], total: str | None = None, currency: str | None = "EUR") -> FoundOne:
    amount = Decimal(total) if total is not None else None
    return FoundOne("7", "SO-7", tuple((sku, Decimal(quantity)) for sku, quantity in lines), amount, currency)


def test_lines_that_the_erp_splits_or_joins_are_the_same() -> None:
    sent = order("PO-1", line(1, "A", "2", "1"), line(2, "A", "3", "1"), line(3, "B", "1", "1"))
    assert differences(sent, found(("B", "1"), ("A", "5"))) == ()
    assert differences(sent, found(("A", "1"), ("A", "4"), ("B", "0.5"), ("B", "0.50"))) == ()


def test_what_the_buyer_took_back_is_not_missed() -> None:
    assert differences(full_order(), found(("BOLT-M8", "300"), ("NUT-M8", "2.5"), total="15.83")) == ()


def test_every_difference_is_named() -> None:
    sent = order("PO-1", line(1, "A", "2", "1"), line(2, "B", "1", "1"))
    assert differences(sent, found(("A", "3"), ("C", "1"), total="4", currency="USD")) == (
        "item A: sent 2, found 3",
        "item B: sent 1, found 0",
        "item C: sent 0, found 1",
        "total: sent 3.00, found 4",
        "currency: sent EUR, found USD",
    )


def test_a_total_that_only_one_side_names_is_not_compared() -> None:
    sent = order("PO-1", line(1, "A", "2", "1"))
    assert differences(sent, found(("A", "2"), currency=None)) == ()
    unpriced = order("PO-1", msgspec.structs.replace(line(1, "A", "2", "1"), price=None))
    assert wanted_total(unpriced) is None
    assert differences(unpriced, found(("A", "2"), total="99")) == ()
