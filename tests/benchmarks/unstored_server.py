"""What taking an order would cost were nothing kept: the product's server, which receives, looks, seals, authenticates,
reads, checks against catalog and rules, and answers, with every write left out.

For benchmarks alone: it acknowledges what it forgets."""

import sys
from typing import Any

from app.cli.server import run_server
from app.flows import receive
from app.flows.arrival import Answer, Arrival, Judged, Receiver
from app.flows.cxml_answers import Stamp
from app.gateway import Gateway
from app.settings import Settings
from app.storage.database import Database
from app.storage.exchanges import ExchangeState
from app.transports.intake import Intake
from protocols.cxml.settings import DEFAULTS


async def run_without_transaction(_database: Database, work: Any, **_: Any) -> Any:
    return work(None)


def answer_only(
    _session: Any, gateway: Gateway, _arrival: Arrival, _receiver: Receiver, _judged: Judged
) -> tuple[ExchangeState, Answer]:
    return ExchangeState.ACCEPTED, Stamp.made(gateway, DEFAULTS).response(200, "accepted for delivery")


if __name__ == "__main__":
    Database.awrite = run_without_transaction  # type: ignore[assignment,method-assign]
    Intake._record = lambda *_: None  # type: ignore[method-assign]
    receive._take = answer_only  # type: ignore[assignment]
    run_server(Settings(port=int(sys.argv[1]), embedded=False))
