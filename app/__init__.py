"""The Crossdock server.

`protocols` and `schemas` are generic names that another installed package could shadow; a server that ran with
somebody else's `schemas` would fail late and strangely, so it refuses to start instead.
"""

from importlib.util import find_spec
from pathlib import Path


def _refuse_shadowed_siblings() -> None:
    home = Path(__file__).resolve().parent.parent
    for name in ("protocols", "schemas"):
        spec = find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != home:
            raise ImportError(
                f"package '{name}' is not Crossdock's own (found {origin}, expected below {home}): "
                "install Crossdock in its own virtual environment"
            )


_refuse_shadowed_siblings()
