"""URLs of the desk. Auditors look on."""

from app.storage.people import Role
from app.web.desk import handlers
from app.web.endpoint import KIB, Auth, Endpoint

_SEES = (Role.OPERATOR, Role.ADMIN, Role.AUDITOR)
_SETTLES = (Role.OPERATOR, Role.ADMIN)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/desk", handler=handlers.inbox, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/desk/{order_id}", handler=handlers.case_page, auth=Auth.PERSON, roles=_SEES),
    Endpoint(
        path="/desk/{order_id}",
        handler=handlers.settle,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=_SETTLES,
        body_limit=512 * KIB,
    ),
    Endpoint(
        path="/desk/{order_id}/reject",
        handler=handlers.reject,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=_SETTLES,
        body_limit=16 * KIB,
    ),
)
