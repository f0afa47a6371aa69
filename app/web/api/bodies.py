"""Bodies of the API: JSON objects, read strictly, with all that is wrong at once; and answers."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.web.problem import problem
from schemas.faults import Fault, shortened

S = TypeVar("S", bound=msgspec.Struct)


def read(body: bytes, kind: type[S], faults: list[Fault]) -> S | None:
    """None when there are faults, each at the field that it is about."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        faults.append(Fault(code="body.not_json", at="body", message="must be JSON in UTF-8"))
        return None
    if not isinstance(data, dict):
        faults.append(Fault(code="body.not_an_object", at="body", message="must be an object"))
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found: dict[str, Any] = {}
    for name in data.keys() - fields.keys():
        message = f"there is no such field, only {', '.join(fields)}"
        faults.append(Fault(code="body.unknown", at=str(shortened(name)), message=message))
    for name, field in fields.items():
        if name not in data:
            if field.required:
                faults.append(Fault(code="body.missing", at=name, message="must be there"))
            continue
        try:
            found[field.name] = msgspec.convert(data[name], field.type)
        except msgspec.ValidationError as error:
            message = str(error).partition(" - at ")[0]
            faults.append(Fault(code="body.unreadable", at=name, message=message))
    return None if faults else kind(**found)


def refused(request: Request, faults: Sequence[Fault], *, what: str = "Parameters of the query are wrong.") -> Response:
    return problem(request, 400, what, errors=list(faults))


def answer(body: msgspec.Struct, *, language: str | None = None) -> Response:
    headers = {"Content-Language": language, "Vary": "Accept-Language"} if language else {}
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)
