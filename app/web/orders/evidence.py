"""An order's evidence as a file: for those who see the ledger without its secrets, raw for auditors alone."""

import tempfile
from collections.abc import Iterator
from typing import IO, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.flows.export_evidence import export_evidence
from app.storage import audit
from app.web.orders.handlers import view_of
from app.web.people.sessions import gateway_of, signed_in
from protocols.cxml.attachments import safe_name

CHUNK: Final = 256 * 1024
IN_MEMORY: Final = 8 * 1024 * 1024
"""A file that grows larger is made on the disk."""


def redacted(request: Request) -> Response:
    return _file(request, raw=False)


def raw(request: Request) -> Response:
    return _file(request, raw=True)


def _file(request: Request, *, raw: bool) -> Response:
    order = view_of(request).row
    person = signed_in(request).person
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it is closed when the answer has gone out
    export_evidence(gateway_of(request), order.id, file, raw=raw, actor=audit.by(person.id), channel="page")
    name = f"evidence-{safe_name(order.number, order.id)}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(file), media_type="application/zip", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK):
            yield piece
