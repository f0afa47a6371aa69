"""The same document many times: one order, one answer."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from console import demo
from demo_orders import order_bytes

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import Reply, VirtualBuyer
from app.sandbox.erp import ErpView

AT_ONCE = 50


def post_at_once(access: DemoAccess, body: bytes) -> list[Reply]:
    buyers = [VirtualBuyer(access.cxml) for _ in range(AT_ONCE)]
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda buyer: buyer.post(body), buyers))
    finally:
        for buyer in buyers:
            buyer.close()


def test_fifty_at_once_and_fifty_after_a_restart_are_one_order_and_one_answer(copied: Callable[[], Path]) -> None:
    data, number = copied(), f"FIFTY-{secrets.token_hex(3)}"
    with demo(data) as first:
        access = first.access
        buyer = VirtualBuyer(access.cxml)
        body = order_bytes(buyer, number)
        buyer.close()
        replies = post_at_once(access, body)
        assert {(reply.http, reply.code) for reply in replies} == {(200, 200)}
        assert len({reply.body for reply in replies}) == 1
        assert ErpView(access.erp_url).wait_for(number) is not None
        assert first.stop() == 0
    with demo(data) as second:
        again = post_at_once(second.access, body)
        assert {reply.body for reply in again} == {replies[0].body}
        erp = ErpView(second.access.erp_url)
        assert len(erp.orders(number)) == 1
        assert erp.doubles() == 0
