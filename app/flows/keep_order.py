"""Keeps a new order that nobody needs to look at: the order, its document, the run that approved it, the record of
both, and its place in the lane of its ERP.

Each row is written once, as it is to stay, by a prepared insert. Most orders come this way, and writing them is what
the server does most; the other ways (`take_order`) bring rows up step by step."""

from typing import Any

import msgspec

from app import trace
from app.approval.steps import State
from app.errors import No, Refusal
from app.flows import cart_comparison, forward_order
from app.flows.consider_order import Considered
from app.gateway import Gateway
from app.partners.identify import Caller
from app.storage import approvals, audit, orders, returned_carts
from app.storage.batch import Writing
from app.storage.orders import OrderState
from schemas.base import to_json

BUYER = "buyer"
RULE = "rule"


def keep_approved(tx: Writing, gateway: Gateway, caller: Caller, considered: Considered, exchange_id: str) -> str:
    """The id of the order. Raises Refusal when its number is taken."""
    document, at, why = considered.document, considered.at, considered.approved_by
    assert why is not None
    total = considered.subject.total_net
    order = order_values(gateway, caller, considered, exchange_id) | {
        "state": OrderState.APPROVED,
        "revision": 1,
        "version": document.version,
        "document_id": document.document_id,
        "promised": False,
        "total": total.amount if total else None,
        "requester": considered.subject.requester,
        "cost_center": orders.cost_center_of(considered.subject.cost_center),
    }
    if not orders.put_order(tx, order):
        raise is_here_already(document.id)
    order_id, run_id = order["id"], gateway.ids()
    orders.put_revision(
        tx,
        {
            "id": gateway.ids(),
            "realm": caller.realm,
            "order_id": order_id,
            "number": 1,
            "change": document.change,
            "version": document.version,
            "document_id": document.document_id,
            "exchange_id": exchange_id,
            "received": to_json(document).decode(),
            "checked": considered.checked_json,
            "hash": considered.hash,
            "findings": [msgspec.to_builtins(finding) for finding in considered.checked.findings],
            "changes": [],
            "cart": cart_comparison.to_data(considered.cart) if considered.cart else None,
            "internal": False,
            "at": at,
        },
    )
    put_cart_orders(tx, order_id, considered)
    approvals.put_run(
        tx,
        {
            "id": run_id,
            "realm": caller.realm,
            "order_id": order_id,
            "revision": 1,
            "order_hash": considered.hash,
            "flow_version_id": considered.asked.flow_version_id,
            "state": State.APPROVED,
            "stages": 0,
            "stage": 0,
            "hold_when_nobody_is_asked": False,
            "opened": [],
            "excluded": sorted(considered.requesters),
            "requesters": list(considered.requesters),
            "explanation": {**considered.asked.explanation, "why": why.value},
            "began_at": at,
            "ended_at": at,
            "version": 1,
        },
    )
    said: dict[str, Any] = {"realm": caller.realm, "at": at, "channel": "document", "order_id": order_id}
    audit.append(
        tx,
        {**said, "actor": BUYER, "event": "order_taken", "data": {"revision": 1}},
        {
            **said,
            "actor": RULE,
            "event": "approved_by_rule",
            "run_id": run_id,
            "order_hash": considered.hash,
            "flow_version_id": considered.asked.flow_version_id,
            "data": {"why": why.value},
        },
    )
    forward_order.queue_first(tx, gateway, order, considered.customer)
    return str(order_id)


def put_cart_orders(tx: Writing, order_id: str, considered: Considered) -> None:
    """From which carts the order came, for the orders that will come from them too."""
    for cart in considered.cart.carts if considered.cart else ():
        returned_carts.put_cart_order(tx, {"cart_id": cart.id, "order_id": order_id})


def order_values(gateway: Gateway, caller: Caller, considered: Considered, exchange_id: str) -> dict[str, Any]:
    """The columns of OrderRow that are known of every new order."""
    document, at = considered.document, considered.at
    return {
        "id": gateway.ids(),
        "realm": caller.realm,
        "partner_id": caller.partner.id,
        "customer_id": considered.customer.id,
        "number": document.id,
        "protocol": considered.subject.protocol,
        "exchange_id": exchange_id,
        "correlation_id": caller.correlation_id,
        **trace.brought(caller.correlation_id),
        "answer_to": caller.answer_to.kept(),
        "test": caller.test or document.test,
        "currency": document.currency or considered.customer.currency,
        "received_at": at,
        "changed_at": at,
    }


def is_here_already(number: str) -> Refusal:
    return Refusal(No.CONFLICT, f"order {number} is here already; send type update to change it")
