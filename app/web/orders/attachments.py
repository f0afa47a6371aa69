"""The files that came with an order: shown by the sender's names, given out as nothing but bytes."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.seal import Unsealable
from app.storage.exchanges import ExchangeRow
from app.storage.ledger import BodyErased, body_of
from app.web import spreadsheet
from app.web.orders.handlers import view_of
from app.web.people.sessions import gateway_of
from protocols.cxml.attachments import safe_name, unpack
from schemas.faults import Findings

BYTES: Final = "application/octet-stream"
"""Whatever the sender says it is: a browser keeps it and shows nothing of it."""


def attachment(request: Request) -> Response:
    view, gateway = view_of(request), gateway_of(request)
    number = request.path_params["number"]
    files = dict(enumerate(view.files, 1))
    file = files.get(int(number)) if number.isdecimal() and len(number) < 5 else None
    if file is None or file.sha256 is None:
        raise HTTPException(404)
    exchange_id = view.revision.exchange_id
    with gateway.database.read() as session:
        exchange = session.get(ExchangeRow, exchange_id)
        try:
            body = body_of(session, gateway.keys, exchange_id)
        except (BodyErased, Unsealable):
            raise HTTPException(410) from None
    parts = unpack(body, exchange.media_type if exchange is not None else None, Findings()).parts
    part = next((part for part in parts if part.sha256 == file.sha256), None)
    if part is None:
        raise HTTPException(404)
    name = safe_name(file.name, f"attachment-{number}.bin")
    return Response(part.data, media_type=BYTES, headers=spreadsheet.named(name))
