"""Bytes go when their time is over, a batch at a time, and what was done is on record."""

from datetime import timedelta

import pytest
from buyers import ACME, Buyer
from conftest import RecordedWork
from ledger_traffic import buyer_of, order_of, place, post
from sqlmodel import col, select

from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import purge
from app.storage import ledger
from app.storage.base import LIVE
from app.storage.erasures import Cause, ErasureRow, RetentionRuleRow
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.integrity import verify
from app.work import PURGE

DAY = timedelta(days=1)


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return buyer_of(gateway)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "PAUSE", 0)


def kept(gateway: Gateway) -> list[str]:
    """The kinds of requests whose bytes are still there."""
    with gateway.database.read() as session:
        query = select(ExchangeRow.kind).join(ExchangeBodyRow).where(col(ExchangeBodyRow.sealed_key).is_not(None))
        return sorted(kind for kind in session.exec(query) if kind)


def rule(gateway: Gateway, days: int, partner_id: str | None = None, kind: str | None = None) -> None:
    row = RetentionRuleRow(realm=LIVE, partner_id=partner_id, kind=kind, days=days, created_at=gateway.clock.now())
    gateway.database.write(lambda session: session.add(row))


def test_bytes_are_kept_for_400_days_and_not_longer(gateway: Gateway, clock: SetClock, buyer: Buyer) -> None:
    place(gateway, buyer, order_of("PO-1"))
    clock.move(300 * DAY)
    place(gateway, buyer, order_of("PO-2"))
    clock.move(100 * DAY)
    assert purge.purge(gateway) == 0
    clock.move(timedelta(seconds=1))
    assert purge.purge(gateway) == 2, "the first order and its answer"
    assert kept(gateway) == ["OrderRequest"]
    assert purge.purge(gateway) == 0


def test_what_is_left_says_what_it_was_and_by_which_run_it_went(
    gateway: Gateway, clock: SetClock, buyer: Buyer
) -> None:
    place(gateway, buyer, order_of("PO-1"))
    clock.move(401 * DAY)
    purge.purge(gateway)
    with gateway.database.read() as session:
        run = session.exec(select(ErasureRow)).one()
        assert (run.cause, run.subject, run.bodies, run.ended_at) == (Cause.RETENTION, buyer.partner_id, 2, clock.now())
        row = session.exec(select(ExchangeRow).where(ExchangeRow.kind == "OrderRequest")).one()
        assert (row.state, len(row.sha256), row.remote) == ("accepted", 64, None)
        with pytest.raises(ledger.BodyErased):
            ledger.body_of(session, gateway.keys, row.id)
    checked = verify(gateway.database, gateway.keys)
    assert (checked.sound, checked.erased) == (True, 2)


def test_a_partners_and_a_kinds_own_rule_hold(gateway: Gateway, clock: SetClock, buyer: Buyer) -> None:
    place(gateway, buyer, order_of("PO-1"))
    post(gateway, buyer.profile_request(payload_id="p"))
    rule(gateway, 40, buyer.partner_id, "ProfileRequest")
    rule(gateway, 900, buyer.partner_id)
    clock.move(41 * DAY)
    purge.purge(gateway)
    assert kept(gateway) == ["OrderRequest"]
    clock.move(500 * DAY)
    assert purge.purge(gateway) == 0
    clock.move(400 * DAY)
    assert purge.purge(gateway) == 2


def test_what_strangers_sent_goes_whole(gateway: Gateway, clock: SetClock) -> None:
    post(gateway, ACME.profile_request())
    clock.move(401 * DAY)
    purge.purge(gateway)
    with gateway.database.read() as session:
        assert session.exec(select(QuarantineRow)).all() == []


def test_batches_are_transactions_of_their_own(
    gateway: Gateway, clock: SetClock, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        post(gateway, buyer.profile_request(payload_id=f"{number}"))
    clock.move(401 * DAY)
    monkeypatch.setattr(purge, "BATCH", 2)
    between: list[int] = []

    def pause(_seconds: float) -> None:
        with gateway.database.read() as session:
            run = session.exec(select(ErasureRow)).one()
            between.append(run.bodies)

    monkeypatch.setattr(purge.time, "sleep", pause)
    assert purge.purge(gateway) == 10
    assert between == [4, 8, 10]


def test_a_run_that_takes_too_long_hands_on_to_the_next(
    gateway: Gateway, clock: SetClock, buyer: Buyer, work_queue: RecordedWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        post(gateway, buyer.profile_request(payload_id=f"{number}"))
    clock.move(401 * DAY)
    monkeypatch.setattr(purge, "BATCH", 2)
    monkeypatch.setattr(purge, "SHARE", -1)
    assert purge.purge(gateway) == 0
    assert len(work_queue.arguments(PURGE)) == 1
    monkeypatch.setattr(purge, "SHARE", 60)
    assert purge.purge(gateway) == 8
