"""URLs of the approval rules. Auditors look on."""

from app.storage.people import Role
from app.web.admin.flow_editor import draft, flows, own_fields_page, transfer
from app.web.endpoint import KIB, Auth, Endpoint, Handler

_READS = (Role.ADMIN, Role.AUDITOR, Role.FLOW_AUTHOR)
_WRITES = (Role.ADMIN, Role.FLOW_AUTHOR)
_FLOW = "/admin/rules/flows/{flow_id}"
_FIELDS = "/admin/rules/{customer_id}/fields"
_VERSION = f"{_FLOW}/versions/{{number}}"


def _get(path: str, handler: Handler, roles: tuple[Role, ...] = _READS) -> Endpoint:
    return Endpoint(path=path, handler=handler, auth=Auth.PERSON, roles=roles)


def _post(path: str, handler: Handler, body_limit: int = 16 * KIB) -> Endpoint:
    return Endpoint(
        path=path, handler=handler, auth=Auth.PERSON, methods=("POST",), roles=_WRITES, body_limit=body_limit
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    _get("/admin/rules", flows.rules_list),
    _post("/admin/rules", flows.create),
    _get("/admin/rules/{customer_id}", flows.customer_rules),
    _get(_FIELDS, own_fields_page.fields_page),
    _post(_FIELDS, own_fields_page.declare),
    _post(f"{_FIELDS}/{{name}}/retire", own_fields_page.retire),
    _get(_FLOW, flows.flow_page),
    _post(_FLOW, flows.change),
    _get(_VERSION, flows.version_page),
    _get(f"{_VERSION}/export.json", transfer.export_version),
    _post(f"{_VERSION}/draft", flows.begin_draft),
    _post(f"{_VERSION}/retire", flows.retire),
    _get(f"{_FLOW}/draft", draft.draft_page, _WRITES),
    _post(f"{_FLOW}/draft", draft.post_draft, 1_024 * KIB),
    _get(f"{_FLOW}/draft/export.json", transfer.export_draft),
    _post(f"{_FLOW}/draft/discard", flows.discard_draft),
    _get(f"{_FLOW}/import", transfer.import_page, _WRITES),
    _post(f"{_FLOW}/import", transfer.try_import, 256 * KIB),
    _post(f"{_FLOW}/import/take", transfer.take_import, 256 * KIB),
)
