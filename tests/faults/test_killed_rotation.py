"""kill -9 of a change of the sealing key, while orders come in and go out under it."""

import signal

from console import run
from fault_report import FaultReport
from fault_site import Site, load
from kill_points import ROTATION

from app.seal import KeyFile

ORDERS = 24


def test_a_rotation_dies_and_is_begun_again(site: Site, faults: FaultReport) -> None:
    """Afterwards the old key is needed for nothing: it is taken out before the last answers are read."""
    web, worker = site.web(), site.worker()
    keys = KeyFile(site.data / "seal.keys")
    old = keys.ring().current
    for point in ROTATION:
        with load(site, ORDERS, f"KEY-{site.kind}") as buyers:
            place = {"CROSSDOCK_DATABASE_URL": site.url}
            killed = run("seal", "rotate", "--data", str(site.data), CROSSDOCK_KILL_AT=point, **place)
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            assert set(keys.ring().keys) == {old, keys.ring().current}
            for command in (["rotate"], ["retire", old]):
                done = run("seal", *command, "--data", str(site.data), **place)
                assert done.returncode == 0, done.stderr
            acknowledged = buyers.finish()
            buyers.again()
        site.until_drained()
        site.judge(faults, f"key rotation killed at {point}", acknowledged)
    worker.ends()
    web.ends()
