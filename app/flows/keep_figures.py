"""Keeps exchange rates and budgets, each change with its entry in the audit record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session

from app.approval.rates import Rate
from app.gateway import Gateway
from app.storage import audit
from app.storage.budgets import BudgetRow
from app.storage.customers import CustomerRow
from app.storage.rates import RateRow
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Budget:
    """`period`: `2026-11`, or `2026` for the whole year."""

    cost_center: str
    period: str
    money: Money


def keep_rates(tx: Session, gateway: Gateway, realm: str, rates: Iterable[Rate], *, actor: str, channel: str) -> int:
    """Adds what is new, replaces what differs; how many those were."""
    changed = 0
    for rate in rates:
        row = tx.get(RateRow, (realm, rate.base, rate.target, rate.day))
        if row is not None and (row.factor, row.source) == (rate.factor, rate.source):
            continue
        row = row or RateRow(
            realm=realm,
            base=rate.base,
            target=rate.target,
            day=rate.day,
            factor=rate.factor,
            source=rate.source,
            set_at=gateway.clock.now(),
        )
        row.factor, row.source, row.set_at = rate.factor, rate.source, gateway.clock.now()
        tx.add(row)
        told = {"base": rate.base, "target": rate.target, "day": rate.day.isoformat()}
        told |= {"factor": f"{rate.factor:f}", "source": rate.source}
        _record(tx, gateway, realm, "rate_set", told, actor, channel)
        changed += 1
    return changed


def keep_budgets(
    tx: Session, gateway: Gateway, customer: CustomerRow, budgets: Iterable[Budget], *, actor: str, channel: str
) -> int:
    """Adds what is new, replaces what differs; how many those were."""
    changed = 0
    for budget in budgets:
        row = tx.get(BudgetRow, (customer.id, budget.cost_center, budget.period))
        money = budget.money
        if row is not None and (row.amount, row.currency) == (money.amount, money.currency):
            continue
        row = row or BudgetRow(
            customer_id=customer.id,
            cost_center=budget.cost_center,
            period=budget.period,
            realm=customer.realm,
            amount=money.amount,
            currency=money.currency,
            set_at=gateway.clock.now(),
        )
        row.amount, row.currency, row.set_at = money.amount, money.currency, gateway.clock.now()
        tx.add(row)
        told = {"customer": customer.number, "cost_center": budget.cost_center, "period": budget.period}
        told |= {"amount": f"{money.amount:f}", "currency": money.currency}
        _record(tx, gateway, customer.realm, "budget_set", told, actor, channel)
        changed += 1
    return changed


def _record(
    tx: Session, gateway: Gateway, realm: str, event: str, data: dict[str, Any], actor: str, channel: str
) -> None:
    audit.record(tx, realm=realm, at=gateway.clock.now(), actor=actor, channel=channel, event=event, data=data)


def is_period(text: str) -> bool:
    """Whether it is a year (`2026`) or a month (`2026-11`)."""
    try:
        day = date.fromisoformat(f"{text}-01" if "-" in text else f"{text}-01-01")
    except ValueError:
        return False
    return text in (f"{day:%Y-%m}", f"{day:%Y}")
