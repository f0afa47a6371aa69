"""The journeys that a virtual peer can go through on a running server."""

from collections.abc import Callable, Mapping
from typing import Final

from app.sandbox import approvals_journey, cxml_journey
from app.sandbox.access import DemoAccess
from app.sandbox.transcript import Transcript

JOURNEYS: Final[Mapping[str, Callable[[Transcript, DemoAccess], None]]] = {
    "cxml": cxml_journey.run,
    "approvals": approvals_journey.run,
}
