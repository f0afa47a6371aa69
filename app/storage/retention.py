"""How long the bytes of exchanges are kept: rules, and what they make due for erasing.

The rule that says most wins: partner and kind, then partner, then kind, then the setting. An answer goes with its
request. Documents of orders are books, not traffic: they stay until somebody erases an order or a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, or_, true
from sqlmodel import Session, col, select

from app.storage.base import table_of
from app.storage.erasures import RetentionRuleRow
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow

_EXCHANGES: Final = table_of(ExchangeRow)
_BODIES: Final = table_of(ExchangeBodyRow)


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one partner: `days` for every kind without a rule of its own."""

    days: int
    kinds: dict[str, int] = field(default_factory=dict)

    def past(self, now: datetime) -> ColumnElement[bool]:
        """Exchanges whose time is over."""
        kind, at = _EXCHANGES.c.kind, _EXCHANGES.c.at
        own = [and_(kind == name, at < now - timedelta(days=days)) for name, days in self.kinds.items()]
        others: ColumnElement[bool] = or_(kind.is_(None), kind.not_in(list(self.kinds))) if self.kinds else true()
        return or_(*own, and_(others, at < now - timedelta(days=self.days)))


def terms_of(session: Session, realm: str, partner_id: str | None, default: int) -> Terms:
    query = select(RetentionRuleRow).where(
        RetentionRuleRow.realm == realm,
        or_(col(RetentionRuleRow.partner_id).is_(None), col(RetentionRuleRow.partner_id) == partner_id),
    )
    own: dict[str | None, int] = {}
    shared: dict[str | None, int] = {None: default}
    for rule in session.exec(query):
        (own if rule.partner_id is not None else shared)[rule.kind] = rule.days
    chosen = own if None in own else shared | own
    return Terms(chosen[None], {kind: days for kind, days in chosen.items() if kind is not None})


def due(
    session: Session, realm: str, partner_id: str | None, terms: Terms, now: datetime, *, after: str, most: int
) -> Sequence[str]:
    """Ids of requests whose bytes, or whose answer's, are to go; by id, behind `after`."""
    kept = [
        select(_BODIES.c.exchange_id).where(_BODIES.c.exchange_id == of, _BODIES.c.sealed_key.is_not(None)).exists()
        for of in (_EXCHANGES.c.id, _EXCHANGES.c.answered_by)
    ]
    query = (
        select(ExchangeRow.id)
        .where(
            ExchangeRow.realm == realm,
            ExchangeRow.partner_id == partner_id,
            col(ExchangeRow.id) > after,
            col(ExchangeRow.answers).is_(None),
            terms.past(now),
            or_(*kept),
        )
        .order_by(col(ExchangeRow.id))
        .limit(most)
    )
    return session.exec(query).all()


def drop_quarantined(session: Session, before: datetime) -> int:
    """What nobody we know sent goes whole."""
    result = session.connection().execute(delete(QuarantineRow).where(col(QuarantineRow.at) < before))
    return int(result.rowcount)
