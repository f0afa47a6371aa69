"""URLs of the login, of the start page and of a person's own account."""

from functools import partial

from app.web.endpoint import KIB, Auth, Endpoint
from app.web.people import absences, account, forgotten, handlers, oidc

_person = partial(Endpoint, auth=Auth.PERSON)
_post = partial(Endpoint, auth=Auth.PERSON, methods=("POST",), body_limit=10 * KIB)
_FACTOR = "/account/second-factor"

ENDPOINTS: tuple[Endpoint, ...] = (
    _person(path="/", handler=handlers.home),
    Endpoint(path="/login", handler=handlers.login_form, auth=Auth.OPEN),
    Endpoint(path="/login", handler=handlers.login, auth=Auth.OPEN, methods=("POST",), body_limit=16 * KIB),
    Endpoint(path="/login/code", handler=handlers.code_form, auth=Auth.OPEN),
    Endpoint(path="/login/code", handler=handlers.login_code, auth=Auth.OPEN, methods=("POST",), body_limit=16 * KIB),
    Endpoint(path="/login/forgotten", handler=forgotten.form, auth=Auth.OPEN),
    Endpoint(path="/login/forgotten", handler=forgotten.ask, auth=Auth.OPEN, methods=("POST",), body_limit=16 * KIB),
    Endpoint(path="/oidc/login", handler=oidc.send_off, auth=Auth.OPEN),
    Endpoint(path="/oidc/callback", handler=oidc.come_back, auth=Auth.OPEN),
    _post(path="/logout", handler=handlers.logout, before_enrolment=True),
    _post(path="/logout/everywhere", handler=handlers.logout_everywhere, before_enrolment=True),
    _person(path="/account", handler=account.account),
    _post(path="/account/absences", handler=absences.enter_own),
    _post(path="/account/absences/end", handler=absences.end_own),
    _post(path="/account/sessions/{key}/end", handler=account.end_session),
    _person(path=_FACTOR, handler=account.factor_page, before_enrolment=True),
    _post(path=f"{_FACTOR}/begin", handler=account.begin, before_enrolment=True),
    _post(path=f"{_FACTOR}/confirm", handler=account.confirm, before_enrolment=True),
    _post(path=f"{_FACTOR}/recovery-codes", handler=account.renew),
    _post(path=f"{_FACTOR}/remove", handler=account.remove),
)
