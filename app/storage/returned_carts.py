"""Finds the returned carts that an order names, and keeps which orders came from which cart."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Index
from sqlmodel import Field, Session, col, select

from app.storage.base import LIVE, Row, table_of, unindexed
from app.storage.orders import OrderRevisionRow, OrderRow, OrderState
from app.storage.prepared import PreparedInsert
from app.storage.sessions import PunchoutSessionRow, ReturnedCartRow
from schemas.cart import Cart

MOST_IDS: Final = 500
MOST_FOUND: Final = 5_000
"""Lines of returned carts that are looked at, newest first, for the ids of one order: a buyer may give many lines one
id."""
MOST_ORDERS: Final = 50
"""Other orders of one cart that are looked at, newest first."""


class ReturnedLineRow(Row, table=True):
    """The id under which the buyer's system knows a line of a cart that went home; the lines of the visit itself are
    dropped some days after its end, and orders come later."""

    __tablename__ = "cd_returned_lines"

    cart_id: str = Field(primary_key=True, foreign_key="cd_returned_carts.id", ondelete="CASCADE", max_length=36)
    position: int = Field(primary_key=True)
    auxiliary_id: str = Field(max_length=500)

    __table_args__ = (Index("ix_cd_returned_lines_auxiliary_id", "auxiliary_id"),)


class CartOrderRow(Row, table=True):
    """An order that came from a cart."""

    __tablename__ = "cd_cart_orders"

    cart_id: str = Field(primary_key=True, foreign_key="cd_returned_carts.id", ondelete="CASCADE", max_length=36)
    order_id: str = Field(primary_key=True, foreign_key="cd_orders.id", ondelete="CASCADE", max_length=36)

    __table_args__ = (Index("ix_cd_cart_orders_order_id", "order_id"),)


put_cart_order = PreparedInsert(table_of(CartOrderRow), unless_there=True)


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose order it is. Carts of test visits are found for test orders alone."""

    realm: str
    customer_id: str
    test: bool


def keep_lines(session: Session, cart_id: str, cart: Cart) -> None:
    """Of a cart that was added just now."""
    session.flush()
    session.add_all(
        ReturnedLineRow(cart_id=cart_id, position=position, auxiliary_id=line.item.supplier_auxiliary_id)
        for position, line in enumerate(cart.lines)
        if line.item.supplier_auxiliary_id
    )


def digest(buyer_cookie: str) -> str:
    """Of a buyer's cookie, of which platforms may lose the blanks around it."""
    return hashlib.sha256(buyer_cookie.strip().encode()).hexdigest()


def newest_by_line(session: Session, asking: Asking, auxiliary_ids: Iterable[str]) -> set[str]:
    """Ids of the carts of this customer that each of these line ids came home in last."""
    found: set[str] = set()
    ids = sorted(set(auxiliary_ids))
    for begin in range(0, len(ids), MOST_IDS):
        query = (
            select(ReturnedLineRow.auxiliary_id, ReturnedCartRow.id)
            .join(ReturnedCartRow, col(ReturnedCartRow.id) == ReturnedLineRow.cart_id)
            .join(PunchoutSessionRow, col(PunchoutSessionRow.id) == ReturnedCartRow.session_id)
            .where(col(ReturnedLineRow.auxiliary_id).in_(ids[begin : begin + MOST_IDS]), *_theirs(asking))
            .order_by(col(ReturnedCartRow.at).desc(), col(ReturnedCartRow.id).desc())
            .limit(MOST_FOUND)
        )
        newest: dict[str, str] = {}
        for auxiliary_id, cart_id in session.exec(query):
            newest.setdefault(auxiliary_id, cart_id)
        found |= set(newest.values())
    return found


def newest_by_cookie(session: Session, asking: Asking, cookies: Iterable[str]) -> set[str]:
    """Id of the cart of this customer that came home last with each of these cookies."""
    found: set[str] = set()
    for cookie in {digest(cookie) for cookie in cookies}:
        query = (
            select(ReturnedCartRow.id)
            .join(PunchoutSessionRow, col(PunchoutSessionRow.id) == ReturnedCartRow.session_id)
            .where(ReturnedCartRow.cookie_sha256 == cookie, *_theirs(asking))
            .order_by(col(ReturnedCartRow.at).desc(), col(ReturnedCartRow.id).desc())
            .limit(1)
        )
        found.update(session.exec(query))
    return found


def _theirs(asking: Asking) -> list[Any]:
    # The few rows of an id or a cookie are read, not all carts of a customer.
    realm, customer = unindexed(ReturnedCartRow.realm), unindexed(ReturnedCartRow.customer_id)
    theirs: list[Any] = [realm == asking.realm, customer == asking.customer_id]
    if not asking.test and asking.realm == LIVE:
        theirs.append(col(PunchoutSessionRow.test).is_(False))
    return theirs


def with_visits(session: Session, cart_ids: Iterable[str]) -> Sequence[tuple[ReturnedCartRow, PunchoutSessionRow]]:
    """Newest first."""
    query = (
        select(ReturnedCartRow, PunchoutSessionRow)
        .join(PunchoutSessionRow, col(PunchoutSessionRow.id) == ReturnedCartRow.session_id)
        .where(col(ReturnedCartRow.id).in_(sorted(cart_ids)))
        .order_by(col(ReturnedCartRow.at).desc(), col(ReturnedCartRow.id).desc())
    )
    return session.exec(query).all()


def other_orders(
    session: Session, asking: Asking, cart_id: str, *, besides: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Number and comparison of each order of the cart that stands, as its newest revision was judged; `besides` is the
    number of the one that asks."""
    query = (
        select(OrderRow.number, OrderRevisionRow.cart)
        .join(CartOrderRow, col(CartOrderRow.order_id) == OrderRow.id)
        .join(
            OrderRevisionRow,
            (col(OrderRevisionRow.order_id) == OrderRow.id) & (col(OrderRevisionRow.number) == OrderRow.revision),
        )
        .where(
            CartOrderRow.cart_id == cart_id,
            OrderRow.number != besides,
            col(OrderRow.test).is_(asking.test),
            col(OrderRow.state).not_in((OrderState.CANCELLED, OrderState.REJECTED)),
        )
        .order_by(col(OrderRow.id).desc())
        .limit(MOST_ORDERS)
    )
    for number, comparison in session.exec(query):
        if comparison is not None:
            yield number, comparison
