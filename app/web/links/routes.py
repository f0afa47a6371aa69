"""The URL of links in mails."""

from app.web.endpoint import KIB, Auth, Endpoint
from app.web.links import handlers, password

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/approve/{token}", handler=handlers.show, auth=Auth.OPEN),
    Endpoint(path="/approve/{token}", handler=handlers.decide, auth=Auth.OPEN, methods=("POST",), body_limit=16 * KIB),
    Endpoint(path="/password/{token}", handler=password.show, auth=Auth.OPEN),
    Endpoint(path="/password/{token}", handler=password.choose, auth=Auth.OPEN, methods=("POST",), body_limit=16 * KIB),
)
