"""A list as a file: the same rows and columns, found by the same filter, written from a thread while they are read.

The library's own export works on the event loop, where every other page would wait for it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette_admin.types import RequestAction

from app.storage.database import Database
from app.web import spreadsheet
from app.web.people.sessions import gateway_of
from app.web.records.fields import as_text
from app.web.records.view import RecordView

MOST_ROWS: Final = 200_000
AT_ONCE: Final = 1_000
"""Rows fetched together."""


def route(views: Sequence[RecordView]) -> Route:
    by_key = {view.key: view for view in views}

    async def csv(request: Request) -> Response:
        view = by_key.get(request.path_params["key"])
        if view is None or not view.is_accessible(request):
            raise HTTPException(403 if view else 404)
        request.state.action = RequestAction.LIST
        chosen = view._parse_list_params(request)
        query = view.get_list_query(request).limit(MOST_ROWS)
        query = await view._apply_search_and_filters(request, query, chosen.q, chosen.filters)
        query = view.build_order_clauses(request, chosen.sorts, query)
        names = [field.name for field in view.get_fields_list(request, action=RequestAction.EXPORT)]
        lines = _lines(gateway_of(request).database, query, names)
        return StreamingResponse(lines, media_type=spreadsheet.CSV, headers=spreadsheet.named(f"{view.key}.csv"))

    return Route("/{key}/all.csv", csv, name="csv")


def _lines(database: Database, query: Select[Any], names: Sequence[str]) -> Iterator[bytes]:
    with database.read() as session:
        rows = session.execute(query.execution_options(yield_per=AT_ONCE)).scalars()
        yield from spreadsheet.as_csv(names, ([as_text(getattr(row, name)) or "" for name in names] for row in rows))
