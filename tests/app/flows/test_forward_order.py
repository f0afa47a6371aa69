from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from bridge_orders import line, order
from lanes import (
    Lanes,
    MemoryErp,
    breaks,
    is_down,
    lanes_on,
    refuses,
    reply_is_lost,
    request_is_lost,
    works,
)
from sqlmodel import Session, select

from app.alarms import ALARMS
from app.approval.steps import State as RunState
from app.bridge.adapter import Accepted, Delivery, Heard, Outcome, Retry
from app.clock import SetClock
from app.flows import forward_order, settle_delivery, take_delivery
from app.flows.cases import Code
from app.flows.take_delivery import Step
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.storage import deliveries
from app.storage.approvals import RunRow
from app.storage.attempts import AttemptRow
from app.storage.deliveries import State
from app.storage.orders import HoldRow, OrderRevisionRow, OrderRow, OrderState
from app.work import WAKE_LANE
from schemas.base import to_json

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    return lanes_on(gateway, clock, {"main": erp})


def cases(lanes: Lanes) -> list[tuple[str, str]]:
    with lanes.gateway.database.read() as session:
        return [(case.code, case.state) for case in session.exec(select(HoldRow).order_by(HoldRow.id))]


def attempts(lanes: Lanes) -> list[tuple[str, str | None]]:
    with lanes.gateway.database.read() as session:
        return [(row.act, row.outcome) for row in session.exec(select(AttemptRow).order_by(AttemptRow.id))]


def test_an_order_reaches_the_erp(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer())
    lanes.work()
    row, placed = lanes.delivery(order_id), lanes.order(order_id)
    assert (row.state, row.erp_id, row.attempts) == (State.ACCEPTED, "E1", 1)
    assert (placed.state, placed.erp_number) == (OrderState.ACCEPTED, "SO-E1")
    assert attempts(lanes) == [("submit", "accepted")]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_lost_replies_make_one_order(lanes: Lanes, erp: MemoryErp, lost: int) -> None:
    erp.script = [reply_is_lost] * lost
    order_ids = [lanes.approved(lanes.customer(f"C-{n}"), f"PO-{n}") for n in range(lost)]
    lanes.work_for(10 * SECOND)
    assert sorted(erp.numbers) == [f"PO-{n}" for n in range(lost)]
    assert {lanes.delivery(order_id).state for order_id in order_ids} == {State.ACCEPTED}
    assert {lanes.delivery(order_id).attempts for order_id in order_ids} == {1}


