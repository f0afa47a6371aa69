"""A flow: one customer's rules for one order, judged in one pass.

Order of judgement: does the flow fit (`match`)? Is the order forbidden (`block`)? May it pass by itself
(`auto_approve`)? Else people are asked, stage after stage. An unknown answer never helps an order along: it holds the
order (match, block), gives no automatic approval, and makes a step necessary. What `warn` says stops nobody.

How a definition looks as JSON, and what is refused, is told by `app.approval.definition`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from app.approval.conditions import AllOf, AnyLine, AnyOf, Condition, CountLines, EveryLine, Leaf, Not, SumLines
from app.approval.evaluate import Answer, Judgement, Node, Reason, compiled, judged
from app.approval.lazy import lazy
from app.approval.subject import Subject
from schemas.money import Money


class Rejects(StrEnum):
    """Whether one no closes the run, or only a no that leaves too few for the quorum."""

    FIRST = "first"
    UNREACHABLE = "unreachable"


class OnTimeout(StrEnum):
    """What happens when a task is not decided in time. Silence never approves."""

    NOTIFY = "notify"
    ESCALATE = "escalate"
    REJECT = "reject"


class LaterDate(StrEnum):
    """What a later delivery date means after a decision."""

    NONE = "none"
    NOTIFY = "notify"
    NEW_RUN = "new_run"


class OnSilence(StrEnum):
    """What happens when the buyer does not change in time what was sent back. Silence never approves."""

    NOTIFY = "notify"
    REJECT = "reject"


class By(StrEnum):
    """
    USER       one person, by login name.
    GROUP      the members of a group.
    ROLE       everybody who holds the role for this customer.
    FIELD      whoever owns what the order names, one of OWNERS.
    MANAGER    the requester's manager.
    HIERARCHY  managers above the requester, up to the first whose limit covers the order.
    """

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    FIELD = "field"
    MANAGER = "manager_of"
    HIERARCHY = "hierarchy"


OWNERS: Final = ("cost_center.owner", "ship_to.owner", "customer.owner")

REQUESTER: Final = "requester"
"""The name that MANAGER and HIERARCHY take."""

EDITABLE: Final = ("quantity", "requested_date", "ship_to", "bill_to", "cost_center", "comment")
"""What an approver may be allowed to change."""


@dataclass(frozen=True, slots=True)
class Approver:
    by: By
    name: str

    @property
    def personal(self) -> bool:
        """Whether an absence hands the task to a delegate; tasks of a group or a role stay with the others."""
        return self.by not in (By.GROUP, By.ROLE)


@dataclass(frozen=True)
class Rule:
    """`key` is stable within the flow; `text` is what people read, in the author's words."""

    key: str
    text: str
    when: Condition

    @lazy
    def node(self) -> Node:
        return compiled(self.when)


