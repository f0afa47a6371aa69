"""Who may take an order's evidence, and in which form."""

import io
import zipfile

import httpx
import pytest
from ledger_traffic import buyer_of, order_of, place
from sqlmodel import Session, col, select

from app.gateway import Gateway
from app.storage.audit import AuditRow, by
from app.storage.base import LIVE, new_id
from app.storage.people import PersonRow, PersonSessionRow, Role, session_key
from app.web.people.sessions import COOKIE
from app.web.routes import assemble

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def order_id(gateway: Gateway) -> str:
    return place(gateway, buyer_of(gateway), order_of("PO/1"))


def browser_of(gateway: Gateway, *roles: Role, customers: list[str] | None = None) -> tuple[str, httpx.AsyncClient]:
    """The id of a signed-in person with these roles, and their browser."""
    person_id, cookie, now = new_id(), new_id(), gateway.clock.now()

    def work(tx: Session) -> None:
        person = PersonRow(
            id=person_id, realm=LIVE, login=person_id, name="P", roles=list(roles), customers=customers, created_at=now
        )
        tx.add(person)
        tx.flush()
        tx.add(
            PersonSessionRow(id_sha256=session_key(cookie), realm=LIVE, person_id=person_id, began_at=now, seen_at=now)
        )

    gateway.database.write(work)
    app = assemble(gateway, allowed_hosts=("crossdock.example",))
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://crossdock.example", cookies={COOKIE: cookie}
    )
    return person_id, client


def names(answer: httpx.Response) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return archive.namelist()


async def test_an_operator_takes_it_without_secrets_and_that_is_recorded(gateway: Gateway, order_id: str) -> None:
    person_id, browser = browser_of(gateway, Role.OPERATOR)
    async with browser:
        answer = await browser.get(f"/orders/{order_id}/evidence.zip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="evidence-1.zip"'
    assert not [name for name in names(answer) if name.endswith("raw.bin")]
    with gateway.database.read() as session:
        row = session.exec(select(AuditRow).where(AuditRow.event == "evidence_exported")).one()
    assert (row.actor, row.order_id, row.data["raw"]) == (by(person_id), order_id, False)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.AUDITOR, 200), (Role.ADMIN, 403), (Role.OPERATOR, 403), (Role.APPROVER, 403)]
)
async def test_the_raw_form_is_for_auditors_alone(role: Role, status: int, gateway: Gateway, order_id: str) -> None:
    _, browser = browser_of(gateway, role)
    async with browser:
        answer = await browser.get(f"/orders/{order_id}/evidence-raw.zip")
    assert answer.status_code == status
    with gateway.database.read() as session:
        taken = session.exec(select(AuditRow).where(col(AuditRow.event) == "evidence_exported")).all()
    assert [row.data["raw"] for row in taken] == ([True] if status == 200 else [])


async def test_somebody_elses_order_is_not_there(gateway: Gateway, order_id: str) -> None:
    _, browser = browser_of(gateway, Role.OPERATOR, customers=[])
    async with browser:
        assert (await browser.get(f"/orders/{order_id}/evidence.zip")).status_code == 404
        assert (await browser.get("/orders/none/evidence.zip")).status_code == 404
