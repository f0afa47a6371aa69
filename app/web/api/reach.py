"""What a key reaches: the data of its customers. Whatever is outside is as unknown as what there is not."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.storage.api_keys import ApiKeyRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow
from schemas.faults import Fault


def customer(session: Session, key: ApiKeyRow, said: dict[str, Any], faults: list[Fault]) -> str | None:
    """The id of the customer that the request names."""
    number = said.get("customer")
    if number is None:
        return None
    known = select(CustomerRow.id).where(CustomerRow.realm == key.realm, CustomerRow.number == number)
    found = session.exec(known).first()
    if found is None or (key.customers is not None and found not in key.customers):
        message = "there is no such customer"
        faults.append(Fault(code="query.unknown_customer", at="customer", message=message, found=str(number)[:100]))
        return None
    return found


def orders(session: Session, key: ApiKeyRow, number: str, customer_id: str | None) -> list[OrderRow]:
    """Of this number, two at most: order numbers are each customer's own."""
    query = select(OrderRow).where(OrderRow.realm == key.realm, _reached(key, customer_id), OrderRow.number == number)
    return list(session.exec(query.limit(2)))


def _reached(key: ApiKeyRow, customer_id: str | None) -> ColumnElement[bool]:
    """By the customers in each case, so that the index of customer and number finds the order."""
    if customer_id is not None:
        return col(OrderRow.customer_id) == customer_id
    if key.customers is not None:
        return col(OrderRow.customer_id).in_(key.customers)
    return col(OrderRow.customer_id).in_(select(CustomerRow.id).where(CustomerRow.realm == key.realm))
