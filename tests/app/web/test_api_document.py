"""The document of the API, and that what is answered is what it says: schemathesis asks whatever it can think of."""

from decimal import Decimal
from typing import Any

import pytest
import schemathesis
from approval_orders import line, money, order
from hypothesis import HealthCheck, Phase, given, settings
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from schemathesis import openapi
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from app.approval.fields import FIELDS
from app.flows import api_keys
from app.gateway import Gateway
from app.storage.api_keys import Scope
from app.storage.base import LIVE
from app.web.api.document import document
from app.web.api.operations import OPERATIONS
from app.web.endpoint import Auth
from app.web.routes import ENDPOINTS, assemble
from app.web.tries import Limits, Tries
from schemas.order import OrderTotals

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
MANY = "1000000/minute"


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("paula", "approver")
    made.rules(SMALL_ORDERS_PASS)
    for number, quantity in (("PO-1", "1"), ("PO-2", "20")):
        total = money(str(Decimal(quantity) * Decimal("9.95")))
        made.send(order(line(quantity=quantity), totals=OrderTotals(total=total), id=number))
    return made


@pytest.fixture
def described(desk: Desk) -> tuple[Any, dict[str, str]]:
    """The API, and a key that may do everything; what there is stands in the addresses now and then."""
    app = assemble(desk.gateway, allowed_hosts=("testserver", "localhost"))
    app.state.limits = Limits(calls=Tries(MANY), unknown=Tries(MANY))
    wanted = api_keys.Wanted(name="ERP", scopes=list(Scope))
    _, key = desk.write(
        lambda tx: api_keys.issue(tx, desk.gateway, wanted, realm=LIVE, actor="system", channel="command")
    )
    there = {"number": "PO-2", "task": desk.task("paula", "PO-2").id, "key": "rules"}
    told = document()
    for operations in told["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["schema"] = {**parameter["schema"], "examples": [there[parameter["name"]]]}
    schema = openapi.from_dict(told)
    schema.app = app
    return schema, {"Authorization": f"Bearer {key}"}


CHECKS = (
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
)
EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@only_sqlite
@pytest.mark.parametrize("operation_id", [operation.id for operation in OPERATIONS])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_as_the_document_says(
    described: tuple[Any, dict[str, str]], operation_id: str, mode: GenerationMode
) -> None:
    schema, headers = described
    operation = schema.find_operation_by_id(operation_id)

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=mode))
    def answered(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers)

    answered()


def test_the_document_tells_of_every_url_for_keys() -> None:
    routed = {(endpoint.path, *endpoint.methods) for endpoint in ENDPOINTS if endpoint.auth is Auth.KEY}
    assert routed == {(operation.path, operation.method) for operation in OPERATIONS}


def test_the_document_tells_what_conditions_may_ask_about_in_each_language() -> None:
    fields = {field["key"]: field for field in document()["x-fields"]}
    assert fields.keys() == FIELDS.keys()
    total = fields["order.total_net"]
    assert (total["type"], total["labels"]["es"]) == ("money", "total del pedido sin impuestos")
    assert "between" in total["operators"]
