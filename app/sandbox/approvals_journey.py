"""The journey `approvals`: an order that two people must approve, one after the other, and one that the second refuses.
They sign in and decide on the pages; the buyer and the ERP are asked what they know of it meanwhile."""

from decimal import Decimal
from typing import Final

from app.sandbox.access import DemoAccess
from app.sandbox.approver import Approver
from app.sandbox.demo_data import DEAR_LIMIT, LEAD, SECOND
from app.sandbox.ordering import Ordering, Sent
from app.sandbox.transcript import Transcript
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import OrderLine

TOOLS: Final = OrderLine(
    number=1,
    quantity=Quantity(amount=Decimal(60), unit="SET"),
    item=ItemRef(supplier_id="TO-2010"),
    description=ItemDescription(
        texts=(Text(text="Combination spanner set", language="en"),),
        classifications=(Classification(scheme="UNSPSC", code="27111706"),),
    ),
    price=Price(amount=Money(amount=Decimal("58.90"), currency="EUR")),
)
REASON: Final = "The budget for tools is used up."


def run(transcript: Transcript, access: DemoAccess) -> None:
    """Raises StepFailed, Stuck or httpx.HTTPError where something is not as it should be."""
    journey = _Journey(transcript, access)
    try:
        journey.both_approve()
        journey.the_second_refuses()
        journey.check_erp()
    finally:
        journey.ordering.close()


class _Journey:
    def __init__(self, transcript: Transcript, access: DemoAccess) -> None:
        self.told = transcript
        self.access = access
        self.ordering = Ordering(transcript, access)

    def both_approve(self) -> None:
        told = self.told
        sent = self._ask("A", f"An order above {DEAR_LIMIT} waits for {LEAD}, and {SECOND} is not asked before")
        self._sees(SECOND, sent, waits=False)
        told.step(f"{LEAD} approves: now {SECOND} is asked, and nothing goes to the ERP yet")
        self._decide(LEAD, sent)
        self.ordering.is_not_in_erp(sent.order)
        self._sees(LEAD, sent, waits=False)
        told.step(f"{SECOND} approves: the ERP has it, and the buyer hears of it")
        self._decide(SECOND, sent)
        self.ordering.is_in_erp(sent.order)
        self.ordering.status(sent, 200)

    def the_second_refuses(self) -> None:
        sent = self._ask("B", f"Another one, which {LEAD} approves")
        self._decide(LEAD, sent)
        self.told.step(f"{SECOND} refuses it: the buyer hears why, and the ERP never of the order")
        self._decide(SECOND, sent, reason=REASON)
        self.ordering.refused(sent, REASON)

    def check_erp(self) -> None:
        self.told.step("Nothing is in the ERP twice")
        self.told.equal("doubles", self.ordering.erp.doubles(), 0)

    def _ask(self, letter: str, title: str) -> Sent:
        self.told.step(title)
        sent = self.ordering.send(self.ordering.order(letter, [TOOLS], "EUR"))
        self.told.equal("Status", sent.reply.code, 201)
        self.ordering.is_not_in_erp(sent.order)
        return sent

    def _sees(self, login: str, sent: Sent, *, waits: bool) -> None:
        with self._approver(login) as approver:
            seen = approver.opens(sent.order.id)
            self.told.equal(f"the order waits for {login}", seen, waits)

    def _decide(self, login: str, sent: Sent, *, reason: str | None = None) -> None:
        with self._approver(login) as approver:
            self.told.check(f"{login} sees what it is about", approver.opens(sent.order.id), approver.page.title)
            if reason is None:
                approver.approve()
            else:
                approver.reject(reason)

    def _approver(self, login: str) -> Approver:
        return Approver(self.access.base_url, self.access.named(login))
