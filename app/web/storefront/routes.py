"""The shop's URLs."""

from app.catalog.cart import MOST_LINES
from app.web.endpoint import KIB, Auth, Endpoint
from app.web.storefront import browse, cart_page
from app.web.storefront.guard import LEAVE, RETURN
from app.web.storefront.start import start

CART_BODY = 4 * KIB + MOST_LINES * 200

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(path="/start/{code}", handler=start, auth=Auth.OPEN),
    Endpoint(path="/p/{token}/", handler=browse.entrance, auth=Auth.SHOPPER),
    Endpoint(path="/p/{token}/selected", handler=browse.selected, auth=Auth.SHOPPER),
    Endpoint(path="/p/{token}/item/{sku:path}", handler=browse.item, auth=Auth.SHOPPER),
    Endpoint(path="/p/{token}/add", handler=browse.add, auth=Auth.SHOPPER, methods=("POST",), body_limit=8 * KIB),
    Endpoint(path="/p/{token}/cart", handler=cart_page.show, auth=Auth.SHOPPER),
    Endpoint(
        path="/p/{token}/cart", handler=cart_page.change, auth=Auth.SHOPPER, methods=("POST",), body_limit=CART_BODY
    ),
    Endpoint(path=RETURN, handler=cart_page.return_, auth=Auth.SHOPPER, methods=("POST",), body_limit=CART_BODY),
    Endpoint(path=LEAVE, handler=cart_page.leave, auth=Auth.SHOPPER, methods=("POST",), body_limit=4 * KIB),
)
