"""The overview: partners, and the rules that are tried first."""

from typing import Final

from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import keep_person, second_factor
from app.storage import audit
from app.storage.customers import CustomerRow
from app.storage.partners import PartnerIdentityRow, PartnerRow
from app.storage.people import PersonRow
from app.web.admin.flow_editor.flows import tried_first
from app.web.forms import FormLimits, read_form
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=10, size=4_000)


def overview(request: Request) -> Response:
    person = signed_in(request).person
    realm = person.realm
    with gateway_of(request).database.read() as session:
        context = {
            "partners": _partners(session, realm),
            "customers": tried_first(session, person),
            "names": {row.id: row.name for row in session.exec(select(CustomerRow).where(CustomerRow.realm == realm))},
        }
    return people_page(request, "admin/overview.html", context)


async def reset_second_factor(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, admin = gateway_of(request), signed_in(request).person
    person_id = request.path_params["person_id"]

    def work(tx: Session) -> None:
        person = tx.get(PersonRow, person_id)
        if person is None or not keep_person.may_keep(admin, person):
            raise Refusal(No.UNKNOWN_REFERENCE, "There is no such person.")
        actor, reason = audit.by(admin.id), form.text("reason")
        second_factor.reset(tx, gateway, person, actor=actor, channel="page", reason=reason)

    await gateway.database.awrite(work)
    return RedirectResponse(f"/admin/people/{person_id}", status_code=303)


def _partners(session: Session, realm: str) -> list[tuple[PartnerRow, list[PartnerIdentityRow]]]:
    rows = session.exec(select(PartnerRow).where(PartnerRow.realm == realm).order_by(PartnerRow.name)).all()
    names = session.exec(select(PartnerIdentityRow).where(PartnerIdentityRow.realm == realm)).all()
    return [(row, [name for name in names if name.partner_id == row.id]) for row in rows]
