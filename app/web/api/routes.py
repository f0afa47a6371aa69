"""URLs for machines. Each names the scope that a key needs; the document of all of them needs none."""

from app.web.api.document import openapi
from app.web.api.operations import OPERATIONS
from app.web.endpoint import Auth, Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/api/openapi.json", handler=openapi, auth=Auth.OPEN),
    *(operation.endpoint for operation in OPERATIONS),
)
