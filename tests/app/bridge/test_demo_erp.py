from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bridge_orders import delivery, line, order
from demo_erps import RunningErp, adapter, demo_erp

from app.bridge.adapter import (
    Accepted,
    CannotTell,
    Delivery,
    FoundNone,
    FoundOne,
    FoundSeveral,
    Rejected,
    Retry,
    Uncertain,
)
from app.bridge.comparison import differences
from app.bridge.demo_erp.server import secret_of
from app.bridge.rest_json.adapter import RestJson
from app.seal import Secret


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningErp]:
    with demo_erp(tmp_path) as running:
        yield running


@pytest.fixture
def erp(running: RunningErp, tmp_path: Path) -> Iterator[RestJson]:
    with adapter(running.url, tmp_path) as erp:
        yield erp


SENT = delivery(order())


def again(**changes: Any) -> Delivery:
    kind, revision = changes.get("kind", "create"), changes.get("revision", 1)
    return delivery(changes.get("order", order()), kind=kind, revision=revision)


def test_an_order_is_taken_and_found(erp: RestJson, running: RunningErp) -> None:
    taken = erp.submit(SENT)
    assert isinstance(taken, Accepted)
    found = erp.find("PO-9", "C-1001")
    assert isinstance(found, FoundOne)
    assert (found.erp_id, found.number, found.revision) == (taken.erp_id, taken.number, 1)
    assert differences(SENT.order, found) == ()
    (kept,) = running.received()["orders"]
    assert (kept["reference"], kept["total"], kept["double"]) == ("PO-9", "26.00", False)


def test_like_a_real_erp_it_takes_the_same_order_twice(erp: RestJson, running: RunningErp) -> None:
    first, second = erp.submit(SENT), erp.submit(SENT)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert isinstance(erp.find("PO-9", "C-1001"), FoundSeveral)
    seen = running.received()
    assert [kept["double"] for kept in seen["orders"]] == [True, True]
    assert seen["doubles"] == 1
    page = httpx.get(running.url, trust_env=False).text
    assert page.count('class="double"') == 2


def test_told_so_it_answers_a_repeated_event_as_before(erp: RestJson, running: RunningErp) -> None:
    running.told(idempotent=True)
    assert erp.submit(SENT).erp_id == erp.submit(SENT).erp_id  # type: ignore[union-attr]  # both are accepted
    assert running.received()["doubles"] == 0


def test_a_change_replaces_and_a_cancellation_ends(erp: RestJson, running: RunningErp) -> None:
    erp.submit(SENT)
    changed = order("PO-9", line(1, "BOLT-M8", "200", "0.05"))
    assert isinstance(erp.submit(again(order=changed, kind="change", revision=2)), Accepted)
    found = erp.find("PO-9", "C-1001")
    assert isinstance(found, FoundOne)
    assert found.revision == 2
    assert differences(changed, found) == ()
    assert differences(SENT.order, found) != ()
    assert isinstance(erp.submit(again(kind="cancel", revision=3)), Accepted)
    assert isinstance(erp.submit(again(kind="cancel", revision=3)), Accepted)
    assert isinstance(erp.find("PO-9", "C-1001"), FoundNone)


@pytest.mark.parametrize("kind", ["change", "cancel"])
def test_what_it_never_had_cannot_be_changed(erp: RestJson, kind: str) -> None:
    outcome = erp.submit(again(kind=kind, revision=2))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.at) == ("order.unknown", "reference")


@pytest.mark.parametrize(
    ("switch", "outcome", "look_up", "stored"),
    [
        ({"mode": "fail"}, Uncertain, CannotTell, 0),
        ({"mode": "busy"}, Retry, CannotTell, 0),
        ({"mode": "hang", "seconds": 1.2}, Uncertain, CannotTell, 0),
        ({"mode": "drop"}, Uncertain, FoundOne, 1),
        ({"mode": "slow", "seconds": 0.2}, Accepted, FoundOne, 1),
        ({"mode": "reject"}, Rejected, FoundNone, 0),
        ({"known_skus": ["BOLT-M8"]}, Rejected, FoundNone, 0),
    ],
)
def test_it_misbehaves_as_told(
    erp: RestJson, running: RunningErp, switch: dict[str, Any], outcome: type, look_up: type, stored: int
) -> None:
    running.told(**switch)
    assert type(erp.submit(SENT)) is outcome
    assert type(erp.find("PO-9", "C-1001")) is look_up
    assert len(running.received()["orders"]) == stored


def test_it_works_again_after_the_count(erp: RestJson, running: RunningErp) -> None:
    running.told(mode="reject", count=2)
    assert [type(erp.submit(SENT)) for _ in range(3)] == [Rejected, Rejected, Accepted]


def test_who_signs_wrongly_is_not_heard(erp: RestJson, running: RunningErp) -> None:
    stranger = RestJson(
        client=erp.client,
        clock=erp.clock,
        url=erp.url,
        source=erp.source,
        secrets=[Secret("whsec_" + "Zm9v" * 8)],
        settle=erp.settle,
        at_once=1,
    )
    assert isinstance(stranger.submit(SENT), Retry)
    assert isinstance(stranger.find("PO-9", "C-1001"), CannotTell)
    assert httpx.get(f"{running.url}/orders?reference=PO-9&customer=C-1001", trust_env=False).status_code == 401
    assert running.received()["orders"] == []


def test_the_switch_is_set_from_the_page(running: RunningErp) -> None:
    form = {"mode": "drop", "count": "2", "seconds": "3.5", "known_skus": "A-1 B-2"}
    answer = httpx.post(f"{running.url}/switch", data=form, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    switch = httpx.get(f"{running.url}/switch", trust_env=False).json()
    assert switch == {"mode": "drop", "count": 2, "seconds": 3.5, "idempotent": False, "known_skus": ["A-1", "B-2"]}


@pytest.mark.parametrize("body", ['{"mode": "explode"}', '{"count": -1}', '{"seconds": 9999}', '{"more": 1}', "[", "5"])
def test_an_impossible_switch_is_refused(running: RunningErp, body: str) -> None:
    answer = httpx.post(f"{running.url}/switch", content=body, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["code"] == "switch.invalid"


def test_another_site_cannot_set_the_switch(running: RunningErp) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = httpx.post(f"{running.url}/switch", json={"mode": "fail"}, headers=headers, trust_env=False)
    assert answer.status_code == 403


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = secret_of(tmp_path), secret_of(tmp_path)
    assert first.reveal() == second.reveal()
    assert first.reveal().startswith("whsec_")
    assert (tmp_path / "demo-erp.secret").stat().st_mode & 0o077 == 0
