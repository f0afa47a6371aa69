"""URLs of the login and of the start page."""

from app.web.endpoint import KIB, Auth, Endpoint
from app.web.people import handlers

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/", handler=handlers.home, auth=Auth.PERSON),
    Endpoint(path="/login", handler=handlers.login_form, auth=Auth.OPEN),
    Endpoint(path="/login", handler=handlers.login, auth=Auth.OPEN, methods=("POST",), body_limit=10 * KIB),
    Endpoint(path="/logout", handler=handlers.logout, auth=Auth.PERSON, methods=("POST",)),
    Endpoint(path="/logout/everywhere", handler=handlers.logout_everywhere, auth=Auth.PERSON, methods=("POST",)),
)
