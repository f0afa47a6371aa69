"""What is wrong or doubtful about a flow before it is published, all at once: whether its people are there, whether
every path ends, and whether a condition can say yes and no at all."""

from collections.abc import Iterable, Sequence
from typing import Final

from app.approval.conditions import Condition
from app.approval.contradictions import always, never
from app.approval.flow import Approver, By, Flow, Step
from app.approval.people import Directory, Person
from schemas.faults import Findings

ADVISABLE_APPROVERS: Final = 5
MOST_APPROVERS: Final = 30


def check(flow: Flow, directory: Directory, currencies: Iterable[str]) -> Findings:
    """Faults forbid to publish, findings advise. `currencies` are those in which the customer orders."""
    findings = Findings()
    _check_conditions(flow, findings)
    asked: set[str] = set()
    for number, stage in enumerate(flow.stages):
        for position, step in enumerate(stage):
            at = f"stages[{number}].steps[{position}]"
            asked |= {person.id for person in _check_step(step, at, directory, tuple(currencies), findings)}
    if flow.final_approver is not None:
        _check_approver(flow.final_approver, "final_approver", directory, findings)
    if len(asked) > MOST_APPROVERS:
        message = f"asks {len(asked)} people; more than {MOST_APPROVERS} are not possible"
        findings.add("flow.too_many_approvers", "stages", message)
    elif len(asked) > ADVISABLE_APPROVERS:
        message = f"asks {len(asked)} people; orders move faster with at most {ADVISABLE_APPROVERS}"
        findings.note("flow.many_approvers", "stages", message)
    for person in directory:
        if _delegates_in_a_circle(person, directory):
            message = f"the delegates of {person.name} lead back to them"
            findings.note("people.delegate_loop", "people", message, person.login)
    return findings


def _check_step(
    step: Step, at: str, directory: Directory, currencies: Sequence[str], findings: Findings
) -> tuple[Person, ...]:
    people = _check_approver(step.approver, f"{at}.approver", directory, findings)
    for place, approver in (
        ("escalate_to", step.escalate_to),
        *((f"watchers[{i}]", w) for i, w in enumerate(step.watchers)),
    ):
        if approver is not None:
            _check_approver(approver, f"{at}.{place}", directory, findings)
    if step.approver.by in (By.GROUP, By.ROLE):
        if step.quorum is not None and step.quorum > len(people) > 0:
            message = f"{step.quorum} must say yes, and there are {len(people)}"
            findings.add("flow.quorum_too_high", f"{at}.quorum", message)
        elif len(people) == (step.quorum or 1) and not step.allow_self and step.escalate_to is None:
            message = "nobody is left to ask when one of them ordered the goods: name escalate_to"
            findings.note("flow.nobody_besides_requester", f"{at}.approver", message)
    _check_limits(step, at, people, currencies, findings)
    alone = step.approver.personal or step.quorum is None or len(people) <= step.quorum
    if step.may_edit and alone and step.escalate_to is None:
        message = "whoever changes the order does not decide on it, and too few are left: name escalate_to"
        findings.note("flow.nobody_besides_editor", f"{at}.may_edit", message)
    if step.due_hours is None:
        findings.note("flow.never_due", f"{at}.due_hours", "nobody notices when this step is not decided")
    if step.allow_self:
        findings.note("flow.allows_self", f"{at}.allow_self", "requesters decide on their own orders here")
    return people


def _check_limits(step: Step, at: str, people: Sequence[Person], currencies: Sequence[str], findings: Findings) -> None:
    if step.approver.by in (By.FIELD, By.MANAGER, By.HIERARCHY):
        return
    wanted = step.min_limit
    if wanted is not None and people and not any(person.covers(wanted) for person in people):
        message = f"nobody of them may approve {wanted.amount:f} {wanted.currency}"
        findings.add("flow.limit_too_high", f"{at}.min_limit", message)
    if step.covers_total:
        for person in people:
            missing = [currency for currency in currencies if not _has_limit(person, currency)]
            if missing:
                message = f"{person.name} has no approval limit in {', '.join(missing)} and is not asked there"
                findings.note("people.no_limit", f"{at}.min_limit", message, person.login)
        for currency in currencies:
            if people and not any(_has_limit(person, currency) for person in people):
                message = f"nobody of them has an approval limit in {currency}"
                findings.add("flow.nobody_has_limit", f"{at}.min_limit", message, currency)


def _has_limit(person: Person, currency: str) -> bool:
    return any(limit.currency == currency for limit in person.limits)


def _check_approver(approver: Approver, at: str, directory: Directory, findings: Findings) -> tuple[Person, ...]:
    match approver.by:
        case By.USER:
            person = directory.by_login(approver.name)
            found = tuple(filter(None, (person,)))
        case By.GROUP:
            found = directory.in_group(approver.name)
        case By.ROLE:
            found = directory.with_role(approver.name)
        case _:
            return ()
    active = tuple(person for person in found if person.active)
    if not active:
        what = {By.USER: "no active person", By.GROUP: "no active member of the group", By.ROLE: "no active holder of"}
        message = f"{what[approver.by]} '{approver.name}'"
        findings.add("flow.nobody_there", at, message, approver.name)
    return active


def _delegates_in_a_circle(person: Person, directory: Directory) -> bool:
    """Whether absences at the same time lead from one to the other and back."""
    for absence in person.absences:
        seen, current, at = {person.id}, absence, person.hours.instant(absence.begins)
        while (following := directory.by_id(current.delegate)) is not None:
            if following.id in seen:
                return True
            seen.add(following.id)
            away = following.absence_at(at)
            if away is None:
                break
            current = away
    return False


def _check_conditions(flow: Flow, findings: Findings) -> None:
    places: list[tuple[str, Condition | None]] = [("match", flow.match)]
    for name, rules in (("block", flow.block), ("warn", flow.warn), ("auto_approve", flow.auto_approve)):
        places += [(f"{name}[{i}].when", rule.when) for i, rule in enumerate(rules)]
    for number, stage in enumerate(flow.stages):
        places += [(f"stages[{number}].steps[{i}].condition", step.condition) for i, step in enumerate(stage)]
    for at, condition in places:
        if condition is None:
            continue
        if never(condition):
            findings.add("rule.contradiction", at, "can never be fulfilled")
        elif always(condition):
            findings.note("rule.tautology", at, "is fulfilled by every order that says what it asks about")


def shadowed(flows: Sequence[tuple[str, Flow]]) -> tuple[str, ...]:
    """The names of flows that are never reached, of those of one customer in the order in which they are tried."""
    for i, (_, flow) in enumerate(flows):
        if flow.match is None:
            return tuple(name for name, _ in flows[i + 1 :])
    return ()
