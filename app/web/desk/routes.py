"""URLs of the desk. Auditors look on."""

from app.storage.people import Role
from app.web.desk import acts, figures, handlers, inbox, refused, together
from app.web.endpoint import KIB, Auth, Endpoint

_SEES = (Role.OPERATOR, Role.ADMIN, Role.AUDITOR)
_SETTLES = (Role.OPERATOR, Role.ADMIN)

ENDPOINTS: tuple[Endpoint, ...] = (
    *(
        Endpoint(path=path, handler=handler, auth=Auth.PERSON, roles=_SEES)
        for path, handler in (
            ("/desk", inbox.inbox_page),
            ("/desk/export.csv", inbox.export_csv),
            ("/desk/export.xlsx", inbox.export_xlsx),
            ("/desk/figures", figures.figures_page),
            ("/desk/figures/export.csv", figures.export_csv),
            ("/desk/figures/export.xlsx", figures.export_xlsx),
            ("/desk/refused/export.csv", refused.export_csv),
            ("/desk/refused/export.xlsx", refused.export_xlsx),
            ("/desk/strangers/{document_id}", refused.stranger_page),
            ("/desk/alike/{case_id}", together.alike_page),
            ("/desk/runs/{run_id}", together.run_page),
        )
    ),
    *(
        Endpoint(path=path, handler=handler, auth=Auth.PERSON, methods=("POST",), roles=_SETTLES, body_limit=64 * KIB)
        for path, handler in (
            ("/desk/together", together.together),
            ("/desk/cases/{case_id}/{act}", acts.act),
        )
    ),
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
