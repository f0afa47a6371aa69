"""A person's own page: the browsers that are signed in, and the second factor."""

from datetime import datetime
from typing import Final

import pyotp
import segno
from markupsafe import Markup
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.flows import second_factor
from app.gateway import Gateway
from app.storage import approver_profiles, audit, people, second_factors
from app.storage.people import PersonRow, PersonSessionRow, Role
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.people import sessions
from app.web.people.handlers import NO_CODE, TOO_MANY_CODES
from app.web.people.sessions import ENROL, gateway_of, people_page, signed_in
from app.web.tries import limits_of, remote

FORM: Final = FormLimits(fields=10, size=1_000)
ISSUER: Final = "Crossdock"
NEEDED: Final = msgid("Your role needs a second factor. Add one, then you can go on.")


def account(request: Request, *, fault: str | None = None, status: int = 200) -> Response:
    who, gateway = signed_in(request), gateway_of(request)
    now = gateway.clock.now()
    with gateway.database.read() as session:
        rows = people.sessions_of(session, who.person.id)
        context = {
            "sessions": [row for row in rows if not sessions.over(row, now)],
            "confirmed": second_factors.confirmed(session, who.person.id),
            **_away(session, who.person, now),
            "fault": fault,
        }
    return people_page(request, "people/account.html", context, status=status)


def _away(session: Session, person: PersonRow, now: datetime) -> dict[str, object]:
    away = approver_profiles.absences_of(session, person.id, now)
    others = [
        one
        for one in people.of_realm(session, person.realm)
        if one.active and one.id != person.id and one.has(Role.APPROVER) and people.work_together(person, one)
    ]
    return {
        "away": away,
        "others": others,
        "names": people.named(session, person.realm, (one.delegate_id for one in away)),
        "zone": approver_profiles.profile(session, person.realm, person.id).zone,
    }


def end_session(request: Request) -> Response:
    """Ends one of the own sessions; one that is over, or somebody else's, is nothing to end."""
    who, gateway, key = signed_in(request), gateway_of(request), request.path_params["key"]

    def work(tx: Session) -> None:
        row = tx.get(PersonSessionRow, key)
        if row is not None and row.person_id == who.person.id:
            tx.delete(row)
            _record(tx, gateway, who.person, "session_ended")

    gateway.database.write(work)
    return RedirectResponse("/account", status_code=303)


def _record(tx: Session, gateway: Gateway, person: PersonRow, event: str) -> None:
    actor = audit.by(person.id)
    audit.record(tx, realm=person.realm, at=gateway.clock.now(), actor=actor, channel="page", event=event)


def factor_page(
    request: Request, *, fault: str | None = None, status: int = 200, codes: tuple[str, ...] = ()
) -> Response:
    """`codes`: recovery codes that are shown now and never again."""
    who, gateway = signed_in(request), gateway_of(request)
    with gateway.database.read() as session:
        secret = second_factors.begun(session, gateway.keys, who.person.id)
        context = {
            "confirmed": second_factors.confirmed(session, who.person.id),
            "left": second_factors.recovery_codes_left(session, who.person.id),
            "required": second_factor.required(gateway, who.person),
            "needed": NEEDED if who.must_enrol and not codes else None,
            "fault": fault,
            "codes": codes,
            "picture": None,
            "typed": None,
        }
    if secret is not None:
        text = secret.reveal()
        address = pyotp.TOTP(text).provisioning_uri(name=who.person.login, issuer_name=ISSUER)
        picture = segno.make(address, error="m").svg_inline(scale=4, border=4, light="#fff")
        # Made of the squares of the code alone.
        context["picture"] = Markup(picture)  # noqa: S704
        context["typed"] = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    answer = people_page(request, "people/second_factor.html", context, status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(limits_of(request).codes.window)
    return answer


def begin(request: Request) -> Response:
    who, gateway = signed_in(request), gateway_of(request)
    gateway.database.write(lambda tx: second_factor.begin(tx, gateway, who.person))
    return RedirectResponse(ENROL, status_code=303)


async def confirm(request: Request) -> Response:
    """The first code. It signs out every browser of the person, and this one in again under a new id."""
    code = await _code(request)
    if code is None:
        return await _again(request, TOO_MANY_CODES, 429)
    who, gateway = signed_in(request), gateway_of(request)

    def work(tx: Session) -> tuple[tuple[str, ...], str] | None:
        codes = second_factor.confirm(tx, gateway, who.person, code)
        return None if codes is None else (codes, sessions.begin(tx, gateway, who.person, request))

    made = await gateway.database.awrite(work)
    if made is None:
        return await _again(request, NO_CODE, 400)
    limits_of(request).codes.forget(who.person.id)
    codes, cookie = made
    answer = await run_in_threadpool(factor_page, request, codes=codes)
    sessions.give(answer, cookie)
    return answer


async def renew(request: Request) -> Response:
    code = await _code(request)
    if code is None:
        return await _again(request, TOO_MANY_CODES, 429)
    who, gateway = signed_in(request), gateway_of(request)
    codes = await gateway.database.awrite(lambda tx: second_factor.renew(tx, gateway, who.person, code))
    if codes is None:
        return await _again(request, NO_CODE, 400)
    limits_of(request).codes.forget(who.person.id)
    return await run_in_threadpool(factor_page, request, codes=codes)


async def remove(request: Request) -> Response:
    code = await _code(request)
    if code is None:
        return await _again(request, TOO_MANY_CODES, 429)
    who, gateway = signed_in(request), gateway_of(request)

    def work(tx: Session) -> str | None:
        if not second_factor.give_up(tx, gateway, who.person, code):
            return None
        return sessions.begin(tx, gateway, who.person, request)

    cookie = await gateway.database.awrite(work)
    if cookie is None:
        return await _again(request, NO_CODE, 400)
    limits_of(request).codes.forget(who.person.id)
    answer = RedirectResponse("/account", status_code=303)
    sessions.give(answer, cookie)
    return answer


async def _code(request: Request) -> str | None:
    """What was typed; None when there have been too many tries."""
    form = await read_form(request, FORM)
    limits = limits_of(request)
    allowed = limits.sign_ins.count(remote(request)) and limits.codes.count(signed_in(request).person.id)
    return form.text("code") if allowed else None


async def _again(request: Request, fault: str, status: int) -> Response:
    return await run_in_threadpool(factor_page, request, fault=fault, status=status)
