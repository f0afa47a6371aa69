"""The form by which an approver changes an order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session

from app.flows import edit_while_asked
from app.flows.order_edits import Box, Unfit, Wrong
from app.gateway import Gateway
from app.storage.approvals import RunTaskRow
from app.storage.people import PersonRow
from app.web.forms import FormLimits
from app.web.language import msgid
from app.web.orders import words
from schemas.party import Address

FORM: Final = FormLimits(fields=2_000, size=4_000)

NOT_CHANGED: Final = msgid("Nothing was changed: look at what is marked.")
MEANWHILE: Final = msgid("The order was changed after you opened the page. Look at it again and change it once more.")

FAULTS: Final[Mapping[str, str]] = {
    Unfit.NO_QUANTITY: msgid("Write a number above zero, such as 10 or 2.5."),
    Unfit.NO_DATE: msgid("Choose a date."),
    Unfit.PAST: msgid("This day is over: choose today or a later one."),
    Unfit.NO_PLACE: msgid("Choose one of the customer's addresses."),
    Unfit.NO_CODE: msgid("Write a code of 1 to 100 characters."),
    Unfit.TOO_LONG: msgid("Write at most 1000 characters."),
    Unfit.SEVERAL_TAXES: msgid(
        "The order states several taxes for all its lines together: only the buyer can change this quantity."
    ),
    Unfit.NOTHING: msgid("Change at least one thing."),
    **words.CASES,
}
"""What is wrong with a box; what the check of the changed order finds is called as at the desk."""

LABELS: Final[Mapping[str, str]] = {
    "quantity": msgid("Quantity"),
    "requested_date": msgid("Wanted on"),
    "ship_to": msgid("Ship to"),
    "bill_to": msgid("Bill to"),
    "cost_center": msgid("Cost centre"),
    "comment": msgid("Comment for whoever delivers"),
}


@dataclass(frozen=True, slots=True)
class Editing:
    """
    typed         what was sent, by the name of the box; `wrong` what is the matter with it.
    leaves_nobody whoever changes the order does not decide, and then too few are left.
    """

    boxes: Sequence[Box]
    places: Sequence[tuple[str, Address]]
    leaves_nobody: bool
    typed: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, list[Wrong]] = field(default_factory=dict)

    @property
    def lines(self) -> tuple[int, ...]:
        """Numbers of the lines that have a box."""
        return tuple(dict.fromkeys(box.line for box in self.boxes if box.line is not None))

    @property
    def first_wrong(self) -> str | None:
        """The name of the box in which the reader goes on."""
        return next((box.name for box in self.boxes if box.name in self.wrong), None)

    def of(self, line: int | None) -> tuple[Box, ...]:
        return tuple(box for box in self.boxes if box.line == line)

    def value(self, box: Box) -> str:
        return self.typed.get(box.name, box.value)


def editing(
    session: Session,
    gateway: Gateway,
    person: PersonRow,
    task: RunTaskRow,
    typed: Mapping[str, str],
    faults: Iterable[Wrong],
) -> Editing | None:
    """None where the step of the open task allows no change."""
    boxes, places = edit_while_asked.offered(session, gateway.memories, task)
    if not boxes:
        return None
    names, wrong = {box.name for box in boxes}, dict[str, list[Wrong]]()
    for fault in faults:
        wrong.setdefault(fault.at if fault.at in names else "", []).append(fault)
    return Editing(boxes, places, edit_while_asked.leaves_nobody(session, person, task), typed, wrong)
