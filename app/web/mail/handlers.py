"""What was mailed to whom and what came of it, and the alerts of late."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import send_mail
from app.letters.letter import Kind
from app.storage import alerts, approval_notices, mails, people
from app.storage.mails import FAILED, State
from app.storage.people import Role
from app.web.language import msgid
from app.web.mail.words import KINDS, STATES
from app.web.people.sessions import gateway_of, people_page, signed_in

MOST_ALERTS = 100
GONE_ON = msgid("This mail is not waiting to be sent again any more.")


def mail(request: Request) -> Response:
    return _page(request)


async def again(request: Request) -> Response:
    """Has one mail sent that was refused or given up."""
    gateway, person, mail_id = gateway_of(request), signed_in(request).person, request.path_params["mail_id"]
    try:
        await gateway.database.awrite(lambda tx: send_mail.again(tx, gateway, person, mail_id, "page"))
    except Refusal as refusal:
        if refusal.no is No.UNKNOWN_REFERENCE:
            raise HTTPException(404) from None
        return await run_in_threadpool(_page, request, fault=GONE_ON)
    return RedirectResponse("/operations/mail", status_code=303)


def _page(request: Request, *, fault: str | None = None) -> Response:
    realm, query = signed_in(request).person.realm, request.query_params
    state, kind = query.get("state", ""), query.get("kind", "")
    state, kind = state if state in list(State) else "", kind if kind in list(Kind) else ""
    with gateway_of(request).database.read() as session:
        rows = mails.newest(session, realm, state=state, kind=kind)
        raised = alerts.newest(session, realm, MOST_ALERTS)
        missed = approval_notices.without_address(session, realm)
        unreached = [person for person in people.of_realm(session, realm) if person.id in missed and not person.email]
    settings = gateway_of(request).settings
    context = {
        "mails": rows,
        "alerts": raised,
        "state": state,
        "kind": kind,
        "states": STATES,
        "kinds": KINDS,
        "server": settings.smtp_host,
        "told": settings.alert_mail,
        "failed": FAILED,
        "may_change": signed_in(request).may(Role.OPERATOR, Role.ADMIN),
        "unreached": [(person, missed[person.id]) for person in unreached],
        "fault": fault,
    }
    return people_page(request, "mail/list.html", context, status=409 if fault else 200)
