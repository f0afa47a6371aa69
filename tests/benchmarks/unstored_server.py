"""What taking an order would cost were nothing kept: the product's server, which receives, looks, seals, authenticates,
reads, checks against catalog and rules, and answers, with every write left out.

For benchmarks alone: it acknowledges what it forgets."""

import sys
from functools import partial
from typing import Any

from app.cli.server import run_server
from app.flows.arrival import Answer, Arrival, Receiver
from app.flows.cxml_answers import Stamp
from app.gateway import Gateway
from app.settings import Settings
from app.storage.database import Database
from app.transports import intake
from protocols.cxml.settings import DEFAULTS


async def written(_database: Database, _work: Any, **_: Any) -> None:
    """That it is, is not true."""


async def judged_only(gateway: Gateway, arrival: Arrival, receiver: Receiver, *, in_thread: Any) -> Answer:
    await in_thread(partial(receiver.judge, gateway, arrival))
    return Stamp.made(gateway, DEFAULTS).response(200, "accepted for delivery")


if __name__ == "__main__":
    Database.awrite = written  # type: ignore[assignment,method-assign]
    intake.receive = judged_only  # type: ignore[assignment]
    run_server(Settings(port=int(sys.argv[1]), embedded=False))
