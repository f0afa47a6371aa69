"""The pages of people: everybody, one person with all that rules know of them, and a new one."""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import available_timezones

from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.flow import OWNERS
from app.errors import No, Refusal
from app.flows import keep_person, password_links
from app.formats import formats
from app.gateway import Gateway
from app.languages import LANGUAGES
from app.letters.letter import OF_PASSWORDS
from app.storage import approver_profiles, audit, mails, passwords, people, second_factors
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.oidc import OidcProviderRow
from app.storage.people import PersonRow, Role
from app.web.admin.person_acts import ACTS
from app.web.errors import STATUS_OF
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.mail.words import STATES as MAIL_STATES
from app.web.orders import words
from app.web.orders.order_list import customers_of
from app.web.people.absences import By
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in

FORM: Final = FormLimits(fields=1_000, size=8_000)
LINK, SHOWN, PROVIDER = "link", "shown", "provider"
WAYS: Final = {
    LINK: msgid("By a link that a mail brings: they choose their password themselves."),
    SHOWN: msgid("With a password that is made and shown on the next page, once."),
    PROVIDER: msgid("With the company's account alone, without a password."),
}
"""How a new person gets in."""
DAYS: Final = (
    msgid("Monday"),
    msgid("Tuesday"),
    msgid("Wednesday"),
    msgid("Thursday"),
    msgid("Friday"),
    msgid("Saturday"),
    msgid("Sunday"),
)
OWNED: Final = dict(zip(OWNERS, (msgid("Cost centre"), msgid("Ship-to"), msgid("Customer")), strict=True))
STATES: Final = {"active": msgid("active"), "inactive": msgid("inactive")}
FACTORS: Final = {"yes": msgid("yes"), "no": msgid("no")}


@cache
def zones() -> list[str]:
    """All time zones by name; they are looked for on the disk."""
    return sorted(available_timezones())


class Chosen(NamedTuple):
    q: str
    role: str
    state: str
    factor: str


def kept_by(session: Session, keeper: PersonRow) -> list[PersonRow]:
    """Everybody whom this person may see here, by login."""
    return [person for person in people.of_realm(session, keeper.realm) if keep_person.may_keep(keeper, person)]


def people_list(request: Request) -> Response:
    keeper, query = signed_in(request).person, request.query_params
    chosen = Chosen(*(query.get(name, "").strip()[:100] for name in Chosen._fields))
    with gateway_of(request).database.read() as session:
        with_factor = second_factors.with_one(session, keeper.realm)
        found = [one for one in kept_by(session, keeper) if _fits(one, chosen, with_factor)]
        names = {row.id: row.name for row in session.exec(select(CustomerRow).where(CustomerRow.realm == keeper.realm))}
    context = {
        "people": found,
        "chosen": chosen,
        "names": names,
        "second_factors": with_factor,
        "words": words,
        "states": STATES,
        "factors": FACTORS,
    }
    return people_page(request, "admin/people.html", context)


def _fits(person: PersonRow, chosen: Chosen, with_factor: set[str]) -> bool:
    text = " ".join((person.login, person.name, person.email or "")).casefold()
    return (
        chosen.q.casefold() in text
        and (not chosen.role or chosen.role in person.roles)
        and (not chosen.state or person.active == (chosen.state == "active"))
        and (not chosen.factor or (person.id in with_factor) == (chosen.factor == "yes"))
    )


def new_person(request: Request, *, fault: str | None = None, status: int = 200) -> Response:
    gateway, keeper = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        customers, ways = customers_of(session, keeper), _ways(session, gateway)
    context = {
        "customers": customers,
        "fault": fault,
        "words": words,
        "languages": LANGUAGES,
        "ways": {way: text for way, text in WAYS.items() if way in ways},
    }
    return people_page(request, "admin/new_person.html", context, status=status)


def _ways(session: Session, gateway: Gateway) -> set[str]:
    """How a new person may get in here."""
    by_provider = session.get(OidcProviderRow, LIVE) is not None
    offered = {LINK: gateway.settings.smtp_host is not None, SHOWN: True, PROVIDER: by_provider}
    return {way for way, there in offered.items() if there}


