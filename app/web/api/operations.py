"""Every operation of the API, in one table: it routes, says what is read, and writes the document of the API."""

import re
from dataclasses import dataclass
from typing import Any, Final

from app.approval.simulation import Report
from app.storage.api_keys import Scope
from app.web.api import approvals, explanation, orders, simulation
from app.web.api.parameters import Parameter
from app.web.endpoint import KIB, Auth, Endpoint, Handler

_CONVERTED: Final = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    path       as Starlette routes it; `places` tells what stands in its braces.
    answers    the type of the body of a 200; `body` that of what is sent.
    conflicts  what a 409 means here; None: there is none.
    spoken     the answer has sentences in a language of Accept-Language.
    """

    id: str
    method: str
    path: str
    handler: Handler
    scope: Scope
    summary: str
    answers: type[Any]
    parameters: tuple[Parameter, ...] = ()
    body: type[Any] | None = None
    body_limit: int = 64 * KIB
    conflicts: str | None = None
    spoken: bool = False
    places: tuple[tuple[str, str], ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            path=self.path,
            handler=self.handler,
            auth=Auth.KEY,
            methods=(self.method,),
            scope=self.scope,
            body_limit=self.body_limit,
        )

    @property
    def template(self) -> str:
        """The path as the document has it, without converters."""
        return _CONVERTED.sub(r"{\1}", self.path)


_NUMBER: Final = ("number", "The buyer's order number.")
_SEVERAL: Final = "Several customers have an order of this number."

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        id="listOrders",
        method="GET",
        path="/api/v1/orders",
        handler=orders.order_list,
        scope=Scope.ORDERS_READ,
        summary="Orders of the key's customers, newest first",
        parameters=orders.LIST_PARAMETERS,
        answers=orders.OrderPage,
    ),
    Operation(
        id="explainOrder",
        method="GET",
        path="/api/v1/orders/{number:path}/explanation",
        handler=explanation.explanation,
        scope=Scope.ORDERS_READ,
        summary="Why people were asked about an order, or nobody was",
        parameters=orders.ORDER_PARAMETERS,
        answers=explanation.Explanation,
        conflicts=_SEVERAL,
        spoken=True,
        places=(_NUMBER,),
    ),
    Operation(
        id="getOrder",
        method="GET",
        path="/api/v1/orders/{number:path}",
        handler=orders.order,
        scope=Scope.ORDERS_READ,
        summary="One order with its canonical document",
        parameters=orders.ORDER_PARAMETERS,
        answers=orders.WholeOrder,
        conflicts=_SEVERAL,
        places=(_NUMBER,),
    ),
    Operation(
        id="listApprovals",
        method="GET",
        path="/api/v1/approvals",
        handler=approvals.approval_list,
        scope=Scope.APPROVALS_READ,
        summary="Who is, or was, asked to approve orders of the key's customers, newest first",
        parameters=approvals.PARAMETERS,
        answers=approvals.ApprovalPage,
    ),
    Operation(
        id="decideApproval",
        method="POST",
        path="/api/v1/approvals/{task}/decision",
        handler=approvals.decide,
        scope=Scope.APPROVALS_DECIDE,
        summary="The decision of a person, in whose name the key speaks; the same rules hold as on the page. Above the "
        "amount that the link of a mail decides, `second_factor` must be a code of that person, or the key must have "
        f"the scope {Scope.APPROVALS_DECIDE_LARGE}",
        body=approvals.Verdict,
        answers=approvals.Approval,
        conflicts="Somebody else was faster, decided otherwise, or the order has changed.",
        places=(("task", "The `id` of an approval."),),
    ),
    Operation(
        id="simulateFlow",
        method="POST",
        path="/api/v1/flows/{key}/simulate",
        handler=simulation.simulate_flow,
        scope=Scope.FLOWS_SIMULATE,
        summary="What other rules would have made of the orders that came; nobody is asked, nothing is kept",
        body=simulation.Trial,
        body_limit=simulation.BODY_LIMIT,
        answers=Report,
        places=(("key", "The key of approval rules."),),
    ),
)
