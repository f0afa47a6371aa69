"""URLs of the work page. Auditors look on."""

from app.storage.people import Role
from app.web.endpoint import Auth, Endpoint
from app.web.work import handlers

_SEES = (Role.OPERATOR, Role.ADMIN, Role.AUDITOR)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/operations/work", handler=handlers.work, auth=Auth.PERSON, roles=_SEES),
    Endpoint(
        path="/operations/work/{act}",
        handler=handlers.change,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.OPERATOR, Role.ADMIN),
    ),
)
