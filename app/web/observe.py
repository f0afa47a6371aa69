"""What is seen of every request: a correlation id, one line in the log, counts by route.

Route templates are logged and counted, never URLs: paths hold the tokens of shops and approvals.
"""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.storage.base import new_id
from app.trace import begin, read

_log = structlog.get_logger(__name__)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observed:
    """Wraps the whole application. The numbers of the request are in `scope["state"]`, in the log's context and in the
    answer's `X-Request-ID` (`security.set_headers`), by which a caller and we can speak of the same request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trace = read(new_id(), scope["headers"])
        scope["state"] = {**scope.get("state", {}), "correlation_id": trace.correlation_id, "trace": trace}
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begin(trace)
        began = time.perf_counter()
        try:
            await self.app(scope, receive, send_observed)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.REQUESTS.labels(route, method, str(status)).inc()
            metrics.REQUEST_SECONDS.labels(route).observe(seconds)
            client = scope.get("client")
            _log.info(
                "request",
                route=route,
                method=method,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                remote=client[0] if client else None,
            )
