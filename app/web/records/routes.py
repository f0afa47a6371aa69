"""URLs of the lists of records. Which of them a role sees is said by each list (`views.py`)."""

from app.storage.people import Role
from app.web.endpoint import Auth, Endpoint
from app.web.records import site

_SEES = (Role.ADMIN, Role.FLOW_AUTHOR, Role.OPERATOR, Role.AUDITOR)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/admin/records", handler=site.begin, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/admin/records/{path:path}", handler=site.records, auth=Auth.PERSON, roles=_SEES),
    # Bulk acts. No other way of the library's to write is there at all.
    Endpoint(
        path="/admin/records/_api/{key}/action",
        handler=site.records,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.ADMIN,),
    ),
)
