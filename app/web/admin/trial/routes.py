"""URLs of trials: authors of rules try, auditors look on."""

from functools import partial
from typing import Final

from app.storage.people import Role
from app.web.admin.trial import examples, simulation
from app.web.endpoint import Auth, Endpoint

_WRITES: Final = (Role.ADMIN, Role.FLOW_AUTHOR)
_FLOW: Final = "/admin/rules/flows/{flow_id}"
_see = partial(Endpoint, auth=Auth.PERSON, roles=(*_WRITES, Role.AUDITOR))
_change = partial(Endpoint, auth=Auth.PERSON, methods=("POST",), roles=_WRITES)

ENDPOINTS: tuple[Endpoint, ...] = (
    _see(path=f"{_FLOW}/simulate", handler=simulation.ask),
    _change(path=f"{_FLOW}/simulate", handler=simulation.begin),
    _see(path=f"{_FLOW}/simulate/{{simulation_id}}", handler=simulation.shown),
    _see(path=f"{_FLOW}/simulate/{{simulation_id}}/export.{{kind}}", handler=simulation.export),
    _see(path=f"{_FLOW}/examples", handler=examples.examples),
    _change(path=f"{_FLOW}/examples", handler=examples.add),
    _change(path=f"{_FLOW}/examples/{{example_id}}/remove", handler=examples.remove),
)
