"""What happens to a run, and what the outside must do for it then. All can be kept as JSON, told apart by `type`."""

from datetime import datetime

import msgspec

from app.approval.steps import OpenStep, State


class StageOpened(msgspec.Struct, frozen=True, tag=True):
    """The steps that are required now with their people, in answer to OpenStage; none: the stage is skipped."""

    steps: tuple[OpenStep, ...]


class Approved(msgspec.Struct, frozen=True, tag=True):
    """`order_hash` is of what the person had before them."""

    task: str
    by: str
    order_hash: str = ""


class Rejected(msgspec.Struct, frozen=True, tag=True):
    task: str
    by: str
    order_hash: str = ""


class SentBack(msgspec.Struct, frozen=True, tag=True):
    """The buyer is asked for a change, which is due at `due_at`; None: whenever it comes."""

    task: str
    by: str
    order_hash: str = ""
    due_at: datetime | None = None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A person at the desk refuses an order whose run is held."""

    by: str


class RemindDue(msgspec.Struct, frozen=True, tag=True):
    """A task's `remind_at` has come. Too early, too late or twice: nothing happens."""

    task: str


class Due(msgspec.Struct, frozen=True, tag=True):
    """A task's `due_at` has come. Too early, too late or twice: nothing happens."""

    task: str


class Forwarded(msgspec.Struct, frozen=True, tag=True):
    """Handed over for good; whether `to` has the authority is for `app.approval.asking.may_take`."""

    task: str
    by: str
    to: str


class Delegated(msgspec.Struct, frozen=True, tag=True):
    """An absence began or ended (`app.approval.asking.reroute`)."""

    task: str
    delegate: str | None


class Questioned(msgspec.Struct, frozen=True, tag=True):
    """A question about an order, or its answer. The task stays where it is."""

    task: str
    by: str
    to: str
    text: str


class Left(msgspec.Struct, frozen=True, tag=True):
    """The person can no longer sign in."""

    person: str


class Edited(msgspec.Struct, frozen=True, tag=True):
    """The order was changed in a way that asks for no new run (`app.approval.changes`); `by` is None when the buyer's
    system did it."""

    by: str | None
    order_hash: str


class Reopened(msgspec.Struct, frozen=True, tag=True):
    """What a held run waited for is there, or a person wants it judged again."""


class Sent(msgspec.Struct, frozen=True, tag=True):
    """The order has gone to the ERP."""


class Superseded(msgspec.Struct, frozen=True, tag=True):
    """The order changed: a new run is begun on the new revision."""


class Withdrawn(msgspec.Struct, frozen=True, tag=True):
    """The order was cancelled, or refused at the desk."""


class Overridden(msgspec.Struct, frozen=True, tag=True):
    """An administrator decides in place of the approvers, with a reason that is kept in the record."""

    approve: bool
    by: str


Event = (
    StageOpened
    | Approved
    | Rejected
    | SentBack
    | Refused
    | RemindDue
    | Due
    | Forwarded
    | Delegated
    | Questioned
    | Left
    | Edited
    | Reopened
    | Sent
    | Superseded
    | Withdrawn
    | Overridden
)


class OpenStage(msgspec.Struct, frozen=True, tag=True):
    """Find out which steps are required at this stage (`flow.required_at`) and who takes them (`asking.open_step`), and
    come back with StageOpened."""

    stage: int


class Asked(msgspec.Struct, frozen=True, tag=True):
    """These tasks are open now: tell their people, set their timers."""

    tasks: tuple[str, ...]


class Released(msgspec.Struct, frozen=True, tag=True):
    """These tasks are no longer open: take back their timers and links."""

    tasks: tuple[str, ...]


class Informed(msgspec.Struct, frozen=True, tag=True):
    """Tell these people, who need not do anything: watchers, a delegate (`task`), or whom a question is put to."""

    people: tuple[str, ...]
    task: str | None


class Reminded(msgspec.Struct, frozen=True, tag=True):
    task: str


class Overdue(msgspec.Struct, frozen=True, tag=True):
    """Tell the person, and whoever looks after waiting orders; escalated people come as Asked."""

    task: str


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The run has reached a state that no approver can change."""

    state: State


Effect = OpenStage | Asked | Released | Informed | Reminded | Overdue | Ended
