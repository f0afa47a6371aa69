"""What buyers are owed after the first answer: rows and work items, never a sending.

An order that was answered "later" (cXML Status 201) is owed its outcome as a StatusUpdateRequest. Partners who want
them get ConfirmationRequests too. The canonical document is kept here; `send_reply` writes its bytes, once.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace
from sqlmodel import Session

from app.flows import edited_reply
from app.gateway import Gateway
from app.partners.profile import settings_of
from app.storage.dispatches import DispatchRow, Event
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from app.work import SEND_DISPATCH, DispatchId
from protocols.cxml.settings import CxmlSettings
from protocols.cxml.status import CODES
from schemas.base import Canonical, to_json
from schemas.order_reply import Answer, OrderReply, StatusUpdate

STATUS_UPDATE: Final = "StatusUpdateRequest"
CONFIRMATION: Final = "ConfirmationRequest"

LONGEST_REASON: Final = 1_000

REFUSED: Final = 400
"""The Status of an order that people or the ERP refused: permanent, so that nobody sends the same document again."""


def accepted(tx: Session, gateway: Gateway, order: OrderRow) -> None:
    """The outcome is known and good, with what approvers have changed in the order."""
    changed = edited_reply.edited(tx, order)
    if order.promised:
        said = "taken with changes: " + "; ".join(changed.comments) if changed is not None else None
        owe_status(tx, gateway, order, 200, CODES[200], said[:LONGEST_REASON] if said else None)
    if _wants_confirmations(tx, order):
        whole = _whole_order(gateway, order, Answer.ACCEPT, None)
        if changed is not None:
            answer = Answer.EXCEPT if changed.lines else Answer.ACCEPT
            whole = replace(whole, answer=answer, lines=changed.lines, comments=changed.comments)
        owe_confirmation(tx, gateway, order, whole)


def owe_rejection(tx: Session, gateway: Gateway, order: OrderRow, reason: str) -> None:
    """The order is refused for good; `reason` is read by the buyer's people."""
    if order.promised:
        owe_status(tx, gateway, order, REFUSED, CODES[REFUSED], reason)
    if _wants_confirmations(tx, order):
        owe_confirmation(tx, gateway, order, _whole_order(gateway, order, Answer.REJECT, reason))


def ask_for_change(tx: Session, gateway: Gateway, order: OrderRow, reason: str) -> None:
    """An approver wants the order changed: a 201, as its outcome is still owed, that says what the buyer can do. A
    ConfirmationRequest has no word for this: its refusal would be for good."""
    said = f"sent back for a change: {reason} (send it again with type update, or cancel it with type delete)"
    _status(tx, gateway, order, 201, CODES[201], said)


def owe_status(
    tx: Session, gateway: Gateway, order: OrderRow, code: int, text: str, reason: str | None
) -> DispatchRow | None:
    """What a 201 promised. Nothing is owed by protocols that have no such promise."""
    order.promised = False
    return _status(tx, gateway, order, code, text, reason)


def _status(
    tx: Session, gateway: Gateway, order: OrderRow, code: int, text: str, reason: str | None
) -> DispatchRow | None:
    if order.protocol != "cxml":
        return None
    update = StatusUpdate(
        document_id=order.document_id,
        code=code,
        text=text,
        reason=reason,
        language="en" if reason else None,
        order_id=order.number,
    )
    return _owe(tx, gateway, order, STATUS_UPDATE, update)


def owe_confirmation(tx: Session, gateway: Gateway, order: OrderRow, reply: OrderReply) -> DispatchRow:
    return _owe(tx, gateway, order, CONFIRMATION, reply)


def _wants_confirmations(tx: Session, order: OrderRow) -> bool:
    partner = tx.get_one(PartnerRow, order.partner_id)
    return order.protocol == "cxml" and settings_of(partner, "cxml", CxmlSettings).confirmations


def _whole_order(gateway: Gateway, order: OrderRow, answer: Answer, reason: str | None) -> OrderReply:
    return OrderReply(
        id=gateway.ids(),
        answer=answer,
        at=gateway.clock.now(),
        order_id=order.number,
        order_document_id=order.document_id,
        reason=reason,
    )


def _owe(tx: Session, gateway: Gateway, order: OrderRow, kind: str, document: Canonical) -> DispatchRow:
    now = gateway.clock.now()
    host = gateway.settings.url.partition("://")[2].partition(":")[0].partition("/")[0]
    row = DispatchRow(
        id=gateway.ids(),
        realm=order.realm,
        partner_id=order.partner_id,
        customer_id=order.customer_id,
        order_id=order.id,
        correlation_id=order.correlation_id,
        protocol=order.protocol,
        kind=kind,
        document=to_json(document).decode(),
        control_id=f"{gateway.ids()}@{host}",
        created_at=now,
        touched_at=now,
    )
    tx.add(row)
    wake(tx, gateway, row)
    return row


def wake(tx: Session, gateway: Gateway, row: DispatchRow, at: datetime | None = None) -> None:
    gateway.engine.enqueue(tx, SEND_DISPATCH, DispatchId(realm=row.realm, dispatch_id=row.id), at=at)


def again(tx: Session, gateway: Gateway, row: DispatchRow) -> None:
    """Sends once more, on a person's word, what had failed; the bytes are those of before. Raises Impossible."""
    row.move(Event.REPLAY, gateway.clock.now())
    row.attempts = 0
    row.warned_at = None
    wake(tx, gateway, row)