@dataclass(frozen=True)
class Step:
    """
    quorum        how many of those asked must say yes; None stands for all of them.
    min_limit     only people with an approval limit of at least this much are asked.
    covers_total  only people whose approval limit covers the order are asked; so it always is in a hierarchy.
    due_hours     working hours of the person until the task is due; remind_hours until they are reminded.
    escalate_to   who is asked besides, when it was not decided in time or there are too few to ask.
    may_edit      what approvers may change, of EDITABLE.
    allow_self    the requester counts, up to `self_limit`.
    watchers      are told, not asked.
    """

    key: str
    name: str
    approver: Approver
    condition: Condition | None = None
    quorum: int | None = 1
    rejects: Rejects = Rejects.FIRST
    min_limit: Money | None = None
    covers_total: bool = False
    due_hours: int | None = None
    remind_hours: int | None = None
    on_timeout: OnTimeout = OnTimeout.NOTIFY
    escalate_to: Approver | None = None
    may_edit: tuple[str, ...] = ()
    allow_self: bool = False
    self_limit: Money | None = None
    watchers: tuple[Approver, ...] = ()

    @lazy
    def node(self) -> Node | None:
        return compiled(self.condition) if self.condition is not None else None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much dearer an approved order may become without a new run: by neither more than this."""

    percent: Decimal = Decimal(0)
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class SendBack:
    """Approvers may send an order back to the buyer, who changes or cancels it.

    due_hours   working hours of who sent it back until the change is due; None: it waits for as long as it takes.
    on_timeout  whoever sent it back is told, or the order is rejected.
    """

    due_hours: int | None = None
    on_timeout: OnSilence = OnSilence.NOTIFY


@dataclass(frozen=True)
class Flow:
    """
    merge_consecutive  a yes also stands for the same person's step in the next stage.
    link_limit         up to which total whoever has the link of a mail decides without signing in; None: as the
                       installation is set. An amount of 0: never.
    final_approver     who decides where a hierarchy ends without a limit that covers the order.
    send_back          whether approvers may send an order back for a change; None: they approve or reject.
    """

    match: Condition | None = None
    block: tuple[Rule, ...] = ()
    warn: tuple[Rule, ...] = ()
    auto_approve: tuple[Rule, ...] = ()
    stages: tuple[tuple[Step, ...], ...] = ()
    hold_when_nobody_is_asked: bool = False
    merge_consecutive: bool = False
    final_approver: Approver | None = None
    tolerance: Tolerance = Tolerance()
    later_date: LaterDate = LaterDate.NOTIFY
    link_limit: Money | None = None
    send_back: SendBack | None = None

    @property
    def steps(self) -> Iterator[Step]:
        return (step for stage in self.stages for step in stage)

    @lazy
    def fits(self) -> Node | None:
        return compiled(self.match) if self.match is not None else None

    @lazy
    def needs(self) -> frozenset[str]:
        """The keys of all fields that its conditions ask about, so that only those are looked up."""
        rules = (rule.when for rules in (self.block, self.warn, self.auto_approve) for rule in rules)
        conditions = (self.match, *rules, *(step.condition for step in self.steps))
        return frozenset(key for condition in conditions if condition is not None for key in _keys(condition))


def _keys(condition: Condition) -> Iterator[str]:
    match condition:
        case Leaf(field=field, other=other):
            yield field.key
            if other is not None:
                yield other.key
        case AllOf(of=of) | AnyOf(of=of):
            for part in of:
                yield from _keys(part)
        case Not(of=inner) | AnyLine(of=inner) | EveryLine(of=inner):
            yield from _keys(inner)
        case CountLines(where=where):
            yield from _keys(where)
        case SumLines(where=where, field=field):
            yield field.key
            yield from _keys(where)


class Ruling(StrEnum):
    NOT_THIS_FLOW = "not_this_flow"
    CANNOT_TELL = "cannot_tell"
    BLOCKED = "blocked"
    AUTO_APPROVED = "auto_approved"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Warned:
    """A rule that is shown and recorded, and stops nothing."""

    rule: Rule
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rule` is the rule that decided, where one did; `reasons` are its comparisons."""

    ruling: Ruling
    reasons: tuple[Reason, ...] = ()
    rule: Rule | None = None
    warnings: tuple[Warned, ...] = ()


def verdict(flow: Flow, subject: Subject) -> Verdict:
    if flow.fits is not None:
        fits = judged(flow.fits, subject)
        if fits.answer is not Answer.YES:
            ruling = Ruling.NOT_THIS_FLOW if fits.answer is Answer.NO else Ruling.CANNOT_TELL
            return Verdict(ruling, fits.reasons)
    warnings = tuple(
        Warned(rule, tuple(rule.node.reasons(subject, answer=True)))
        for rule in flow.warn
        if rule.node.answer(subject) is True
    )
    blocked = [(rule, rule.node.answer(subject)) for rule in flow.block]
    for wanted, ruling in ((True, Ruling.BLOCKED), (None, Ruling.CANNOT_TELL)):
        for rule, answer in blocked:
            if answer is wanted:
                return Verdict(ruling, tuple(rule.node.reasons(subject, answer)), rule, warnings)
    for rule in flow.auto_approve:
        if rule.node.answer(subject) is True:
            return Verdict(Ruling.AUTO_APPROVED, tuple(rule.node.reasons(subject, answer=True)), rule, warnings)
    return Verdict(Ruling.ASK, warnings=warnings)


def required(stage: Sequence[Step], subject: Subject) -> tuple[tuple[Step, Judgement], ...]:
    """The steps of a stage that must be taken, each with why. A step without a condition always must."""
    found = ((step, judged(step.node, subject) if step.node else _ALWAYS) for step in stage)
    return tuple((step, judgement) for step, judgement in found if judgement.answer is not Answer.NO)


def required_at(flow: Flow, stage: int, taken: Collection[str], subject: Subject) -> tuple[tuple[Step, Judgement], ...]:
    """The steps to take when a stage opens: its own, and those of earlier stages that were not needed then and are now.
    `taken` are the keys of the steps that were opened before."""
    earlier = [step for before in flow.stages[:stage] for step in before if step.key not in taken]
    return (*required(earlier, subject), *required(flow.stages[stage], subject))


_ALWAYS = Judgement(Answer.YES, ())
