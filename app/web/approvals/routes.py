"""URLs of approvers."""

from app.storage.people import Role
from app.web.approvals import handlers
from app.web.endpoint import KIB, Auth, Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/approvals", handler=handlers.inbox, auth=Auth.PERSON, roles=(Role.APPROVER,)),
    Endpoint(path="/approvals/{task_id}", handler=handlers.task_page, auth=Auth.PERSON, roles=(Role.APPROVER,)),
    Endpoint(
        path="/approvals/{task_id}",
        handler=handlers.decide,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.APPROVER,),
        body_limit=16 * KIB,
    ),
)
