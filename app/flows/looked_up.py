"""What rules can ask about an order that is not in it: sums, budgets, rates, people, the customer, the catalog.

Looked up when a condition asks for it, and not before, so that an order whose rules ask for none costs no statement.
Sums turn on other orders: where they decide, the order is judged in the transaction that keeps it, one after the other
(`audit.take_turn`), and each counts those before it.

Lines are compared with the carts that they came from, and with the last orders of the customer, not all of them: so a
rule costs the same in a ledger of any age."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlmodel import Session

from app.approval.extras import Extra
from app.approval.lazy import lazy
from app.approval.operators import Type, Value
from app.approval.rates import Rate, Rates
from app.approval.subject import Subject
from app.catalog.items import Offer
from app.flows.cart_comparison import CartComparison, quantity_deviations
from app.flows.cart_of_order import carts_of
from app.flows.order_book import OrderBook
from app.partners.agreement import OrderTerms
from app.storage import approver_profiles, audit, budgets, order_sums, own_fields, people, rates
from app.storage.customer_credits import CreditRow
from app.storage.customers import CustomerRow
from app.storage.own_fields import OwnFieldRow
from schemas.money import Money
from schemas.order import Order, OrderLine

MONTH: Final = timedelta(days=30)


class Known(Mapping[str, Value]):
    """Values by the key of the field, each looked up when it is asked for; what is None is not there."""

    def __init__(self, look: Mapping[str, Callable[[], Value | None]]) -> None:
        self._look = look

    def __getitem__(self, key: str) -> Value:
        value = self._look[key]()
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._look)

    def __len__(self) -> int:
        return len(self._look)


class StoredRates(Rates):
    """Those that are kept, read one by one. `looked`: whether any was asked for."""

    def __init__(self, book: OrderBook, realm: str) -> None:
        super().__init__()
        self._book = book
        self._realm = realm
        self._read: dict[tuple[str, str, date], Rate | None] = {}

    def of(self, base: str, target: str, day: date) -> Rate | None:
        key = (base, target, day)
        if key not in self._read:
            row = rates.newest(self._book.session, self._realm, base, target, day)
            found = row is not None and day - row.day <= self.oldest
            self._read[key] = (
                Rate(base=base, target=target, factor=row.factor, day=row.day, source=row.source)
                if row is not None and found
                else None
            )
        return self._read[key]


class OwnFields(Mapping[str, Extra]):
    """A customer's own fields by their key, read when the first is asked for."""

    def __init__(self, session: Session, customer_id: str) -> None:
        self._session = session
        self._customer_id = customer_id

    @lazy
    def _read(self) -> dict[str, Extra]:
        return {extra.key: extra for extra in map(extra_of, own_fields.of_customer(self._session, self._customer_id))}

    def __getitem__(self, key: str) -> Extra:
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def extra_of(row: OwnFieldRow) -> Extra:
    return Extra(
        name=row.name,
        type=Type(row.type),
        label=row.label,
        extension=row.read_from["extension"],
        of_line=row.of_line,
        currency=row.currency,
    )


