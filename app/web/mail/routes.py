"""URLs of the page of mails and alerts. Auditors look on."""

from app.storage.people import Role
from app.web.endpoint import KIB, Auth, Endpoint
from app.web.mail import handlers

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        path="/operations/mail",
        handler=handlers.mail,
        auth=Auth.PERSON,
        roles=(Role.OPERATOR, Role.ADMIN, Role.AUDITOR),
    ),
    Endpoint(
        path="/operations/mail/{mail_id}/again",
        handler=handlers.again,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.OPERATOR, Role.ADMIN),
        body_limit=4 * KIB,
    ),
)
