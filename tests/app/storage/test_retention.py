"""Which rule holds for which exchange."""

import pytest
from conftest import AT
from sqlmodel import Session

from app.storage.base import LIVE
from app.storage.database import Database
from app.storage.erasures import RetentionRuleRow
from app.storage.partners import PartnerRow
from app.storage.retention import Terms, terms_of

SETUP = "PunchOutSetupRequest"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], Terms(400)),
        ([(None, None, 500)], Terms(500)),
        ([(None, SETUP, 90)], Terms(400, {SETUP: 90})),
        ([("us", None, 800), (None, SETUP, 90)], Terms(800)),
        ([("us", SETUP, 60), (None, SETUP, 90), (None, None, 500)], Terms(500, {SETUP: 60})),
        ([("us", SETUP, 60), ("us", None, 800), (None, "OrderRequest", 90)], Terms(800, {SETUP: 60})),
        ([("other", None, 50), ("other", SETUP, 50)], Terms(400)),
    ],
)
def test_the_rule_that_says_most_wins(
    rules: list[tuple[str | None, str | None, int]], expected: Terms, database: Database
) -> None:
    def fill(session: Session) -> None:
        for name in ("us", "other"):
            session.add(PartnerRow(id=name, realm=LIVE, name=name, created_at=AT))
        session.flush()
        for partner_id, kind, days in rules:
            rule = RetentionRuleRow(realm=LIVE, partner_id=partner_id, kind=kind, days=days, created_at=AT)
            session.add(rule)

    database.write(fill)
    with database.read() as session:
        assert terms_of(session, LIVE, "us", 400) == expected
