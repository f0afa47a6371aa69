"""What every list of records has in common: who sees it, which rows, that nothing is written, and how far it counts."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, get_args

import anyio.to_thread
from sqlalchemy import Select, func, select
from sqlalchemy.exc import StatementError
from sqlmodel import Session, SQLModel, col
from starlette.requests import Request
from starlette_admin.actions import ActionSelection, link_row_action
from starlette_admin.contrib.sqlmodel import ModelView
from starlette_admin.exceptions import ActionFailed
from starlette_admin.filters import FilterGroup
from starlette_admin.i18n import lazy_gettext

from app.errors import Refusal
from app.storage import audit
from app.storage.base import table_of
from app.storage.people import PersonRow, Role
from app.web.language import msgid
from app.web.people.absences import By
from app.web.people.sessions import gateway_of, signed_in

MOST: Final = 10_000
"""Rows of a list that can be turned to; who looks for older ones filters."""


class RecordView(ModelView):
    """
    model      the rows.
    roles      whose people see the list.
    of_one     the column that says whose customer's the row is; None: of nobody's, so that people who work for some
               customers only do not see the list.
    page       where our own page of a row is, `{}` for its key; None: there is none.
    """

    roles: ClassVar[tuple[Role, ...]] = (Role.ADMIN, Role.AUDITOR)
    of_one: ClassVar[str | None] = None
    page: ClassVar[str | None] = None
    actions: Sequence[str] = ()
    row_actions = ("view", "open")
    page_size = 25
    page_size_options = (25, 50, 100)
    row_click_navigate = False

    def __init__(self) -> None:
        if self.sortable_fields is None:
            self.sortable_fields = [field.name for field in self.fields if field.orderable]
        if self.searchable_fields is None:
            self.searchable_fields = [field.name for field in self.fields if field.searchable]
        super().__init__(self.model)
        # The library does not know our column types, and takes each key for an object.
        self._pk_coerce = int if int in _types_of(self.model, self.pk_attr or "") else str

    def is_accessible(self, request: Request) -> bool:
        person = signed_in(request).person
        return person.has(*self.roles) and (person.customers is None or self.of_one is not None)

    def can_create(self, request: Request) -> bool:
        return False

    def can_edit(self, request: Request) -> bool:
        return False

    def can_delete(self, request: Request) -> bool:
        return False

    def can_import(self, request: Request) -> bool:
        return False

    def can_export(self, request: Request) -> bool:
        """Its own would hold up the event loop: `export.py` streams the same rows from a thread."""
        return False

    async def is_action_allowed(self, request: Request, name: str) -> bool:
        return name in type(self).actions and signed_in(request).may(Role.ADMIN)

    async def is_row_action_allowed(self, request: Request, name: str) -> bool:
        return name == "view" or (name == "open" and self.page is not None)

    @link_row_action("open", lazy_gettext(msgid("Open its page")), icon_class="fa fa-arrow-right")
    def open(self, request: Request, pk: Any) -> str:
        return (self.page or "").format(pk)

    def get_list_query(self, request: Request) -> Select[Any]:
        return self.visible(signed_in(request).person)

    def visible(self, person: PersonRow) -> Select[Any]:
        """The rows that this person may see."""
        query = select(self.model).where(self.realm == person.realm)
        if person.customers is None:
            return query
        return query.where(getattr(self.model, self.of_one or "").in_(person.customers))

    @property
    def realm(self) -> Any:
        """The column that tells a row's realm."""
        return col(self.model.realm)

    async def count(self, request: Request, q: str | None = None, filters: FilterGroup | None = None) -> int:
        session: Session = request.state.session
        query = await self._apply_search_and_filters(request, self.get_list_query(request), q, filters)
        some = query.with_only_columns(*table_of(self.model).primary_key).order_by(None).limit(MOST)
        counted = select(func.count()).select_from(some.subquery())
        return int((await anyio.to_thread.run_sync(session.execute, counted)).scalar_one())

    async def find_all(
        self,
        request: Request,
        skip: int = 0,
        limit: int = 100,
        q: str | None = None,
        sorts: Sequence[tuple[str, str]] | None = None,
        filters: FilterGroup | None = None,
    ) -> Sequence[Any]:
        if skip >= MOST:
            return []
        return await super().find_all(request, skip, limit, q, sorts, filters)

    async def find_by_pk(self, request: Request, pk: Any) -> Any:
        """None also for what cannot be a key."""
        try:
            return await super().find_by_pk(request, pk)
        except (ValueError, OverflowError, StatementError):
            return None

    async def change(
        self, request: Request, selection: ActionSelection, change: Callable[[Session, Any, By], object]
    ) -> None:
        """All rows of a bulk act in one transaction, each with its entry in the record, or none."""
        gateway, person = gateway_of(request), signed_in(request).person
        keys = [row.id for row in await selection.rows()]
        by = By(actor=audit.by(person.id), channel="page")

        def work(tx: Session) -> None:
            for key in keys:
                change(tx, tx.get_one(self.model, key), by)

        try:
            await gateway.database.awrite(work)
        except Refusal as refusal:
            raise ActionFailed(refusal.reason) from None


def _types_of(model: type[SQLModel], column: str) -> tuple[Any, ...]:
    annotation = model.model_fields[column].annotation
    return get_args(annotation) or (annotation,)
