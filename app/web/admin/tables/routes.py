"""URLs of the tables. Auditors look on; who may write is said by each table."""

from functools import partial
from typing import Final

from app.storage.people import Role
from app.web.admin.tables.files import LARGEST, TableFiles
from app.web.admin.tables.kinds import BUDGETS, LIMITS, RATES, STAFF, Kind
from app.web.endpoint import Auth, Endpoint

_AUTHORS: Final = (Role.ADMIN, Role.FLOW_AUTHOR)


def _seen(kind: Kind) -> tuple[Endpoint, ...]:
    files, see = TableFiles(kind), partial(Endpoint, auth=Auth.PERSON, roles=(*_AUTHORS, Role.AUDITOR))
    return (
        see(path=kind.page, handler=files.page),
        see(path=f"{kind.page}/export.csv", handler=files.export_csv),
        see(path=f"{kind.page}/export.xlsx", handler=files.export_xlsx),
    )


def _read_in(kind: Kind, roles: tuple[Role, ...]) -> tuple[Endpoint, ...]:
    files, change = TableFiles(kind), partial(Endpoint, auth=Auth.PERSON, methods=("POST",), roles=roles)
    return (
        Endpoint(path=kind.files, handler=files.import_page, auth=Auth.PERSON, roles=roles),
        change(path=kind.files, handler=files.read, body_limit=2 * LARGEST),
        change(path=f"{kind.files}/apply", handler=files.apply, body_limit=4 * LARGEST),
    )


def _out(kind: Kind, path: str) -> Endpoint:
    roles = (Role.ADMIN, Role.AUDITOR)
    return Endpoint(path=path, handler=TableFiles(kind).export_csv, auth=Auth.PERSON, roles=roles)


FIGURES: Final = (*_seen(RATES), *_read_in(RATES, _AUTHORS), *_seen(BUDGETS), *_read_in(BUDGETS, _AUTHORS))
OF_PEOPLE: Final = (
    _out(LIMITS, "/admin/people/limits.csv"),
    *_read_in(LIMITS, (Role.ADMIN,)),
    _out(STAFF, "/admin/people/people.csv"),
    *_read_in(STAFF, (Role.ADMIN,)),
)
