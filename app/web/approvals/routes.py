"""URLs of approvers."""

from app.storage.people import Role
from app.web.approvals import figures, handlers, list_page, moves, together
from app.web.endpoint import KIB, Auth, Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/approvals", handler=list_page.inbox_page, auth=Auth.PERSON, roles=(Role.APPROVER,)),
    Endpoint(path="/approvals/export.csv", handler=list_page.export_csv, auth=Auth.PERSON, roles=(Role.APPROVER,)),
    Endpoint(path="/approvals/export.xlsx", handler=list_page.export_xlsx, auth=Auth.PERSON, roles=(Role.APPROVER,)),
    *(
        Endpoint(path=path, handler=handler, auth=Auth.PERSON, roles=(Role.APPROVER, Role.ADMIN, Role.AUDITOR))
        for path, handler in (
            ("/approvals/figures", figures.figures_page),
            ("/approvals/figures/export.csv", figures.export_csv),
            ("/approvals/figures/export.xlsx", figures.export_xlsx),
        )
    ),
    Endpoint(
        path="/approvals/together",
        handler=together.together,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.APPROVER,),
        body_limit=16 * KIB,
    ),
    Endpoint(path="/approvals/{task_id}", handler=handlers.task_page, auth=Auth.PERSON),
    *(
        Endpoint(
            path=f"/approvals/{{task_id}}/{act}",
            handler=handler,
            auth=Auth.PERSON,
            methods=("POST",),
            roles=(Role.APPROVER,),
            body_limit=16 * KIB,
        )
        for act, handler in (("hand-on", moves.hand_on), ("ask", moves.ask))
    ),
    Endpoint(
        path="/approvals/{task_id}/edit",
        handler=moves.edit,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.APPROVER,),
        body_limit=512 * KIB,
    ),
    Endpoint(
        path="/approvals/{task_id}",
        handler=handlers.decide,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.APPROVER,),
        body_limit=16 * KIB,
    ),
)
