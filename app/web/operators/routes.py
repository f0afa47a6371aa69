"""The operators' URLs."""

from app.web.endpoint import Auth, Endpoint
from app.web.operators import handlers

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/healthz", handler=handlers.healthz, auth=Auth.OPEN),
    Endpoint(path="/readyz", handler=handlers.readyz, auth=Auth.OPERATOR),
    Endpoint(path="/metrics", handler=handlers.metrics_page, auth=Auth.OPERATOR),
)