def test_nothing_is_resent_before_the_settle_time_is_over(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [request_is_lost]
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(58 * SECOND)
    assert (erp.numbers, lanes.delivery(order_id).state) == ([], State.UNCERTAIN)
    lanes.work_for(4 * SECOND)
    assert (erp.numbers, lanes.delivery(order_id).state) == (["PO-9"], State.ACCEPTED)
    assert attempts(lanes) == [
        ("submit", "uncertain"),
        ("find", "none"),
        ("find", "none"),
        ("submit", "accepted"),
    ]


def test_after_two_uncertain_resends_a_person_decides(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [request_is_lost] * 3
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(10 * MINUTE)
    row = lanes.delivery(order_id)
    assert (row.state, row.code, row.attempts) == (State.HELD, "erp.uncertain", 3)
    assert lanes.order(order_id).state == OrderState.HELD
    assert cases(lanes) == [("erp.uncertain", "open")]
    assert erp.numbers == []


def test_a_late_arrival_is_found_even_after_the_last_resend(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [request_is_lost, request_is_lost, reply_is_lost]
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(5 * MINUTE)
    assert (erp.numbers, lanes.delivery(order_id).state) == (["PO-9"], State.ACCEPTED)


def test_another_order_of_that_number_in_the_erp_is_a_case(lanes: Lanes, erp: MemoryErp) -> None:
    def keeps_another(erp: MemoryErp, sent: Delivery) -> Outcome:
        erp.keep(
            Delivery(
                id="x",
                kind="create",
                reference=sent.reference,
                revision=1,
                customer=sent.customer,
                order=order(sent.reference, line(1, "BOLT-M8", "299", "0.05")),
                correlation_id="x",
            )
        )
        return request_is_lost(erp, sent)

    erp.script = [keeps_another]
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(30 * SECOND)
    assert lanes.delivery(order_id).state == State.UNCERTAIN
    lanes.work_for(40 * SECOND)
    row = lanes.delivery(order_id)
    assert (row.state, row.code) == (State.HELD, "erp.differs")
    assert "item BOLT-M8: sent 300, found 299" in (row.reason or "")


def test_two_orders_of_that_number_are_a_case_at_once(lanes: Lanes, erp: MemoryErp) -> None:
    def twice(erp: MemoryErp, sent: Delivery) -> Outcome:
        erp.keep(sent)
        return reply_is_lost(erp, sent)

    erp.script = [twice]
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(5 * SECOND)
    assert (lanes.delivery(order_id).state, cases(lanes)) == (State.HELD, [("erp.several", "open")])


def test_an_erp_that_cannot_tell_is_asked_again_and_never_sent_to(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script, erp.blind = [reply_is_lost], True
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(2 * timedelta(hours=1))
    assert lanes.delivery(order_id).state == State.UNCERTAIN
    assert erp.numbers == ["PO-9"]
    erp.blind = False
    lanes.work_for(90 * MINUTE)
    assert (lanes.delivery(order_id).state, erp.numbers) == (State.ACCEPTED, ["PO-9"])


def test_an_erp_that_can_never_tell_is_a_case_in_the_end(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script, erp.blind = [reply_is_lost], True
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(timedelta(hours=74))
    assert (lanes.delivery(order_id).state, cases(lanes)) == (State.HELD, [("erp.unknown", "open")])


def test_a_refusal_waits_for_a_person(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [refuses]
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(timedelta(hours=1))
    row = lanes.delivery(order_id)
    assert (row.state, row.code, row.reason, row.at) == (State.REJECTED, "item.unknown", "no such item", "lines[0].sku")
    assert row.attempts == 1
    assert lanes.order(order_id).state == OrderState.HELD
    assert cases(lanes) == [("erp.rejected", "open")]


def locked_out(erp: MemoryErp, sent: Delivery) -> Outcome:
    """Not the ERP's trouble, so that the breaker stays out of it."""
    return Retry("HTTP 401", heard=Heard(401, ""))


def test_attempts_follow_the_schedule(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [locked_out] * 7
    lanes.approved(lanes.customer())
    lanes.work_for(timedelta(hours=3))
    with lanes.gateway.database.read() as session:
        sent_at = [row.started_at for row in session.exec(select(AttemptRow).order_by(AttemptRow.id))]
    waits = [(later - sooner).total_seconds() for sooner, later in pairwise(sent_at)]
    assert len(waits) >= 6
    for waited, planned in zip(waits, (5, 30, 120, 600, 1_800, 3_600), strict=False):
        assert 0.8 * planned <= waited <= 1.2 * planned + 5


def test_retry_after_is_met(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    def busy(erp: MemoryErp, sent: Delivery) -> Outcome:
        return Retry("HTTP 503", after=10 * MINUTE)

    erp.script = [busy]
    order_id = lanes.approved(lanes.customer())
    lanes.work()
    due = lanes.delivery(order_id).due_at
    assert due is not None
    assert 10 * MINUTE <= due - clock.now() <= 12 * MINUTE


def test_what_is_never_taken_dies_visibly(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [locked_out] * 1000
    order_id = lanes.approved(lanes.customer())
    lanes.work_for(timedelta(hours=76))
    assert lanes.delivery(order_id).state == State.DEAD
    assert cases(lanes) == [("erp.dead", "open")]
    assert lanes.order(order_id).state == OrderState.HELD


def test_a_bug_in_the_adapter_sets_the_order_aside_and_the_lane_moves_on(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [breaks] * 3
    customer = lanes.customer()
    poison, next_one = lanes.approved(customer, "PO-1"), lanes.approved(customer, "PO-2")
    lanes.work_for(10 * MINUTE)
    assert lanes.delivery(poison).state == State.HELD
    assert lanes.delivery(next_one).state == State.ACCEPTED
    assert erp.numbers == ["PO-2"]


def test_an_order_without_its_erp_waits(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer(erp="second"))
    lanes.work()
    assert (lanes.delivery(order_id).state, lanes.delivery(order_id).reason) == (
        State.PENDING,
        "no ERP named 'second' is set up",
    )
    lanes.erps["second"] = erp
    lanes.work_for(2 * MINUTE)
    assert lanes.delivery(order_id).state == State.ACCEPTED


def test_a_test_order_never_meets_the_erp(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer(), test=True)
    lanes.work()
    assert lanes.deliveries() == []
    assert lanes.order(order_id).state == OrderState.ACCEPTED
    assert erp.numbers == []


# What blocks what


def test_a_lane_keeps_its_order_while_its_head_waits(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [is_down, works]
    customer = lanes.customer()
    lanes.approved(customer, "PO-1")
    lanes.approved(customer, "PO-2")
    lanes.work()
    assert erp.numbers == []
    lanes.work_for(10 * SECOND)
    assert erp.numbers == ["PO-1", "PO-2"]


def test_a_stuck_lane_does_not_stop_another(lanes: Lanes, erp: MemoryErp) -> None:
    stuck, free = lanes.customer("C-1"), lanes.customer("C-2")
    erp.script = [request_is_lost]
    lanes.approved(stuck, "PO-1")
    lanes.work()
    for number in ("PO-2", "PO-3"):
        lanes.approved(free, number)
    lanes.work()
    assert erp.numbers == ["PO-2", "PO-3"]


@pytest.mark.parametrize("says", [refuses, "held", "dead"])
def test_a_change_waits_behind_its_stopped_create_and_another_order_does_not(
    lanes: Lanes, erp: MemoryErp, says: object
) -> None:
    customer = lanes.customer()
    if says is refuses:
        erp.script = [refuses]
    first = lanes.approved(customer, "PO-1")
    lanes.work()
    if says is not refuses:
        _force(lanes, first, str(says))
        erp.kept.clear()
    lanes.approved(customer, "PO-2")
    lanes.work()
    assert erp.numbers == ["PO-2"]
    if says is refuses:
        return
    lanes.revised(first, order("PO-1", line(1, "BOLT-M8", "7", "0.05")))
    lanes.work_for(5 * MINUTE)
    assert [row.state for row in lanes.deliveries(first)] == [says, State.PENDING]


def _force(lanes: Lanes, order_id: str, state: str) -> None:
    def work(tx: Session) -> None:
        (row,) = deliveries.of_order(tx, order_id)
        row.state, row.open, row.closed_at = state, False, row.touched_at

    lanes.gateway.database.write(work)


# Changes and cancellations


CHANGED = order("PO-1", line(1, "BOLT-M8", "7", "0.05"))


def test_create_change_and_cancel_arrive_in_their_order(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [is_down, works, reply_is_lost, works]
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    lanes.revised(order_id, CHANGED)
    assert erp.arrivals == []
    lanes.work_for(30 * SECOND)
    lanes.revised(order_id, CHANGED, "cancel")
    lanes.work_for(2 * MINUTE)
    assert erp.arrivals == [("PO-1", "create", 1), ("PO-1", "change", 2), ("PO-1", "cancel", 3)]
    assert [row.state for row in lanes.deliveries(order_id)] == [State.ACCEPTED] * 3
    assert erp.kept[0].order.lines == CHANGED.lines
    assert lanes.order(order_id).state == OrderState.CANCELLED


@pytest.mark.parametrize("kind", ["change", "cancel"])
def test_a_lost_change_or_cancellation_is_sent_again_after_the_settle_time(
    lanes: Lanes, erp: MemoryErp, kind: str
) -> None:
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    erp.script = [request_is_lost]
    lanes.revised(order_id, CHANGED, kind)
    lanes.work_for(58 * SECOND)
    assert [row.state for row in lanes.deliveries(order_id)] == [State.ACCEPTED, State.UNCERTAIN]
    lanes.work_for(10 * SECOND)
    assert [row.state for row in lanes.deliveries(order_id)] == [State.ACCEPTED, State.ACCEPTED]
    assert erp.arrivals == [("PO-1", "create", 1), ("PO-1", kind, 2)]


def test_a_change_whose_order_is_gone_from_the_erp_is_a_case(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    erp.script = [request_is_lost]
    erp.kept[0].cancelled = True
    lanes.revised(order_id, CHANGED)
    lanes.work_for(2 * MINUTE)
    assert [row.state for row in lanes.deliveries(order_id)] == [State.ACCEPTED, State.HELD]
    assert cases(lanes) == [("erp.missing", "open")]


def test_what_was_never_sent_is_taken_back_without_the_erp(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.revised(order_id, CHANGED, "cancel")
    lanes.work()
    assert erp.arrivals == []
    assert [(row.state, row.code) for row in lanes.deliveries(order_id)] == [(State.REJECTED, "order.taken_back")]


def test_a_change_of_a_refused_order_is_offered_as_a_new_one(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [refuses]
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    lanes.revised(order_id, CHANGED)
    lanes.work()
    assert [(row.kind, row.state) for row in lanes.deliveries(order_id)] == [
        ("create", State.REJECTED),
        ("create", State.ACCEPTED),
    ]
    assert erp.arrivals == [("PO-1", "create", 2)]


# Workers that are lost, results that are late


def prepared(lanes: Lanes) -> Step:
    (lane,) = lanes.lanes()
    return lanes.gateway.database.write(lambda tx: take_delivery.prepare(tx, lanes.gateway, [lane]))[lane]


def test_a_claimed_delivery_is_nobody_elses(lanes: Lanes, erp: MemoryErp) -> None:
    lanes.approved(lanes.customer())
    prepared(lanes)
    assert lanes.work() == 0
    assert erp.looked == 0


@pytest.mark.parametrize("reached", [True, False])
def test_a_worker_that_died_while_sending_leaves_an_uncertain_order(
    lanes: Lanes, erp: MemoryErp, reached: bool
) -> None:
    order_id = lanes.approved(lanes.customer())
    step = prepared(lanes)
    if reached:
        erp.submit(step.delivery)
    lanes.work_for(80 * SECOND)
    assert (lanes.delivery(order_id).state, erp.looked) == (State.SENDING, 0)
    lanes.work_for(80 * SECOND)
    assert (lanes.delivery(order_id).state, erp.numbers) == (State.ACCEPTED, ["PO-9"])
    assert lanes.delivery(order_id).attempts == (1 if reached else 2)


def test_a_worker_that_died_while_looking_is_succeeded(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script = [reply_is_lost]
    order_id = lanes.approved(lanes.customer())
    lanes.work()
    clock.move(5 * SECOND)
    assert prepared(lanes).act == "find"
    lanes.work_for(2 * MINUTE)
    assert (lanes.delivery(order_id).state, erp.numbers) == (State.ACCEPTED, ["PO-9"])


def test_a_result_after_the_lease_is_recorded_and_decides_nothing(
    lanes: Lanes, erp: MemoryErp, clock: SetClock
) -> None:
    order_id = lanes.approved(lanes.customer())
    step = prepared(lanes)
    lanes.work_for(2 * MINUTE)
    late = Accepted("E-late", "SO-late")
    lanes.gateway.database.write(lambda tx: settle_delivery.settle(tx, lanes.gateway, [(step, late)]))
    row = lanes.delivery(order_id)
    assert row.erp_id != "E-late"
    with lanes.gateway.database.read() as session:
        attempt = session.get_one(AttemptRow, step.claim)
    assert (attempt.outcome, attempt.late) == ("accepted", True)


def test_an_order_that_cannot_be_read_is_a_case_and_the_lane_moves_on(lanes: Lanes, erp: MemoryErp) -> None:
    customer = lanes.customer()
    broken = lanes.approved(customer, "PO-1")
    lanes.approved(customer, "PO-2")

    def damage(tx: Session) -> None:
        revision = tx.exec(select(OrderRevisionRow).where(OrderRevisionRow.order_id == broken)).one()
        revision.checked = "{}"

    lanes.gateway.database.write(damage)
    lanes.work()
    (lane,) = lanes.lanes()
    lane_job.run(lanes.gateway, lane)
    assert lanes.delivery(broken).state == State.HELD
    assert cases(lanes) == [("erp.unreadable", "open")]
    assert erp.numbers == ["PO-2"]


def test_what_was_not_approved_never_goes_out_whoever_changed_it(lanes: Lanes, erp: MemoryErp) -> None:
    customer = lanes.customer()
    changed = lanes.approved(customer, "PO-1")
    lanes.approved(customer, "PO-2")

    def alter(tx: Session) -> None:
        revision = tx.exec(select(OrderRevisionRow).where(OrderRevisionRow.order_id == changed)).one()
        document = revision.order()
        line = document.lines[0]
        dearer = msgspec.structs.replace(line, quantity=msgspec.structs.replace(line.quantity, amount=Decimal(500)))
        revision.checked = to_json(msgspec.structs.replace(document, lines=(dearer, *document.lines[1:]))).decode()

    lanes.gateway.database.write(alter)
    ALARMS.take()
    (lane,) = lanes.lanes()
    lanes.gateway.engine.items.clear()  # type: ignore[attr-defined]  # the test's queue
    assert lane_job.run(lanes.gateway, lane) == 0
    assert lanes.gateway.engine.arguments(WAKE_LANE) == [lane]  # type: ignore[attr-defined]  # and not by the sweep
    assert lane_job.run(lanes.gateway, lane) == 1
    assert lanes.delivery(changed).state == State.HELD
    assert cases(lanes) == [(Code.NOT_APPROVED, "open")]
    assert erp.numbers == ["PO-2"]
    assert "delivery.not_approved" in [alarm.what for alarm in ALARMS.take()]


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.APPROVED])
def test_an_order_whose_run_is_not_approved_is_not_sent(lanes: Lanes, erp: MemoryErp, state: RunState) -> None:
    order_id = lanes.approved(lanes.customer(), "PO-1")

    def reopen(tx: Session) -> None:
        tx.exec(select(RunRow).where(RunRow.order_id == order_id)).one().state = state

    lanes.gateway.database.write(reopen)
    lanes.work()
    assert erp.numbers == []
    assert lanes.delivery(order_id).state == State.HELD


def test_what_a_later_revision_asks_for_does_not_stop_an_earlier_one_on_its_way(
    lanes: Lanes, erp: MemoryErp, clock: SetClock
) -> None:
    erp.script = [request_is_lost]
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    assert lanes.delivery(order_id).state == State.UNCERTAIN

    def change(tx: Session) -> None:
        tx.add(
            RunRow(
                realm="live",
                order_id=order_id,
                revision=2,
                order_hash="another",
                state=RunState.OPEN,
                stages=1,
                stage=0,
                began_at=clock.now(),
            )
        )

    lanes.gateway.database.write(change)
    lanes.work_for(timedelta(minutes=10))
    assert erp.numbers == ["PO-1"]
    assert lanes.delivery(order_id).state == State.ACCEPTED


def test_a_lane_gives_its_thread_back(lanes: Lanes, erp: MemoryErp, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = lanes.customer()
    for n in range(3):
        lanes.approved(customer, f"PO-{n}")
    (lane,) = lanes.lanes()
    monkeypatch.setattr(lane_job, "TURN", 0.0)
    for done in range(1, 4):
        woken = len(lanes.gateway.engine.arguments(WAKE_LANE))  # type: ignore[attr-defined]  # the test's queue
        assert lane_job.run(lanes.gateway, lane) == 1
        assert erp.numbers == [f"PO-{n}" for n in range(done)]
        assert lanes.gateway.engine.arguments(WAKE_LANE)[woken:] == [lane]  # type: ignore[attr-defined]
    assert lane_job.run(lanes.gateway, lane) == 0


def test_a_lane_that_is_worked_off_is_not_woken_for_every_order(lanes: Lanes, erp: MemoryErp) -> None:
    customer = lanes.customer()
    for n in range(5):
        lanes.approved(customer, f"PO-{n}")
    assert len(lanes.gateway.engine.arguments(WAKE_LANE)) == 1  # type: ignore[attr-defined]  # the test's queue
    (lane,) = lanes.lanes()
    assert lane_job.run(lanes.gateway, lane) == 5
    lanes.approved(customer, "PO-5")
    assert len(lanes.gateway.engine.arguments(WAKE_LANE)) == 2  # type: ignore[attr-defined]  # the test's queue


# Asking for the same again


def test_queueing_what_is_on_its_way_changes_nothing(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer())
    requeue(lanes, order_id)
    lanes.work()
    requeue(lanes, order_id)
    lanes.work()
    assert (erp.numbers, lanes.delivery(order_id).state) == (["PO-9"], State.ACCEPTED)


def test_queueing_what_was_stopped_tries_it_again_with_a_look_first(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [refuses]
    order_id = lanes.approved(lanes.customer())
    lanes.work()
    requeue(lanes, order_id)
    lanes.work_for(2 * MINUTE)
    assert (erp.numbers, lanes.delivery(order_id).state) == (["PO-9"], State.ACCEPTED)
    assert lanes.order(order_id).state == OrderState.ACCEPTED
    assert cases(lanes) == [("erp.rejected", "obsolete")]
    assert erp.looked > 0


def requeue(lanes: Lanes, order_id: str) -> None:
    def work(tx: Session) -> None:
        forward_order.queue_delivery(tx, lanes.gateway, tx.get_one(OrderRow, order_id), "create")

    lanes.gateway.database.write(work)