class Facts:
    """
    document, order  as it came, and with our item numbers and units.
    cart             what became of the carts that it came from; None where it came from none.
    summed           whether a sum over other orders was asked for."""

    def __init__(
        self, book: OrderBook, customer: CustomerRow, terms: OrderTerms, document: Order, order: Order, at: datetime
    ) -> None:
        self.book = book
        self.customer = customer
        self.terms = terms
        self.document = document
        self.order = order
        self.at = at
        self.summed = False
        self.rates = StoredRates(book, customer.realm)
        self.extras = OwnFields(book.session, customer.id)
        self.known = Known(
            {
                "requester.group": self._group,
                "requester.self_limit": self._self_limit,
                "requester.total_today": lambda: self._of_requester(self._midnight()),
                "requester.total_30_days": lambda: self._of_requester(at - MONTH),
                "cost_center.month_total": lambda: self._of_cost_center(self._midnight().replace(day=1)),
                "cost_center.budget_left": self._budget_left,
                "customer.credit_left": self._credit_left,
                "customer.group": lambda: terms.group,
                "customer.on_hold": lambda: terms.on_hold,
                "customer.is_new": self._is_new,
            }
        )
        self._bare = Subject(order=order, protocol="", customer="", at=at, agreed={})

    def _midnight(self) -> datetime:
        return self.at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    # Sums

    def _of_requester(self, since: datetime) -> Money | None:
        who, total = self._bare.requester, self._bare.total_net
        if who is None or total is None:
            return None
        return self._with(total, total.currency, self._others(order_sums.of_requester, who, since))

    def _of_cost_center(self, since: datetime, currency: str | None = None) -> Money | None:
        named, total = self._bare.cost_center, self._bare.total_net
        if named is None or total is None:
            return None
        others = self._others(order_sums.of_cost_center, named, since)
        return self._with(total, currency or total.currency, others)

    def _budget_left(self) -> Money | None:
        named, day = self._bare.cost_center, self._bare.day
        if named is None:
            return None
        budget = budgets.on(self.book.session, self.customer.id, named, day)
        if budget is None:
            return None
        begins = self._midnight().replace(day=1)
        if "-" not in budget.period:
            begins = begins.replace(month=1)
        spent = self._of_cost_center(begins, budget.currency)
        return None if spent is None else Money(amount=budget.amount - spent.amount, currency=budget.currency)

    def _credit_left(self) -> Money | None:
        credit, total = self.book.session.get(CreditRow, self.customer.id), self._bare.total_net
        if credit is None or total is None:
            return None
        spent = self._with(total, credit.currency, self._others(order_sums.of_customer, credit.set_at))
        return None if spent is None else Money(amount=credit.amount - spent.amount, currency=credit.currency)

    def _others(self, look: Callable[..., Iterator[Money | None]], *whose: object) -> Iterable[Money | None]:
        self.summed = True
        if self.book.writes:
            audit.take_turn(self.book.session)
        number, test = self.order.id, self.order.test
        return look(self.book.session, self.customer.id, *whose, self.at, besides=number, test=test)

    def _with(self, own: Money, currency: str, others: Iterable[Money | None]) -> Money | None:
        """This order and the others; None when one of them cannot be counted."""
        total = Decimal(0)
        for money in (own, *others):
            amount = None if money is None else self.rates.convert(money, currency, self._bare.day)
            if amount is None:
                return None
            total += amount
        return Money(amount=total, currency=currency)

    # Lines

    def of_lines(self, offers: Mapping[str, Offer]) -> dict[int, Known]:
        """By the number of the line."""
        return {line.number: self._of_line(line, offers.get(line.item.supplier_id or "")) for line in self.order.lines}

    def _of_line(self, line: OrderLine, offer: Offer | None) -> Known:
        of_item = _of_item(line, offer) if offer is not None else {}
        return Known(
            {
                **of_item,
                "line.is_new_item": lambda: self._is_new_item(line),
                "line.quantity_deviation_percent": lambda: self._above_cart.get(line.number),
            }
        )

    @lazy
    def _ordered_before(self) -> frozenset[str]:
        """Which of the items in the order are in the last orders as well."""
        missing = {line.item.supplier_id for line in self.order.lines if line.item.supplier_id}
        wanted, number, test = frozenset(missing), self.order.id, self.order.test
        session, customer_id = self.book.session, self.customer.id
        for sku in order_sums.items_before(session, customer_id, self.at, besides=number, test=test):
            missing.discard(sku)
            if not missing:
                break
        return wanted - missing

    def _is_new_item(self, line: OrderLine) -> bool | None:
        sku = line.item.supplier_id
        return sku not in self._ordered_before if sku else None

    @lazy
    def cart(self) -> CartComparison | None:
        return carts_of(self.book, self.customer, self.document, self.order)

    @lazy
    def _above_cart(self) -> Mapping[int, Decimal]:
        return quantity_deviations(self.cart) if self.cart is not None else {}

    # People and the customer

    def _person_id(self) -> str | None:
        who = self._bare.requester
        found = people.of_names(self.book.session, self.customer.realm, [who]) if who is not None else []
        return found[0].id if len(found) == 1 else None

    def _group(self) -> str | None:
        """None for a requester of several groups: which of them counts is not said."""
        person_id = self._person_id()
        if person_id is None:
            return None
        groups = approver_profiles.profile(self.book.session, self.customer.realm, person_id).groups
        return groups[0] if len(groups) == 1 else None

    def _self_limit(self) -> Money | None:
        """Without a limit in the order's currency they have no authority: zero."""
        person_id, currency = self._person_id(), self.order.currency
        if person_id is None or currency is None:
            return None
        limits = approver_profiles.limits_of(self.book.session, person_id)
        amounts = {limit.currency: limit.amount for limit in limits}
        return Money(amount=amounts.get(currency, Decimal(0)), currency=currency)

    def _is_new(self) -> bool:
        return not order_sums.has_any(self.book.session, self.customer.id, besides=self.order.id)


def _of_item(line: OrderLine, offer: Offer) -> dict[str, Callable[[], Value | None]]:
    item, amount, same_unit = offer.item, line.quantity.amount, line.quantity.unit == offer.item.unit
    return {
        "line.supplier": lambda: item.supplier,
        "line.hazardous": lambda: item.hazardous,
        "line.stock_missing": lambda: amount > item.stock if item.stock is not None and same_unit else None,
        "line.lead_days": lambda: item.lead_days,
        "line.off_order_quantity": lambda: (
            (amount < item.minimum or bool((amount - item.minimum) % item.step)) if same_unit else None
        ),
    }
