"""Tables out as files, and in: every file, and every row that is typed, is shown as what it would change before anybody
makes it."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import Refusal
from app.flows.tables import csv_lines
from app.flows.tables import table as tables
from app.flows.tables.table import Cells, Change, Plan, Table
from app.formats import formats
from app.storage import audit
from app.storage.people import PersonRow
from app.web import spreadsheet
from app.web.admin.tables.kinds import Kind
from app.web.endpoint import KIB
from app.web.errors import STATUS_OF
from app.web.forms import Form, FormLimits, read_form
from app.web.language import translations
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in
from schemas.money import CURRENCIES

LARGEST: Final = 1024 * KIB
FORM: Final = FormLimits(fields=12, size=LARGEST, files=1)
SHOWN: Final = 200
"""Rows that a page shows; all are in the file."""
ROW: Final = "row."
"""Begins the names of a form's fields that are cells of one row."""


class TableFiles:
    """The pages and files of one table."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def page(self, request: Request) -> Response:
        """What there is, as a filter selects it."""
        person, query = signed_in(request).person, request.query_params
        with gateway_of(request).database.read() as session:
            table = self.kind.table(session, request)
            chosen = _chosen(table, query)
            found = list(_selected(table, table.kept(session), chosen))
            customers = {row.number: row.name for row in customers_of(session, person)}
        context = {
            "rows": found[:SHOWN],
            "found": len(found),
            "chosen": chosen,
            "query": urlencode({column: text for column, text in chosen.items() if text}),
            "changed": _count(query.get("changed")),
            "judged": _count(query.get("judged")),
        }
        return people_page(request, "admin/table.html", {**context, **self._shared(person, table, customers, {})})

    def export_csv(self, request: Request) -> Response:
        return spreadsheet.csv_answer(self.kind.name, *self._exported(request))

    def export_xlsx(self, request: Request) -> Response:
        return spreadsheet.xlsx_answer(self.kind.name, *self._exported(request))

    def _exported(self, request: Request) -> tuple[Cells, list[Cells]]:
        with gateway_of(request).database.read() as session:
            table = self.kind.table(session, request)
            found = _selected(table, table.kept(session), _chosen(table, request.query_params))
            return table.columns, [(*key, *values) for key, values in found]

    def import_page(self, request: Request) -> Response:
        """The query may fill in the form of one row."""
        _writer(self.kind, request)
        return self._look(request)

    async def read(self, request: Request) -> Response:
        """A file, the text of one, or one row is held against what is kept; nothing is changed."""
        person = _writer(self.kind, request)
        form = await read_form(request, FORM)
        row = _row(form)
        if not row:
            return await run_in_threadpool(self._look, request, form.file("file") or form.text("text").encode())
        language = language_of(request, person)
        return await run_in_threadpool(self._look_at_row, request, row, language)

    def _look_at_row(self, request: Request, row: dict[str, str], language: str) -> Response:
        with gateway_of(request).database.read() as session:
            table = self.kind.table(session, request)
            as_typed = formats(language).typed
            cells = {column: as_typed(cell) if column in table.numbers else cell for column, cell in row.items()}
            plan = tables.plan_of_row(session, table, cells)
        text = _as_text([column for column in table.columns if column in cells], cells)
        return self._shown(request, plan, text, row=row)

    def _look(self, request: Request, body: bytes | None = None, *, changed: bool = False) -> Response:
        with gateway_of(request).database.read() as session:
            table = self.kind.table(session, request)
            plan = None if body is None else tables.plan_of_file(session, table, body)
        if body is None:
            as_written = formats(language_of(request, signed_in(request).person)).written
            query = request.query_params.items()
            row = {column: as_written(cell) if column in table.numbers else cell for column, cell in query}
            return self._shown(request, None, "", row=row)
        return self._shown(request, plan, csv_lines.text_of(body), changed=changed)

    def _shown(
        self,
        request: Request,
        plan: Plan | None,
        text: str,
        *,
        row: Mapping[str, str] | None = None,
        changed: bool = False,
        refusal: str = "",
        status: int | None = None,
    ) -> Response:
        """`row`: cells of the form. `changed`: it is another plan than was agreed to."""
        person = signed_in(request).person
        with gateway_of(request).database.read() as session:
            table = self.kind.table(session, request)
            customers = {one.number: one.name for one in customers_of(session, person)}
        text_of = translations(language_of(request, person)).gettext
        context: dict[str, object] = {
            "said": lambda one: text_of(one.message) % one.values,
            "plan": plan,
            "text": text,
            "changed": changed,
            "refusal": refusal,
        }
        context |= self._shared(person, table, customers, row or {})
        status = status or (409 if changed else 400 if plan and plan.wrong else 200)
        return people_page(request, "admin/table_import.html", context, status=status)

    def _shared(
        self, person: PersonRow, table: Table, customers: Mapping[str, str], row: Mapping[str, str]
    ) -> dict[str, object]:
        return {
            "kind": self.kind,
            "table": table,
            "customers": customers,
            "currencies": sorted(CURRENCIES),
            "row": {column: row.get(column, "")[:200] for column in table.columns},
            "writes": self.kind.may_write(person),
        }

    async def apply(self, request: Request) -> Response:
        """Makes the changes that were shown. When others have come about meanwhile they are shown first."""
        person = _writer(self.kind, request)
        form = await read_form(request, FORM)
        gateway = gateway_of(request)
        body, agreed = form.text("text").encode(), form.text("agreed")

        def work(tx: Session) -> tuple[Change, ...] | None:
            table = self.kind.table(tx, request)
            plan = tables.plan_of_file(tx, table, body)
            if plan.wrong or plan.digest != agreed:
                return None
            tables.apply(tx, gateway, table, plan.changes, actor=audit.by(person.id), channel="page")
            return plan.changes

        try:
            made = await gateway.database.awrite(work)
        except Refusal as refusal:
            told, status = refusal.reason, STATUS_OF[refusal.no]
            return await run_in_threadpool(self._shown, request, None, body.decode(), refusal=told, status=status)
        if made is None:
            return await run_in_threadpool(self._look, request, body, changed=True)
        judged = await run_in_threadpool(self.kind.after, gateway, person, made)
        counted = urlencode({"changed": len(made), "judged": judged})
        return RedirectResponse(f"{self.kind.page}?{counted}", status_code=303)


def _writer(kind: Kind, request: Request) -> PersonRow:
    """Raises HTTPException 403 for who may only look."""
    person = signed_in(request).person
    if not kind.may_write(person):
        raise HTTPException(403)
    return person


def _row(form: Form) -> dict[str, str]:
    return {name.removeprefix(ROW): form.text(name) for name in form.names() if name.startswith(ROW)}


def _chosen(table: Table, query: Mapping[str, str]) -> dict[str, str]:
    return {column: query.get(column, "").strip()[:100] for column in table.columns[: table.keys]}


def _selected(table: Table, kept: Mapping[Cells, Cells], chosen: Mapping[str, str]) -> Iterable[tuple[Cells, Cells]]:
    """Customers are chosen from a list, of everything else a part is enough."""
    wanted = [(place, column, chosen[column].casefold()) for place, column in enumerate(table.columns[: table.keys])]
    for key, values in kept.items():
        if all(
            not text or (text == key[place].casefold() if column == "customer" else text in key[place].casefold())
            for place, column, text in wanted
        ):
            yield key, values


def _as_text(columns: Sequence[str], cells: Mapping[str, str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([columns, [cells[column] for column in columns]])
    return file.getvalue()


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else None
