"""URLs of orders."""

from app.storage.people import Role
from app.web.endpoint import KIB, Auth, Endpoint
from app.web.orders import acts, attachments, evidence, handlers

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/orders", handler=handlers.order_list, auth=Auth.PERSON),
    Endpoint(path="/orders/export.csv", handler=handlers.export_csv, auth=Auth.PERSON),
    Endpoint(path="/orders/export.xlsx", handler=handlers.export_xlsx, auth=Auth.PERSON),
    Endpoint(path="/orders/{order_id}", handler=handlers.order_page, auth=Auth.PERSON),
    Endpoint(
        path="/orders/{order_id}/evidence.zip",
        handler=evidence.redacted,
        auth=Auth.PERSON,
        roles=(Role.OPERATOR, Role.ADMIN, Role.AUDITOR),
    ),
    Endpoint(path="/orders/{order_id}/evidence-raw.zip", handler=evidence.raw, auth=Auth.PERSON, roles=(Role.AUDITOR,)),
    Endpoint(
        path="/orders/{order_id}/attachments/{number}",
        handler=attachments.attachment,
        auth=Auth.PERSON,
    ),
    *(
        Endpoint(
            path=f"/orders/{{order_id}}/{act}",
            handler=handler,
            auth=Auth.PERSON,
            methods=("POST",),
            body_limit=16 * KIB,
        )
        for act, handler in (("answer", acts.answer), ("comment", acts.comment), ("withdraw", acts.withdraw))
    ),
    Endpoint(
        path="/orders/{order_id}/override",
        handler=handlers.override,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.ADMIN,),
        body_limit=16 * KIB,
    ),
)
