"""The URLs of buyers' systems. Their bodies are counted by the transport, which answers in the protocol's own words."""

from app.transports.http import cxml
from app.web.endpoint import Auth, Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/cxml", handler=cxml.post, auth=Auth.DOCUMENT, methods=("POST",), body_limit=None, csrf_exempt=True),
    Endpoint(
        path="/cxml",
        handler=cxml.explain,
        auth=Auth.OPEN,
        methods=("GET", "PUT", "PATCH", "DELETE"),
        body_limit=None,
        csrf_exempt=True,
    ),
    Endpoint(
        path="/cxml/{rest:path}",
        handler=cxml.nothing_here,
        auth=Auth.OPEN,
        methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        body_limit=None,
        csrf_exempt=True,
    ),
)
