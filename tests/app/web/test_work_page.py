"""The page of lanes, queues and processes, for those who may see it and those who may change it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from lanes import Lanes, MemoryErp, lanes_on
from sqlmodel import Session, col, select

from app.clock import SetClock
from app.gateway import Gateway
from app.storage import audit
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.people import PersonRow, PersonSessionRow, session_key
from app.web.routes import assemble

pytestmark = pytest.mark.anyio


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock) -> Lanes:
    return lanes_on(gateway, clock, {"main": MemoryErp()})


@pytest.fixture
async def client(lanes: Lanes) -> AsyncIterator[httpx.AsyncClient]:
    app = assemble(lanes.gateway, allowed_hosts=("crossdock.example",))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url="https://crossdock.example", headers=headers) as made:
        yield made


def signed_in(lanes: Lanes, role: str) -> dict[str, str]:
    now = lanes.clock.now()

    def write(tx: Session) -> None:
        person = PersonRow(realm=LIVE, login=role, name=role, password="-", roles=[role], created_at=now)
        tx.add(person)
        tx.flush()
        row = PersonSessionRow(id_sha256=session_key(role), realm=LIVE, person_id=person.id, began_at=now, seen_at=now)
        tx.add(row)

    lanes.gateway.database.write(write)
    return {"Cookie": f"__Host-crossdock={role}"}


async def test_an_operator_pauses_and_resumes_a_lane(lanes: Lanes, client: httpx.AsyncClient) -> None:
    lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    who = signed_in(lanes, "operator")
    assert "/operations/work/pause" in (await client.get("/operations/work", headers=who)).text
    done = await client.post("/operations/work/pause", data={"lane": lane.lane}, headers=who)
    assert (done.status_code, done.headers["location"]) == (303, "/operations/work")
    assert "<strong>paused</strong>" in (await client.get("/operations/work", headers=who)).text
    await client.post("/operations/work/resume", data={"lane": lane.lane}, headers=who)
    assert "<strong>paused</strong>" not in (await client.get("/operations/work", headers=who)).text
    with lanes.gateway.database.read() as session:
        entries = session.exec(select(AuditRow).order_by(col(AuditRow.sequence))).all()
        person = session.exec(select(PersonRow)).one()
    assert [(entry.event, entry.channel) for entry in entries] == [("lane_paused", "page"), ("lane_resumed", "page")]
    assert (entries[0].actor, entries[0].data) == (audit.by(person.id), {"lane": lane.lane})
    for path, wanted in (("pause", "nobody:main"), ("burn", lane.lane)):
        assert (await client.post(f"/operations/work/{path}", data={"lane": wanted}, headers=who)).status_code == 404


async def test_an_auditor_looks_on_and_an_approver_does_not(lanes: Lanes, client: httpx.AsyncClient) -> None:
    lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    who = signed_in(lanes, "auditor")
    page = await client.get("/operations/work", headers=who)
    assert page.status_code == 200
    assert "/operations/work/pause" not in page.text
    assert (await client.post("/operations/work/pause", data={"lane": lane.lane}, headers=who)).status_code == 403
    assert (await client.get("/operations/work", headers=signed_in(lanes, "approver"))).status_code == 403