async def create(request: Request) -> Response:
    """With a link by mail, a password that the next page shows, once, or neither."""
    form = await read_form(request, FORM)
    gateway, keeper = gateway_of(request), signed_in(request).person
    password, way = passwords.made(), form.text("way") or SHOWN
    wanted = keep_person.Wanted(
        login=form.text("login"),
        name=form.text("name"),
        email=form.text("email"),
        roles=form.all("role"),
        customers=form.all("customer") or None,
        language=form.text("language"),
        # Of a link's person nobody knows it: having one is what entitles them to the link.
        hashed=None if way == PROVIDER else await run_in_threadpool(passwords.hashed, password),
    )

    def work(tx: Session) -> str:
        if way not in _ways(tx, gateway):
            raise Refusal(No.UNACCEPTABLE, "Choose how the person signs in.")
        by = By(actor=audit.by(keeper.id), channel="page")
        made = keep_person.add(tx, gateway, wanted, realm=keeper.realm, **by)
        keep_person.refuse_more(keeper, made)
        if way == LINK:
            password_links.send(tx, gateway, made, **by)
        return made.id

    try:
        person_id = await gateway.database.awrite(work)
    except Refusal as refusal:
        return await run_in_threadpool(new_person, request, fault=refusal.reason, status=STATUS_OF[refusal.no])
    if way != SHOWN:
        return RedirectResponse(f"/admin/people/{person_id}", status_code=303)
    return await run_in_threadpool(person_page, request, person_id, password=password)


def shown(request: Request) -> Response:
    return person_page(request, request.path_params["person_id"])


def person_page(
    request: Request, person_id: str, *, password: str | None = None, fault: str | None = None, status: int = 200
) -> Response:
    """`password`: one that is shown now and never again. Raises HTTPException 404."""
    gateway, keeper = gateway_of(request), signed_in(request).person
    now = gateway.clock.now()
    with gateway.database.read() as session:
        person = session.get(PersonRow, person_id)
        if person is None or not keep_person.may_keep(keeper, person):
            raise HTTPException(404)
        profile = approver_profiles.profile(session, person.realm, person.id)
        away = approver_profiles.absences_of(session, person.id, now)
        others = [one for one in kept_by(session, keeper) if one.id != person.id and one.active]
        context = {
            "person": person,
            "profile": profile,
            "limits": approver_profiles.limits_of(session, person.id),
            "away": away,
            "owned": approver_profiles.owned_by(session, person.id),
            "others": others,
            "names": people.named(session, person.realm, [profile.manager_id, *(one.delegate_id for one in away)]),
            "customers": (customers := customers_of(session, keeper)),
            "called": {row.id: row.name for row in customers},
            "confirmed": second_factors.confirmed(session, person.id),
            "sessions": len(people.sessions_of(session, person.id)),
            "link": mails.newest_of(session, person.id, person.email or "", OF_PASSWORDS),
        }
    shared = {
        "words": words,
        "mail_states": MAIL_STATES,
        "sends_links": gateway.settings.smtp_host is not None and person.password is not None and person.email,
        "days": DAYS,
        "owners": OWNED,
        "zones": zones(),
        "languages": LANGUAGES,
        "password": password,
        "fault": fault,
        "writes": keeper.has(Role.ADMIN),
    }
    return people_page(request, "admin/person.html", {**context, **shared}, status=status)


async def act(request: Request) -> Response:
    """One change to a person. What the rules refuse is said on the page itself."""
    form = await read_form(request, FORM)
    change = ACTS.get(request.path_params["act"])
    if change is None:
        raise HTTPException(404)
    language = language_of(request, signed_in(request).person)
    form.put("amount", formats(language).typed(form.text("amount")))
    return await _changed(request, lambda tx, person, by: change(tx, gateway_of(request), person, form, by))


async def new_password(request: Request) -> Response:
    """Made here and shown once; every session of the person ends."""
    password, gateway = passwords.made(), gateway_of(request)
    hashed = await run_in_threadpool(passwords.hashed, password)
    return await _changed(
        request,
        lambda tx, person, by: keep_person.set_password(tx, gateway, person, hashed, **by),
        password=password,
    )


async def _changed(
    request: Request, change: Callable[[Session, PersonRow, By], object], *, password: str | None = None
) -> Response:
    gateway, keeper, person_id = gateway_of(request), signed_in(request).person, request.path_params["person_id"]

    def work(tx: Session) -> None:
        person = tx.get(PersonRow, person_id)
        if person is None or not keep_person.may_keep(keeper, person):
            raise HTTPException(404)
        change(tx, person, By(actor=audit.by(keeper.id), channel="page"))
        keep_person.refuse_more(keeper, person)

    try:
        await gateway.database.awrite(work)
    except Refusal as refusal:
        status = STATUS_OF[refusal.no]
        return await run_in_threadpool(person_page, request, person_id, fault=refusal.reason, status=status)
    if password is not None:
        return await run_in_threadpool(person_page, request, person_id, password=password)
    return RedirectResponse(f"/admin/people/{person_id}", status_code=303)
