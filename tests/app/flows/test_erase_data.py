"""Erasing takes what names somebody and leaves that there was something, what it was worth and what it came to."""

import json

import pytest
from buyers import Buyer
from ledger_traffic import SHOPPER, STREET, buyer_of, finish, order_of, place, post
from sqlalchemy import text
from sqlmodel import col, select

from app.flows import erase_data
from app.gateway import Gateway
from app.storage import audit, ledger
from app.storage.base import LIVE, Row
from app.storage.erasure import StillOpen
from app.storage.erasures import ErasureRow
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.integrity import verify
from app.storage.order_trail import trail_of
from app.storage.orders import OrderRow, revision
from app.storage.people import PersonRow, by_login

NAMES = ("dana", STREET.casefold())


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return buyer_of(gateway)


def everything(gateway: Gateway) -> str:
    """Every value of every row, and every body that still opens, folded."""
    found = []
    with gateway.database.read() as session:
        for table in Row.metadata.sorted_tables:
            found += [str(row) for row in session.execute(table.select())]
        for exchange_id in session.scalars(select(ExchangeBodyRow.exchange_id)):
            try:
                found.append(ledger.body_of(session, gateway.keys, exchange_id).decode())
            except ledger.BodyErased:
                continue
    return "\n".join(found).casefold()


def exchanges(gateway: Gateway, order_id: str) -> list[ExchangeRow]:
    with gateway.database.read() as session:
        return list(trail_of(session, session.get_one(OrderRow, order_id)).exchanges)


