"""Drafts of approval rules: who began and changed them, two authors at once, what the record says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from sqlmodel import Session, col, select

from app.errors import Refusal
from app.flows import edit_flow
from app.gateway import Gateway
from app.storage import flow_drafts
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.audit import AuditRow
from app.storage.flow_drafts import FlowDraftRow
from app.storage.people import PersonRow
from schemas.faults import Rejected


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("ana", "flow_author")
    made.person("bob", "flow_author")
    made.person("lead", "approver")
    return made


def new(desk: Desk, name: str = "Our rules", by: str = "ana") -> FlowRow:
    return desk.write(
        lambda tx: edit_flow.create_flow(
            tx, desk.gateway, desk.people[by], name=name, customer_id=desk.customer.id, priority=50
        )
    )


def save(desk: Desk, flow: FlowRow, seen: int, by: str = "ana", definition: dict[str, Any] | None = None) -> bool:
    wanted = SMALL_ORDERS_PASS if definition is None else definition
    return desk.write(
        lambda tx: edit_flow.save_draft(tx, desk.gateway, person(tx, desk, by), flow, seen=seen, definition=wanted)
    )


def person(tx: Session, desk: Desk, login: str) -> PersonRow:
    return tx.get_one(PersonRow, desk.people[login].id)


def draft(desk: Desk, flow: FlowRow) -> FlowDraftRow | None:
    with desk.gateway.database.read() as session:
        return flow_drafts.of_flow(session, flow.id)


def events(desk: Desk) -> list[str]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(AuditRow.event).order_by(col(AuditRow.sequence))))


def test_a_flow_begins_with_a_draft_and_a_key_of_its_own(desk: Desk) -> None:
    first, second = new(desk, "Órdenes grandes"), new(desk, "Ordenes GRANDES")
    assert [first.key, second.key] == ["ordenes-grandes", "ordenes-grandes-2"]
    begun = draft(desk, first)
    assert begun is not None
    assert (begun.version, begun.based_on, begun.author_id) == (1, None, desk.people["ana"].id)


def test_two_authors_do_not_write_over_each_other(desk: Desk) -> None:
    flow = new(desk)
    assert save(desk, flow, seen=1)
    assert not save(desk, flow, seen=1, by="bob", definition={"stages": []})
    kept = draft(desk, flow)
    assert kept is not None
    assert (kept.version, kept.changed_by) == (2, desk.people["ana"].id)
    assert "auto_approve" in kept.definition


def test_the_record_tells_once_an_hour_and_person_that_a_draft_is_worked_on(desk: Desk) -> None:
    flow = new(desk)
    for seen in (1, 2, 3):
        assert save(desk, flow, seen=seen, definition={"stages": [], "seen": seen})
    assert save(desk, flow, seen=4, by="bob")
    assert events(desk) == ["flow_created", "flow_draft_begun", "flow_draft_changed", "flow_draft_changed"]


def test_what_is_saved_again_unchanged_is_no_change(desk: Desk) -> None:
    flow = new(desk)
    assert save(desk, flow, seen=1)
    assert save(desk, flow, seen=2)
    kept = draft(desk, flow)
    assert kept is not None
    assert kept.version == 2


def test_a_draft_is_published_and_is_one_no_more(desk: Desk) -> None:
    flow = new(desk)
    with pytest.raises(Rejected):
        desk.write(lambda tx: edit_flow.publish_draft(tx, desk.gateway, desk.people["bob"], flow, seen=1))
    assert save(desk, flow, seen=1)
    with pytest.raises(Refusal, match="Somebody else"):
        desk.write(lambda tx: edit_flow.publish_draft(tx, desk.gateway, desk.people["bob"], flow, seen=1))
    published = desk.write(lambda tx: edit_flow.publish_draft(tx, desk.gateway, desk.people["bob"], flow, seen=2))
    version = published.version
    assert (version.number, version.author_id, version.published_by) == (
        1,
        desk.people["ana"].id,
        desk.people["bob"].id,
    )
    assert draft(desk, flow) is None
    desk.send()
    assert desk.order().state == "approved"


def test_a_version_is_retired_and_begins_a_draft_again(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    by = desk.people["ana"]

    def work(tx: Session) -> None:
        flow, version = tx.exec(select(FlowRow)).one(), tx.exec(select(FlowVersionRow)).one()
        edit_flow.retire(tx, desk.gateway, by, flow, version)
        edit_flow.begin_draft(tx, desk.gateway, by, flow, version)
        with pytest.raises(Refusal, match="have a draft already"):
            edit_flow.begin_draft(tx, desk.gateway, by, flow, None)
        with pytest.raises(Refusal, match="Only the active"):
            edit_flow.retire(tx, desk.gateway, by, flow, version)
        assert version.state == VersionState.RETIRED
        edit_flow.discard_draft(tx, desk.gateway, by, flow)

    desk.write(work)
    desk.send()
    assert desk.codes() == [("approval.no_flow", None)]


@pytest.mark.parametrize(("name", "priority"), [(" ", 50), ("x" * 201, 50), ("x", 0), ("x", 100)])
def test_a_flow_without_a_name_or_with_a_priority_off_the_scale_is_refused(
    desk: Desk, name: str, priority: int
) -> None:
    flow = new(desk)
    with pytest.raises(Refusal):
        desk.write(
            lambda tx: edit_flow.change_flow(tx, desk.gateway, desk.people["ana"], flow, name=name, priority=priority)
        )


def test_an_hour_later_the_record_tells_it_again(desk: Desk) -> None:
    flow = new(desk)
    assert save(desk, flow, seen=1)
    at = desk.gateway.clock.now() - timedelta(hours=2)
    desk.write(lambda tx: tx.exec(select(FlowDraftRow)).one().sqlmodel_update({"changed_at": at}))
    assert save(desk, flow, seen=2, definition={"stages": []})
    assert events(desk).count("flow_draft_changed") == 2


@pytest.mark.parametrize(("saved_by", "published_by"), [("ana", "ana"), ("bob", "ana"), ("bob", "bob")])
def test_where_two_are_needed_nobody_publishes_what_they_wrote(desk: Desk, saved_by: str, published_by: str) -> None:
    flow = new(desk)
    assert save(desk, flow, seen=1, by=saved_by)
    settings = desk.gateway.settings.model_copy(update={"rules_by_two": True})
    strict = replace(desk.gateway, settings=settings)
    with pytest.raises(Refusal, match="somebody else must publish"):
        desk.write(lambda tx: edit_flow.publish_draft(tx, strict, desk.people[published_by], flow, seen=2))
    assert draft(desk, flow) is not None


def test_where_two_are_needed_another_publishes_what_they_save_unchanged(desk: Desk) -> None:
    flow = new(desk)
    assert save(desk, flow, seen=1)
    assert save(desk, flow, seen=2, by="bob", definition=dict(reversed(SMALL_ORDERS_PASS.items())))
    strict = replace(desk.gateway, settings=desk.gateway.settings.model_copy(update={"rules_by_two": True}))
    desk.write(lambda tx: edit_flow.publish_draft(tx, strict, desk.people["bob"], flow, seen=2))
    assert draft(desk, flow) is None
