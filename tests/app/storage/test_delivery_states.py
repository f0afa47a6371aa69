"""Only the tables decide what a delivery or a dispatch may become."""

from datetime import UTC, datetime

import pytest

from app.storage import deliveries, dispatches
from app.storage.in_hand import Impossible

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def a_delivery(state: deliveries.State) -> deliveries.DeliveryRow:
    return deliveries.DeliveryRow(
        realm="live",
        customer_id="c",
        erp="main",
        lane="c:main",
        order_id="o",
        revision=1,
        kind="create",
        correlation_id="x",
        state=state,
        open=state in deliveries.OPEN,
        claim="claim",
        due_at=NOW,
        created_at=NOW,
        touched_at=NOW,
    )


@pytest.mark.parametrize("state", deliveries.State)
@pytest.mark.parametrize("event", deliveries.Event)
def test_a_delivery_moves_by_its_table_alone(state: deliveries.State, event: deliveries.Event) -> None:
    row = a_delivery(state)
    if (state, event) not in deliveries.TRANSITIONS:
        with pytest.raises(Impossible):
            row.move(event, NOW)
        assert (row.state, row.claim) == (state, "claim")
        return
    row.move(event, NOW)
    assert row.state == deliveries.TRANSITIONS[state, event]
    assert row.open == (row.state in deliveries.OPEN)
    assert (row.closed_at is None) == row.open
    assert row.claim is None


def test_every_delivery_can_end_and_every_end_but_acceptance_can_be_left() -> None:
    ends = set(deliveries.State) - deliveries.OPEN
    assert ends == {deliveries.State.ACCEPTED, deliveries.State.HELD, deliveries.State.REJECTED, deliveries.State.DEAD}
    left = {state for state, _ in deliveries.TRANSITIONS}
    assert set(deliveries.State) - left == {deliveries.State.ACCEPTED}
    assert set(deliveries.TRANSITIONS.values()) == set(deliveries.State)


@pytest.mark.parametrize("state", dispatches.State)
@pytest.mark.parametrize("event", dispatches.Event)
def test_a_dispatch_moves_by_its_table_alone(state: dispatches.State, event: dispatches.Event) -> None:
    row = dispatches.DispatchRow(
        realm="live",
        partner_id="p",
        customer_id="c",
        order_id="o",
        correlation_id="x",
        protocol="cxml",
        kind="StatusUpdateRequest",
        document="{}",
        control_id="1@crossdock.example",
        state=state,
        open=state in dispatches.OPEN,
        created_at=NOW,
        touched_at=NOW,
    )
    if (state, event) not in dispatches.TRANSITIONS:
        with pytest.raises(Impossible):
            row.move(event, NOW)
        return
    row.move(event, NOW)
    assert row.state == dispatches.TRANSITIONS[state, event]
    assert row.open == (row.state in dispatches.OPEN)
