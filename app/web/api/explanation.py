"""`GET /api/v1/orders/{number}/explanation`: why people were asked about an order, or nobody was."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.storage import approvals, people
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.orders import OrderRow, OrderState
from app.web.api import bodies
from app.web.api.guard import key_of
from app.web.api.orders import named_order
from app.web.endpoint import gateway_of
from app.web.language import negotiated
from app.web.orders.sentences import Speaker
from schemas.base import Canonical


class Said(Canonical, frozen=True, kw_only=True):
    """One comparison: its data, and the same as a sentence."""

    text: str
    data: dict[str, Any]


class StepExplained(Canonical, frozen=True, kw_only=True):
    """`people`: the names of those who were asked. Without `because` the step is always taken."""

    key: str
    name: str
    stage: int
    people: tuple[str, ...]
    because: tuple[Said, ...] = ()


class Warning(Canonical, frozen=True, kw_only=True):  # noqa: A001 - what rules call it
    text: str
    because: tuple[Said, ...] = ()


class Explanation(Canonical, frozen=True, kw_only=True):
    """
    state    of the order; `run` that of its newest approval, absent when none was begun.
    why      asked, nobody_asked, auto_approved, blocked, cannot_tell, no_flow, nobody_there or overridden.
    text     the first sentence, in the language of the answer.
    because  the comparisons of the rule that decided.
    """

    order: str
    state: OrderState
    run: str | None = None
    why: str | None = None
    text: str | None = None
    flow: str | None = None
    version: int | None = None
    rule: str | None = None
    because: tuple[Said, ...] = ()
    steps: tuple[StepExplained, ...] = ()
    warnings: tuple[Warning, ...] = ()


def explanation(request: Request) -> Response:
    language = negotiated(request.headers.get("accept-language"))
    with gateway_of(request).database.read() as session:
        order = named_order(session, request, key_of(request))
        if isinstance(order, Response):
            return order
        run = approvals.newest_run(session, order.id)
        if run is None:
            told = Explanation(order=order.number, state=OrderState(order.state))
        else:
            told = _told(session, order, run, Speaker(language))
    return bodies.answer(told, language=language)


def _told(session: Session, order: OrderRow, run: RunRow, speaker: Speaker) -> Explanation:
    kept = run.explanation
    tasks = approvals.tasks_of(session, run.id)
    names = people.named(session, run.realm, {task.assignee_id for task in tasks})
    return Explanation(
        order=order.number,
        state=OrderState(order.state),
        run=run.state,
        why=kept.get("why"),
        text=speaker.why(kept) or None,
        flow=kept.get("flow"),
        version=kept.get("version"),
        rule=kept.get("rule"),
        because=_said(kept.get("reasons", ()), speaker),
        steps=tuple(
            _step(step, number, tasks, names, speaker) for number, stage in enumerate(run.opened) for step in stage
        ),
        warnings=tuple(
            Warning(text=one["text"], because=_said(one["reasons"], speaker)) for one in kept.get("warnings", ())
        ),
    )


def _step(
    step: Mapping[str, Any], stage: int, tasks: Sequence[RunTaskRow], names: Mapping[str, str], speaker: Speaker
) -> StepExplained:
    asked = [names.get(task.assignee_id, "") for task in tasks if (task.stage, task.step) == (stage, step["key"])]
    return StepExplained(
        key=step["key"],
        name=step["name"],
        stage=stage,
        people=tuple(asked),
        because=_said(step.get("reasons", ()), speaker),
    )


def _said(reasons: Sequence[dict[str, Any]], speaker: Speaker) -> tuple[Said, ...]:
    return tuple(Said(text=text, data=data) for text, data in zip(speaker.reasons(list(reasons)), reasons, strict=True))
