"""URLs of the ledger."""

from app.storage.people import Role
from app.web.endpoint import Auth, Endpoint
from app.web.exchanges import handlers

_SEES = (Role.OPERATOR, Role.ADMIN, Role.AUDITOR)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/exchanges", handler=handlers.exchange_list, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/exchanges/{exchange_id}", handler=handlers.message, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/exchanges/{exchange_id}/message.txt", handler=handlers.download, auth=Auth.PERSON, roles=_SEES),
    Endpoint(
        path="/exchanges/{exchange_id}/message.bin",
        handler=handlers.download_raw,
        auth=Auth.PERSON,
        roles=(Role.AUDITOR,),
    ),
)
