"""What buyers' systems notice of everybody else: intake alone, and beside a large upload, an export and shoppers.

    PYTHONPATH=.:tests python tests/benchmarks/bench_mixed.py [--seconds 15] [--rate 10]

One server process. Orders come at a steady rate and are timed from when they were due; beside them run, one after the
other and without a pause, uploads of 50 MB to the document address (refused while they come), exports of 20,000 orders
as a spreadsheet, and two shoppers who search. Prints p50 and p99 of the orders alone and beside all that. Aim: p99 at
most 5 times that of the orders alone.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle

import httpx
from backlog import fill
from load import Fired, fire
from sqlmodel import col, select
from stage import Buyer, Stage, add_buyer, kinds, staged
from usage import load
from verdicts import verdict

from app.flows.open_punchout import open_punchout
from app.gateway import Gateway
from app.partners.identify import AnswerTo, Caller
from app.storage import passwords
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow
from app.web.people.sessions import COOKIE
from schemas.punchout import Operation, PunchoutRequest

ACCEPTED = 'code="200"'
AIM = 5.0
UPLOAD = b"x" * 50_000_000
EXPORTED = 20_000
WORDS = ("spanner", "bolt", "drill", "paper", "glove", "tape", "screw", "set")
PASSWORD = "benchmark-password-1"
SHOPPERS = "9999"
"""The number of the buyer whose people shop."""


@contextmanager
def endlessly(*acts: Callable[[], None]) -> Iterator[list[int]]:
    """Each act in a thread of its own, again and again until the block ends; how often each was done."""
    ending, done = threading.Event(), [0] * len(acts)
    failures: list[BaseException] = []

    def repeat(number: int) -> None:
        try:
            while not ending.is_set():
                acts[number]()
                done[number] += 1
        except BaseException as error:  # noqa: BLE001 - it ends the run, in the thread that waits for it
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def start_of_visit(gateway: Gateway, buyer: Buyer) -> str:
    """The path at which a shopper of this buyer begins."""
    with gateway.database.read() as session:
        customer = session.get_one(CustomerRow, buyer.customer_id)
        partner = session.exec(select(PartnerRow).where(col(PartnerRow.name) == f"System of buyer {SHOPPERS}")).one()
    us, them = buyer.access.to.identifier, buyer.access.from_.identifier
    caller = Caller(
        correlation_id="bench",
        realm=LIVE,
        partner=partner,
        customer=customer,
        sender=them,
        answer_to=AnswerTo(ours=us, theirs=them),
    )
    request = PunchoutRequest(
        operation=Operation.CREATE, buyer_cookie="bench", return_url="http://127.0.0.1:8001/buyer/cart"
    )
    invitation = gateway.database.write(lambda tx: open_punchout(tx, gateway, caller, request, exchange_id=None))
    return httpx.URL(invitation.start_url).path


def clerk(gateway: Gateway) -> str:
    """The name of somebody who may export."""
    hashed = passwords.hashed(PASSWORD)

    def work(tx: object) -> str:
        person = tx.exec(select(PersonRow).order_by(PersonRow.login)).first()  # type: ignore[attr-defined]
        person.password = hashed
        return str(person.login)

    return gateway.database.write(work)


def upload(base: str) -> Callable[[], None]:
    def act() -> None:
        answer = httpx.post(f"{base}/cxml", content=UPLOAD, headers={"Content-Type": "text/xml"}, timeout=120)
        assert answer.status_code in (200, 413), answer.status_code

    return act


def export(base: str, login: str) -> Callable[[], None]:
    with httpx.Client(base_url=base, headers={"Sec-Fetch-Site": "same-origin"}, timeout=120) as client:
        answer = client.post("/login", data={"login": login, "password": PASSWORD, "next": ""})
    cookie = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}

    def act() -> None:
        answer = httpx.get(f"{base}/orders/export.xlsx", headers=cookie, timeout=120)
        assert answer.status_code == 200, answer.status_code

    return act


def search(base: str, start: str) -> Callable[[], None]:
    client = httpx.Client(base_url=base, timeout=120, follow_redirects=True)
    shop = str(client.get(start).raise_for_status().url).split("?", 1)[0]
    words = cycle(WORDS)

    def act() -> None:
        client.get(shop, params={"q": next(words)}).raise_for_status()

    return act


def intake(stage: Stage, ports: Sequence[int], options: argparse.Namespace, prefix: str) -> Fired:
    return fire(
        port=ports,
        body=stage.bodies,
        expect=ACCEPTED,
        prefix=prefix,
        seconds=options.seconds,
        rate=options.rate,
        connections=8,
    )


def measure(kind: str, stage: Stage, options: argparse.Namespace) -> None:
    with stage.gateway() as gateway:
        login = clerk(gateway)
        buyer = add_buyer(gateway, SHOPPERS)
        starts = [start_of_visit(gateway, buyer) for _ in range(2)]
        fill(gateway, options.exported, prefix="X", open_=False)
    with stage.serving() as ports:
        base = f"http://127.0.0.1:{ports[0]}"
        searches = [search(base, start) for start in starts]
        sides = {"uploads": [upload(base)], "exports": [export(base, login)], "searches": searches}
        sides["all of it"] = [act for acts in sides.values() for act in acts]
        intake(stage, ports, options, "W")
        alone = intake(stage, ports, options, "A")
        print(f"{kind}: alone p50 {alone.p50:.0f} ms, p99 {alone.p99:.0f} ms; {load()}", flush=True)
        for name, acts in sides.items():
            began = time.monotonic()
            with endlessly(*acts) as done:
                beside = intake(stage, ports, options, f"B{name[:2]}".replace(" ", ""))
            print(
                f"{kind}: beside {name} ({sum(done)} in {time.monotonic() - began:.0f} s) p50 {beside.p50:.0f} ms, "
                f"p99 {beside.p99:.0f} ms; p99 / alone {beside.p99 / alone.p99:.1f} (aim {AIM:.0f}); {load()}",
                flush=True,
            )
            verdict(f"{kind}: p99 of orders beside {name} / alone", beside.p99 / alone.p99, most=AIM)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--exported", type=int, default=EXPORTED)
    options = parser.parse_args()
    for kind in kinds():
        with staged(kind) as stage:
            measure(kind, stage, options)


if __name__ == "__main__":
    main()
