"""Reminders, due times and escalations of approvals."""

from datetime import datetime

from app.flows import ring_timer
from app.gateway import Gateway
from app.work import TaskId


def run(gateway: Gateway, argument: TaskId) -> None:
    ring(gateway, argument, gateway.clock.now())


def ring(gateway: Gateway, argument: TaskId, now: datetime) -> None:
    gateway.database.insist(lambda tx: ring_timer.ring(tx, gateway, argument.task_id, now))
