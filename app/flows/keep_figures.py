"""Keeps exchange rates, budgets and credits, each change with its entry in the audit record."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session

from app.approval.rates import Rate
from app.gateway import Gateway
from app.storage import audit
from app.storage.budgets import BudgetRow
from app.storage.customer_credits import CreditRow
from app.storage.customers import CustomerRow
from app.storage.rates import RateRow
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Budget:
    """`period`: `2026-11`, or `2026` for the whole year."""

    cost_center: str
    period: str
    money: Money


def set_rate(tx: Session, gateway: Gateway, realm: str, rate: Rate, *, actor: str, channel: str) -> None:
    """In place of the one that there is for the day."""
    before = tx.get(RateRow, (realm, rate.base, rate.target, rate.day))
    said = {**_pair(rate.base, rate.target, rate.day), "factor": f"{rate.factor:f}", "source": rate.source}
    said["before"] = f"{before.factor:f}" if before else None
    made = RateRow(
        realm=realm,
        base=rate.base,
        target=rate.target,
        day=rate.day,
        factor=rate.factor,
        source=rate.source,
        set_at=gateway.clock.now(),
    )
    tx.merge(made)
    _record(tx, gateway, realm, "rate_set", said, actor, channel)


def drop_rate(
    tx: Session, gateway: Gateway, realm: str, base: str, target: str, day: date, *, actor: str, channel: str
) -> None:
    row = tx.get_one(RateRow, (realm, base, target, day))
    tx.delete(row)
    said = {**_pair(base, target, day), "before": f"{row.factor:f}"}
    _record(tx, gateway, realm, "rate_dropped", said, actor, channel)


def _pair(base: str, target: str, day: date) -> dict[str, str | None]:
    return {"base": base, "target": target, "day": day.isoformat()}


def set_budget(
    tx: Session, gateway: Gateway, customer: CustomerRow, budget: Budget, *, actor: str, channel: str
) -> None:
    """In place of the one that there is for the period."""
    before = tx.get(BudgetRow, (customer.id, budget.cost_center, budget.period))
    said = {**_of(customer, budget.cost_center, budget.period), "amount": f"{budget.money.amount:f}"}
    said |= {"currency": budget.money.currency, "before": _told(before)}
    made = BudgetRow(
        customer_id=customer.id,
        cost_center=budget.cost_center,
        period=budget.period,
        realm=customer.realm,
        amount=budget.money.amount,
        currency=budget.money.currency,
        set_at=gateway.clock.now(),
    )
    tx.merge(made)
    _record(tx, gateway, customer.realm, "budget_set", said, actor, channel)


def drop_budget(
    tx: Session, gateway: Gateway, customer: CustomerRow, cost_center: str, period: str, *, actor: str, channel: str
) -> None:
    row = tx.get_one(BudgetRow, (customer.id, cost_center, period))
    tx.delete(row)
    said = {**_of(customer, cost_center, period), "before": _told(row)}
    _record(tx, gateway, customer.realm, "budget_dropped", said, actor, channel)


def _of(customer: CustomerRow, cost_center: str, period: str) -> dict[str, str | None]:
    return {"customer": customer.number, "cost_center": cost_center, "period": period}


def _told(row: BudgetRow | None) -> str | None:
    return f"{row.amount:f} {row.currency}" if row else None


def keep_credit(tx: Session, gateway: Gateway, customer: CustomerRow, left: Money, *, actor: str, channel: str) -> None:
    """What is left to the customer now: orders that come from now on are taken off."""
    row = tx.get(CreditRow, customer.id)
    before = f"{row.amount:f} {row.currency}" if row is not None else None
    at = gateway.clock.now()
    row = row or CreditRow(
        customer_id=customer.id, realm=customer.realm, amount=left.amount, currency=left.currency, set_at=at
    )
    row.amount, row.currency, row.set_at = left.amount, left.currency, at
    tx.add(row)
    told = {"customer": customer.number, "amount": f"{left.amount:f}", "currency": left.currency, "before": before}
    _record(tx, gateway, customer.realm, "credit_set", told, actor, channel)


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
