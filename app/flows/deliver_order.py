"""An order's way out of its lane: what the lane job does before and after each call to the ERP.

`take_delivery` takes up the row whose turn it is, which is committed before a byte leaves; `settle_delivery` writes
down what came of it. Between them stands only the call, which belongs to the job. The turns of many lanes that come at
the same time go through the database together, in a few statements for all of them.

A request without a readable answer may have been done, so it is never repeated blindly: the row becomes uncertain, and
look-ups decide (`app.bridge.look_up`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session

from app.bridge.adapter import Found, Outcome
from app.flows import settle_delivery, take_delivery
from app.flows.erp_room import ErpRoom
from app.flows.take_delivery import Step
from app.gateway import Gateway
from app.storage.batch import Batch, Writing
from app.work import WAKE_LANE, Lane

WEIGHT: Final = 8
"""Of a turn in a group: as much as so many single rows."""


@dataclass(slots=True)
class Turn:
    """What a lane's thread asks of the database at one time, as work for it.

    done      the step that was made, with its result.
    last      nothing is taken up now: the lane goes to the back of the queue.
    step      the answer, once it is committed: the call to be made next; of another lane that has waited for a place at
              its ERP, when this one has nothing to do.
    in_doubt  steps of earlier runs, whose commits may have happened: when the answer to a commit is lost with the
              database, the row may be in hand all the same, and is gone on with instead of its lease running out.
    """

    gateway: Gateway
    lane: Lane
    done: tuple[Step, Outcome | Found] | None = None
    last: bool = False
    step: Step | None = None
    in_doubt: list[Step] = field(default_factory=list)

    def __call__(self, tx: Writing) -> None:
        if isinstance(tx, Batch):
            tx.afterwards(take_turns, self)
        else:
            take_turns(tx, [self])


def take_turns(tx: Session, turns: Sequence[Turn]) -> None:
    """Writes down the results and takes up the next rows, in one commit: half the flushes to disk."""
    gateway = turns[0].gateway
    room = ErpRoom(tx, gateway)
    done = [turn.done for turn in turns if turn.done is not None]
    if done:
        settle_delivery.settle(tx, gateway, done, room)
        tx.flush()
    for turn in turns:
        steps = (take_delivery.resumed(tx, gateway, step) for step in turn.in_doubt)
        turn.step = next((step for step in steps if step is not None), None)
    # Whoever goes on comes before who begins: the place at the ERP that he has left is his.
    asking = sorted((turn for turn in turns if turn.step is None and not turn.last), key=lambda turn: turn.done is None)
    lanes = list(dict.fromkeys(turn.lane for turn in asking))
    steps_by_lane = take_delivery.prepare(tx, gateway, lanes, room) if lanes else {}
    for turn in asking:
        turn.step = steps_by_lane.pop(turn.lane, None)
        if turn.step is not None:
            turn.in_doubt.append(turn.step)
    called = room.called()
    if called:
        _give_places(tx, gateway, [turn for turn in asking if turn.step is None], called, room)
    for turn in turns:
        if turn.last:
            gateway.engine.enqueue(tx, WAKE_LANE, turn.lane)


def _give_places(tx: Session, gateway: Gateway, idle: Sequence[Turn], called: Sequence[Lane], room: ErpRoom) -> None:
    """To lanes that have waited for them: threads that have nothing more to do go on with these."""
    ours, others = called[: len(idle)], called[len(idle) :]
    steps = take_delivery.prepare(tx, gateway, ours, room).values() if ours else ()
    for turn, step in zip(idle, steps, strict=False):
        turn.step = step
        turn.in_doubt.append(step)
    for lane in others:
        gateway.engine.enqueue(tx, WAKE_LANE, lane)
