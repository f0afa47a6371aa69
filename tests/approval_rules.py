"""Definitions of approval rules for the tests of runs: steps with what differs from the plainest one."""

from typing import Any


def step(key: str, approver: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"key": key, "name": key.title(), "approver": approver, **more}


def user(login: str, **more: Any) -> dict[str, Any]:
    """A step that asks one person; its key is their login."""
    return step(login, {"user": login}, **more)


def stages(*given: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"stages": [{"steps": steps} for steps in given], **more}


APPROVERS = {"role": "approver"}
