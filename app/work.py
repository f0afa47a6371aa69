"""Name and argument type of every work item. A test compares this list with what jobs/ registers.

Arguments are ids and small values, never documents: the rows are the truth, a work item only says where to look.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """What a work item carries; kept as JSON."""


A = TypeVar("A", bound=Argument)


@dataclass(frozen=True, slots=True)
class Kind(Generic[A]):
    """
    queue      the queue it waits in; queues are worked side by side.
    argument   the type of its argument.
    """

    name: str
    queue: str
    argument: type[A]


class Lane(Argument, frozen=True, kw_only=True):
    """A lane is one customer's orders on their way to one ERP; in it order is kept."""

    realm: str
    lane: str


class DispatchId(Argument, frozen=True, kw_only=True):
    realm: str
    dispatch_id: str


class TaskId(Argument, frozen=True, kw_only=True):
    """One person's task in an approval."""

    realm: str
    task_id: str


class MailId(Argument, frozen=True, kw_only=True):
    realm: str
    mail_id: str


class Nothing(Argument, frozen=True, kw_only=True):
    """For work that finds by itself what is due."""


WAKE_LANE = Kind("lane.wake", "deliveries", Lane)
SEND_DISPATCH = Kind("dispatch.send", "dispatches", DispatchId)
APPROVAL_TIMER = Kind("approval.timer", "approvals", TaskId)
SEND_MAIL = Kind("mail.send", "mails", MailId)
SWEEP = Kind("sweep", "upkeep", Nothing)
PURGE = Kind("purge", "upkeep", Nothing)
HOUSEKEEPING = Kind("housekeeping", "upkeep", Nothing)
COUNT_HOURS = Kind("hours.count", "upkeep", Nothing)

ALL: tuple[Kind[Lane] | Kind[DispatchId] | Kind[TaskId] | Kind[MailId] | Kind[Nothing], ...] = (
    WAKE_LANE,
    SEND_DISPATCH,
    APPROVAL_TIMER,
    SEND_MAIL,
    SWEEP,
    PURGE,
    HOUSEKEEPING,
    COUNT_HOURS,
)
