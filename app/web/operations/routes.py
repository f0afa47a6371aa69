"""URLs of the operators' page. Auditors look on."""

from app.storage.people import Role
from app.web.endpoint import Auth, Endpoint
from app.web.operations import handlers

_SEES = (Role.OPERATOR, Role.ADMIN, Role.AUDITOR)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/operations", handler=handlers.operations, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/operations/export.csv", handler=handlers.export_csv, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/operations/export.xlsx", handler=handlers.export_xlsx, auth=Auth.PERSON, roles=_SEES),
)
