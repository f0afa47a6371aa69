"""Publishing rules: one version is active, old ones stay, and a faulty definition changes nothing."""

import pytest
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages
from sqlmodel import select

from app.gateway import Gateway
from app.storage.approvals import FlowVersionRow
from app.storage.audit import AuditRow
from schemas.faults import Rejected


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    return set_up(gateway)


def versions(desk: Desk) -> list[tuple[int, str]]:
    with desk.gateway.database.read() as session:
        rows = session.exec(select(FlowVersionRow).order_by(FlowVersionRow.number))
        return [(row.number, row.state) for row in rows]


def test_the_newest_version_is_active_and_the_one_before_retired(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    desk.rules(two_stages())
    assert versions(desk) == [(1, "retired"), (2, "active")]


def test_the_active_definition_is_not_published_again(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    desk.rules(dict(reversed(SMALL_ORDERS_PASS.items())))
    assert versions(desk) == [(1, "active")]


def test_a_faulty_definition_changes_nothing(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    with pytest.raises(Rejected):
        desk.rules({"stages": [{"steps": []}]})
    assert versions(desk) == [(1, "active")]


def test_publishing_is_in_the_record(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    with desk.gateway.database.read() as session:
        (entry,) = session.exec(select(AuditRow)).all()
    assert (entry.event, entry.data["version"]) == ("flow_published", 1)
