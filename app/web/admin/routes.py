"""URLs of the administration. Auditors look on."""

from app.storage.people import Role
from app.web.admin import handlers, keys
from app.web.endpoint import KIB, Auth, Endpoint

_SEES = (Role.ADMIN, Role.AUDITOR)
_SEES_RULES = (*_SEES, Role.FLOW_AUTHOR)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/admin", handler=handlers.overview, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/admin/record", handler=handlers.record, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/admin/keys", handler=keys.keys_page, auth=Auth.PERSON, roles=_SEES),
    Endpoint(path="/admin/keys", handler=keys.create, auth=Auth.PERSON, methods=("POST",), roles=(Role.ADMIN,)),
    Endpoint(
        path="/admin/keys/{key_id}/revoke",
        handler=keys.revoke,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.ADMIN,),
    ),
    Endpoint(
        path="/admin/people/{person_id}/second-factor/reset",
        handler=handlers.reset_second_factor,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.ADMIN,),
    ),
    Endpoint(path="/admin/rules", handler=handlers.rules_list, auth=Auth.PERSON, roles=_SEES_RULES),
    Endpoint(path="/admin/rules/{customer_id}", handler=handlers.rules_page, auth=Auth.PERSON, roles=_SEES_RULES),
    Endpoint(
        path="/admin/rules/{customer_id}",
        handler=handlers.publish,
        auth=Auth.PERSON,
        methods=("POST",),
        roles=(Role.ADMIN, Role.FLOW_AUTHOR),
        body_limit=256 * KIB,
    ),
)
