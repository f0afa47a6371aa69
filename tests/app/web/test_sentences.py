"""Why somebody was asked, in each of the languages, with its own separators and dates."""

from datetime import date
from decimal import Decimal

import pytest
from approval_orders import money

from app.approval.evaluate import Answer, Reason
from app.approval.explanation import to_data
from app.approval.operators import Operator
from app.web.orders.sentences import Speaker

TOTAL = Reason("order.total_net", money("23734.44"), Operator.ABOVE, money("5000.00"), (), Answer.YES)
CLASS = Reason("line.unspsc", "44103103", Operator.STARTS_WITH, "44", (3, 4, 5, 6, 7), Answer.YES)
DEVIATION = Reason("line.price_deviation_percent", Decimal("5.5"), Operator.ABOVE, Decimal(5), (2,), Answer.YES)
DATE = Reason("order.requested_date", date(2026, 11, 22), Operator.BELOW, date(2026, 12, 1), (), Answer.YES)
RATE = Reason("order.total_net", money("10.00", "USD"), Operator.ABOVE, money("5.00"), (), Answer.UNKNOWN)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "order total without tax EUR 23,734.44 is more than EUR 5,000.00"),
        ("es", "23.734,44"),
        ("pt", "23.734,44"),
        ("fr", "total de la commande hors taxes 23 734,44 EUR dépasse 5 000,00 EUR"),
        ("de", "Bestellsumme ohne Steuer 23.734,44 EUR ist mehr als 5.000,00 EUR"),
    ],
)
def test_amounts_are_written_as_in_the_language(language: str, said: str) -> None:
    (sentence,) = Speaker(language).reasons([to_data(TOTAL)])
    assert said in sentence.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "lines 3, 4, 5 and 2 more: UNSPSC class 44103103 begins with 44"),
        ("es", "3, 4, 5"),
        ("pt", "3, 4, 5"),
        ("fr", "lignes 3, 4, 5 et 2 autres : classe UNSPSC 44103103 commence par 44"),
        ("de", "Positionen 3, 4, 5 und 2 weitere: UNSPSC-Klasse 44103103 beginnt mit 44"),
    ],
)
def test_three_lines_are_named_and_the_others_counted(language: str, said: str) -> None:
    (sentence,) = Speaker(language).reasons([to_data(CLASS)])
    assert said in sentence


@pytest.mark.parametrize("language", ["en", "es", "pt", "fr", "de"])
def test_no_sentence_stays_in_english(language: str) -> None:
    spoken = Speaker(language).reasons([to_data(one) for one in (TOTAL, CLASS, DEVIATION, DATE, RATE)])
    english = Speaker("en").reasons([to_data(one) for one in (TOTAL, CLASS, DEVIATION, DATE, RATE)])
    assert all((one == other) is (language == "en") for one, other in zip(spoken, english, strict=True))


def test_a_missing_rate_is_named() -> None:
    (said,) = Speaker("de").reasons([to_data(RATE)])
    assert "es gibt keinen neueren Kurs von USD in EUR" in said