def test_an_order_is_erased_and_its_evidence_stays(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    finish(gateway, order_id)
    before = exchanges(gateway, order_id)
    assert all(name in everything(gateway) for name in NAMES)

    erased = erase_data.order_data(gateway, order_id, reason="asked for by letter of 2026-03-02")
    assert (erased.orders, erased.bodies) == (1, 2)
    assert [name for name in NAMES if name in everything(gateway)] == []
    assert [(row.sha256, row.state, row.size) for row in exchanges(gateway, order_id)] == [
        (row.sha256, row.state, row.size) for row in before
    ]
    with gateway.database.read() as session:
        order = session.get_one(OrderRow, order_id)
        document = revision(session, order).document()
        assert (document.id, document.totals and document.totals.total.amount) == (
            "PO-1",
            order_of("PO-1").totals.total.amount,
        )  # type: ignore[union-attr]
        assert document.lines[0].item.supplier_id == "BOLT-M8"
        assert document.ship_to is not None
        assert document.ship_to.country == "DE"
        assert audit.first_broken(session) is None
        last = session.scalars(select(audit.AuditRow).order_by(col(audit.AuditRow.sequence).desc())).first()
        assert last is not None
        assert (last.event, last.order_id, last.reason) == (
            "data_erased",
            order_id,
            "asked for by letter of 2026-03-02",
        )


def test_an_erased_ledger_is_sound(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    place(gateway, buyer, order_of("PO-2"))
    finish(gateway, order_id)
    erase_data.order_data(gateway, order_id, reason="r")
    checked = verify(gateway.database, gateway.keys)
    assert (checked.sound, checked.erased, checked.intact) == (True, 2, 2)


def test_a_resend_and_a_conflict_under_the_same_id_go_with_the_order(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    post(gateway, buyer.order_request("PO-1@buyer.example", order=order_of("PO-1")))
    post(gateway, buyer.order_request("PO-1@buyer.example", order=order_of("PO-1", requisition_id="other")))
    finish(gateway, order_id)
    assert [row.state for row in exchanges(gateway, order_id)] == [
        "accepted", "answer", "duplicate", "conflict", "answer",
    ]  # fmt: skip
    erase_data.order_data(gateway, order_id, reason="r")
    assert [name for name in NAMES if name in everything(gateway)] == []


def test_another_order_of_the_same_buyer_is_left_alone(gateway: Gateway, buyer: Buyer) -> None:
    first, second = (place(gateway, buyer, order_of(number)) for number in ("PO-1", "PO-2"))
    finish(gateway, first)
    erase_data.order_data(gateway, first, reason="r")
    with gateway.database.read() as session:
        for row in exchanges(gateway, second):
            assert ledger.body_of(session, gateway.keys, row.id)


def test_an_order_on_its_way_is_not_erased(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    before = everything(gateway)
    with pytest.raises(StillOpen, match="order PO-1 is not at its end yet"):
        erase_data.order_data(gateway, order_id, reason="r")
    assert everything(gateway) == before


def test_an_order_that_is_not_there_is_told(gateway: Gateway) -> None:
    with pytest.raises(LookupError):
        erase_data.order_data(gateway, "nobody's", reason="r")


def test_a_person_is_erased_from_everything_that_is_at_its_end(gateway: Gateway, buyer: Buyer) -> None:
    closed, open_, others = (
        place(gateway, buyer, order_of(number, shopper=shopper))
        for number, shopper in (("PO-1", SHOPPER), ("PO-2", SHOPPER), ("PO-3", "kim@buyer.example"))
    )
    post(
        gateway,
        buyer.profile_request(payload_id="x").replace(
            b"<ProfileRequest", b"<!-- DANA.shopper@buyer.example --><ProfileRequest"
        ),
    )
    for order_id in (closed, others):
        finish(gateway, order_id)
    person = PersonRow(
        realm=LIVE, login="dana", name="Dana", email=SHOPPER.casefold(), password="x", created_at=gateway.clock.now()
    )
    gateway.database.write(lambda session: session.add(person))

    told: list[tuple[int, int]] = []
    erased = erase_data.person_data(
        gateway, LIVE, f" {SHOPPER.upper()} ", reason="r", done=lambda done, total: told.append((done, total))
    )
    assert (erased.orders, erased.accounts, erased.open) == (1, 1, ["PO-2"])
    assert told[-1] == (8, 8)
    with gateway.database.read() as session:
        assert by_login(session, LIVE, "dana") is None
        order = session.get_one(OrderRow, closed)
        assert "dana" not in revision(session, order).received.casefold()
        for order_id in (open_, others):
            assert all(ledger.body_of(session, gateway.keys, row.id) for row in exchanges(gateway, order_id))
        subject = session.scalars(select(ErasureRow.subject)).one()
    assert subject is not None
    assert SHOPPER.casefold() not in subject

    finish(gateway, open_)
    assert erase_data.person_data(gateway, LIVE, SHOPPER, reason="r").open == []
    assert "dana.shopper" not in everything(gateway)


def test_a_person_is_erased_from_what_an_unknown_sender_sent(gateway: Gateway) -> None:
    for number, said in enumerate((f"<a>{SHOPPER.upper()}</a>", "<a>kim@buyer.example</a>")):
        row: dict[str, object] = {
            "id": f"q{number}",
            "realm": LIVE,
            "transport": "http",
            "protocol": "cxml",
            "reason": "r",
            "claimed": [],
            "at": gateway.clock.now(),
            "size": len(said),
            "kept": len(said),
            "sha256": "x",
        }
        sealed = ledger.seal_quarantined(gateway.keys, f"q{number}", said.encode())
        gateway.database.write(lambda tx, row=row, sealed=sealed: ledger.quarantine(tx, row, sealed, rows=9, size=999))
    assert erase_data.person_data(gateway, LIVE, SHOPPER, reason="r").bodies == 1
    with gateway.database.read() as session:
        assert session.scalars(select(QuarantineRow.id)).all() == ["q1"]


def test_a_body_that_vanished_behind_our_back_is_no_erasure(gateway: Gateway, buyer: Buyer) -> None:
    place(gateway, buyer, order_of("PO-1"))
    gateway.database.write(
        lambda session: (
            session.execute(text("UPDATE cd_exchange_bodies SET sealed_key = NULL, sealed_body = ''")) and None
        )
    )
    checked = verify(gateway.database, gateway.keys)
    assert (checked.sound, checked.damaged, checked.erased) == (False, 2, 0)
    assert checked.problems[0][1] == "is gone without an erasure on record"


def test_documents_without_people_can_still_be_read_as_documents(gateway: Gateway, buyer: Buyer) -> None:
    order_id = place(gateway, buyer, order_of("PO-1"))
    finish(gateway, order_id)
    erase_data.order_data(gateway, order_id, reason="r")
    with gateway.database.read() as session:
        row = revision(session, session.get_one(OrderRow, order_id))
        assert row.order().lines == row.document().lines
        assert json.loads(row.received)["id"] == "PO-1"
