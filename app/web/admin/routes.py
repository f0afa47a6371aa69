"""URLs of the administration. Auditors look on."""

from functools import partial

from app.storage.people import Role
from app.web.admin import handlers, keys, people, record
from app.web.admin.flow_editor import routes as flow_editor
from app.web.admin.tables import routes as tables
from app.web.endpoint import Auth, Endpoint

_SEES = (Role.ADMIN, Role.AUDITOR)

_see = partial(Endpoint, auth=Auth.PERSON, roles=_SEES)
_change = partial(Endpoint, auth=Auth.PERSON, methods=("POST",), roles=(Role.ADMIN,))

ENDPOINTS: tuple[Endpoint, ...] = (
    _see(path="/admin", handler=handlers.overview),
    _see(path="/admin/record", handler=record.page),
    _see(path="/admin/record/export.csv", handler=record.export_csv),
    _see(path="/admin/record/export.xlsx", handler=record.export_xlsx),
    _see(path="/admin/keys", handler=keys.keys_page),
    _change(path="/admin/keys", handler=keys.create),
    _change(path="/admin/keys/{key_id}/revoke", handler=keys.revoke),
    _see(path="/admin/people", handler=people.people_list),
    _change(path="/admin/people", handler=people.create),
    Endpoint(path="/admin/people/new", handler=people.new_person, auth=Auth.PERSON, roles=(Role.ADMIN,)),
    *tables.OF_PEOPLE,
    _see(path="/admin/people/{person_id}", handler=people.shown),
    _change(path="/admin/people/{person_id}/password", handler=people.new_password),
    _change(path="/admin/people/{person_id}/second-factor/reset", handler=handlers.reset_second_factor),
    _change(path="/admin/people/{person_id}/{act}", handler=people.act),
    *tables.FIGURES,
    *flow_editor.ENDPOINTS,
)
