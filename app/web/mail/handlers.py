"""What was mailed to whom and what came of it, and the alerts of late."""

from starlette.requests import Request
from starlette.responses import Response

from app.letters.letter import Kind
from app.storage import alerts, mails
from app.storage.mails import State
from app.web.mail.words import KINDS, STATES
from app.web.people.sessions import gateway_of, people_page, signed_in

MOST_ALERTS = 100


def mail(request: Request) -> Response:
    realm, query = signed_in(request).person.realm, request.query_params
    state, kind = query.get("state", ""), query.get("kind", "")
    state, kind = state if state in list(State) else "", kind if kind in list(Kind) else ""
    with gateway_of(request).database.read() as session:
        rows = mails.newest(session, realm, state=state, kind=kind)
        raised = alerts.newest(session, realm, MOST_ALERTS)
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
    }
    return people_page(request, "mail/list.html", context)
