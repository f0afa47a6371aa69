"""URLs for machines. Each names the scope that a key needs."""

from app.storage.api_keys import Scope
from app.web.api import orders
from app.web.endpoint import Auth, Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/api/v1/orders", handler=orders.order_list, auth=Auth.KEY, scope=Scope.ORDERS_READ),
    Endpoint(path="/api/v1/orders/{number:path}", handler=orders.order, auth=Auth.KEY, scope=Scope.ORDERS_READ),
)
