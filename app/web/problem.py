"""How the API says no: problem details (RFC 9457), in English."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

API = "/api/"
MEDIA_TYPE = "application/problem+json"


def asks_the_api(request: Request) -> bool:
    return str(request.scope["path"]).startswith(API)


def problem(
    request: Request, status: int, detail: str | None, *, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """`detail` is a sentence of ours that says what to do; `more` are further members (`errors`)."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    body |= {**more, "request_id": request.state.trace.number}
    return Response(msgspec.json.encode(body), status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)
