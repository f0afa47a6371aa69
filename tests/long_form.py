"""How large the long forms are: as large as they say, or no larger than CROSSDOCK_TEST_ORDERS where that is set, for a
machine that has less time."""

import os


def orders(full: int) -> int:
    return min(full, int(os.environ.get("CROSSDOCK_TEST_ORDERS", str(full))))
