"""`GET /api/openapi.json`: the API in OpenAPI 3.1, written from the tables that route and read it."""

from functools import cache
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.approval.fields import FIELDS
from app.languages import LANGUAGES
from app.storage.api_keys import Scope
from app.web.api.operations import OPERATIONS, Operation
from app.web.api.parameters import Parameter
from app.web.language import translations
from app.web.orders.words import FIELD_NAMES
from app.web.problem import MEDIA_TYPE
from schemas.base import Canonical, When
from schemas.faults import Fault

_JSON: Final = "application/json"
_SCHEMAS: Final = "#/components/schemas/{name}"


class Problem(Canonical, frozen=True, kw_only=True):
    """Problem details (RFC 9457). `errors`: each thing that is wrong, all at once. `request_id`: what to name when
    you ask about it."""

    type: str
    title: str
    status: int
    request_id: str
    detail: str | None = None
    errors: tuple[Fault, ...] = ()


_WHY: Final = {
    "400": "What was sent is wrong; `errors` says where, all at once.",
    "401": "No key, or none that is valid.",
    "403": "The key lacks the scope, the person may not do it, or a code of their second factor is missing or wrong.",
    "404": "There is nothing at this address that the key reaches.",
    "405": "This address does not take this method.",
    "413": "The body is too large.",
    "429": "The key has made too many calls; `Retry-After` says when to go on.",
    "503": "Not available at the moment; `Retry-After` says when to come again.",
}


def openapi(_request: Request) -> Response:
    return Response(encoded(), media_type=_JSON)


@cache
def encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    types = [Problem, *(kind for one in OPERATIONS for kind in (one.answers, one.body) if kind is not None)]
    refs, schemas = msgspec.json.schema_components(types, schema_hook=_schema_of, ref_template=_SCHEMAS)
    of_type: dict[object, dict[str, Any]] = dict(zip(types, refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(operation, of_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Crossdock",
            "version": "1",
            "description": "Orders and their approvals, for the ERP and integrators.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A key of the API with the scope of the operation: {', '.join(Scope)}.",
                }
            },
        },
        "x-fields": _fields(),
    }


def _schema_of(kind: object) -> dict[str, Any]:
    if kind is When:
        return {"type": "string", "description": "A day, or a moment with its offset from UTC (RFC 3339)."}
    raise NotImplementedError(kind)


def _operation(of: Operation, schemas: dict[object, dict[str, Any]]) -> dict[str, Any]:
    whys = {**_WHY, **({"409": of.conflicts} if of.conflicts else {})}
    if not of.places:
        del whys["404"]
    if of.body is None:
        del whys["413"]
    problems = {
        status: {"description": why, "content": {MEDIA_TYPE: {"schema": schemas[Problem]}}}
        for status, why in sorted(whys.items())
    }
    parameters = [
        *(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": means,
                "schema": {"type": "string", "minLength": 1},
            }
            for name, means in of.places
        ),
        *map(_parameter, of.parameters),
        *([_LANGUAGE] if of.spoken else []),
    ]
    return {
        "operationId": of.id,
        "summary": of.summary,
        "description": f"Needs the scope `{of.scope}`.",
        "security": [{"key": []}],
        **({"parameters": parameters} if parameters else {}),
        **(
            {"requestBody": {"required": True, "content": {_JSON: {"schema": schemas[of.body]}}}}
            if of.body is not None
            else {}
        ),
        "responses": {
            "200": {"description": "Done.", "content": {_JSON: {"schema": schemas[of.answers]}}},
            **problems,
        },
    }


_LANGUAGE: Final = {
    "name": "Accept-Language",
    "in": "header",
    "description": f"The language of sentences, of {', '.join(LANGUAGES)}.",
    "schema": {"type": "string"},
}


def _parameter(of: Parameter) -> dict[str, Any]:
    return {"name": of.name, "in": "query", "description": of.means, "schema": of.schema}


def _fields() -> list[dict[str, Any]]:
    """What conditions of approval rules may ask about."""
    return [
        {
            "key": field.key,
            "type": str(field.type),
            "operators": [str(operator) for operator in field.operators],
            "example": field.example,
            "of_line": field.of_line,
            "labels": {language: translations(language).gettext(FIELD_NAMES[field.key]) for language in LANGUAGES},
        }
        for field in FIELDS.values()
    ]
