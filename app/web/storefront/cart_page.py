"""The cart: changing it, checking what the buyer's system would refuse, and going home."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.catalog import cart
from app.catalog.cart import Problem, QuantityFault, ViewedCart, quantity_fault
from app.flows import return_cart as going_home
from app.flows import visit as visits
from app.flows.visit import Alive, Dead
from app.gateway import Gateway
from app.partners.return_urls import return_origins
from app.web.endpoint import gateway_of
from app.web.forms import Form, FormLimits, read_form
from app.web.security import content_security_policy
from app.web.storefront import quantities
from app.web.storefront.guard import dead_page
from app.web.storefront.page import Shop, audience_of, prefix
from app.web.storefront.texts import FAULT_TEXTS, PROBLEM_TEXTS
from app.web.views import page
from schemas.punchout import ReturnPost

CART_FORM: Final = FormLimits(fields=cart.MOST_LINES + 20, size=1_000)
LEAVE_FORM: Final = FormLimits(fields=5, size=1_000)


@dataclass(frozen=True, slots=True)
class Typed:
    """What could not be taken from the quantity fields: line id to what was typed, and to what is wrong with it."""

    texts: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


def show(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        return _page(Shop(request, session))


def _page(shop: Shop, *, typed: Typed | None = None, notice: str | None = None, status: int = 200) -> Response:
    judgement = going_home.judge(shop.cart, shop.alive.partner)
    context = {
        "judgement": judgement,
        "problem_texts": PROBLEM_TEXTS,
        "vanished": Problem.VANISHED,
        "typed": typed or Typed(),
        "may_return": bool(shop.cart.lines) or going_home.may_return_empty(shop.visit),
    }
    if notice is not None:
        context["notice"] = notice
    return shop.page("storefront/cart.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Changed:
    """
    typed   quantities that could not be taken; the others were.
    later   the cart had changed since the shopper's page was made.
    """

    typed: Typed
    later: bool
    changed: bool


async def change(request: Request) -> Response:
    """Takes the quantities of all lines, or one line out."""
    form = await read_form(request, CART_FORM)
    gateway = gateway_of(request)
    token = request.path_params["token"]

    def work(tx: Session) -> Changed | Dead:
        found = visits.find(tx, token, gateway.clock.now(), lock=True)
        if isinstance(found, Dead):
            return found
        done = _take_quantities(tx, gateway, found, form)
        if form.text("remove"):
            cart.take_out(tx, found.visit, form.text("remove"))
        return done

    outcome = await gateway.database.awrite(work)
    if isinstance(outcome, Dead):
        return await dead_page(request, outcome, what="shop_token")
    if outcome.typed.faults:
        return await run_in_threadpool(_again, request, outcome.typed, "faulty", 400)
    note = "later" if outcome.later else "removed" if form.text("remove") else "updated"
    return RedirectResponse(f"{prefix(request)}cart?note={note}", status_code=303)


def _take_quantities(tx: Session, gateway: Gateway, alive: Alive, form: Form) -> Changed:
    viewed = cart.view(tx, alive.visit, audience_of(alive.visit), gateway.clock.now())
    language = alive.visit.language or "en"
    texts: dict[str, str] = {}
    faults: dict[str, str] = {}
    taken: dict[str, Decimal] = {}
    for line in viewed.lines:
        text = form.text(f"quantity-{line.row.id}")
        if not text or line.offer is None or text == quantities.shown(line.row.quantity, language):
            continue
        quantity = quantities.read(text, language)
        fault = QuantityFault.NOT_A_NUMBER if quantity is None else quantity_fault(line.offer, quantity)
        if fault is not None:
            texts[line.row.id], faults[line.row.id] = text, FAULT_TEXTS[fault]
        elif quantity is not None:
            taken[line.row.id] = quantity
    later = form.text("version") != str(viewed.version)
    if taken:
        cart.set_quantities(tx, alive.visit, taken)
    return Changed(Typed(texts, faults), later, bool(taken))


def _again(request: Request, typed: Typed, notice: str, status: int) -> Response:
    """The cart as it is after what the shopper sent."""
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        found = visits.find(session, request.path_params["token"], gateway.clock.now())
        if isinstance(found, Alive):
            request.state.alive = found
        return _page(Shop(request, session), typed=typed, notice=notice, status=status)


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The cart stays here: the shopper has to see or do something first."""

    notice: str
    typed: Typed


async def return_(request: Request) -> Response:
    """Sends the cart home when it is what the shopper saw and nothing stands in its way."""
    form = await read_form(request, CART_FORM)
    gateway = gateway_of(request)
    token = request.path_params["token"]

    def work(tx: Session) -> ReturnPost | LookAgain | Dead:
        found = visits.find(tx, token, gateway.clock.now(), lock=True)
        if isinstance(found, Dead):
            return going_home.pressed_twice(tx, gateway, found, form.text("key")) or found
        done = _take_quantities(tx, gateway, found, form)
        viewed = cart.view(tx, found.visit, audience_of(found.visit), gateway.clock.now())
        stay = _why_stay(found, viewed, done, form)
        return stay or going_home.return_cart(tx, gateway, found, viewed, form_key=form.text("key"))

    outcome = await gateway.database.awrite(work)
    if isinstance(outcome, Dead):
        return await dead_page(request, outcome, what="shop_token")
    if isinstance(outcome, LookAgain):
        return await run_in_threadpool(_again, request, outcome.typed, outcome.notice, 409)
    return await run_in_threadpool(_home, request, outcome)


def _why_stay(alive: Alive, viewed: ViewedCart, done: Changed, form: Form) -> LookAgain | None:
    judgement = going_home.judge(viewed, alive.partner)
    notice = None
    if done.typed.faults:
        notice = "faulty"
    elif done.changed or done.later:
        notice = "look_again"
    elif judgement.blocking:
        notice = "blocked"
    elif (judgement.warning or not viewed.lines) and form.text("seen") != "yes":
        notice = "tick"
    return LookAgain(notice, done.typed) if notice else None


async def leave(request: Request) -> Response:
    """Goes home without a change. Who would lose something by it is asked once more."""
    form = await read_form(request, LEAVE_FORM)
    gateway = gateway_of(request)
    token = request.path_params["token"]

    def work(tx: Session) -> ReturnPost | Alive | Dead:
        found = visits.find(tx, token, gateway.clock.now(), lock=True)
        if isinstance(found, Dead):
            return going_home.pressed_twice(tx, gateway, found, form.text("key")) or found
        if found.visit.cart_version > 0 and cart.lines_of(tx, found.visit) and form.text("sure") != "yes":
            return found
        return going_home.leave(tx, gateway, found, form_key=form.text("key"))

    outcome = await gateway.database.awrite(work)
    if isinstance(outcome, Dead):
        return await dead_page(request, outcome, what="shop_token")
    if isinstance(outcome, Alive):
        return await run_in_threadpool(_ask_leave, request)
    return await run_in_threadpool(_home, request, outcome)


def _ask_leave(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        return Shop(request, session).page("storefront/leave.html", {})


def _home(request: Request, post: ReturnPost) -> Response:
    """A page that posts itself to the buyer, and has a button where scripts are off."""
    alive: Alive = request.state.alive
    policy = content_security_policy(
        framed_by=alive.visit.framed_by, posts_to=return_origins(alive.partner, alive.visit.return_url)
    )
    return page(
        request,
        "storefront/return.html",
        {"post": post},
        language=alive.visit.language,
        headers={"Content-Security-Policy": policy},
    )
