"""What a page hands to the browser and wants back unchanged: which order somebody saw, and what they chose.

Sealed for one task, so that nobody can make one or use it elsewhere, and good for a while only."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from app.seal import KeyRing, Place, Unsealable

NONCE: Final = timedelta(minutes=10)
"""How long a page may stand open before its form counts."""
KEPT: Final = timedelta(minutes=30)
"""How long a choice waits for its login."""


class Seen(msgspec.Struct, frozen=True):
    """A page was shown, with this order on it."""

    at: datetime
    order_hash: str


class Chosen(msgspec.Struct, frozen=True):
    """What somebody chose before they were asked to sign in."""

    at: datetime
    decision: str
    code: str
    text: str


T = TypeVar("T", Seen, Chosen)


def seal(keys: KeyRing, task_id: str, value: Seen | Chosen) -> str:
    sealed = keys.seal(msgspec.json.encode(value), _place(task_id, type(value)))
    return base64.urlsafe_b64encode(sealed).decode()


def opened(keys: KeyRing, task_id: str, text: str, kind: type[T], now: datetime, good_for: timedelta) -> T | None:
    """None for what is not ours, not of this task, or too old."""
    try:
        value = msgspec.json.decode(keys.open(base64.urlsafe_b64decode(text), _place(task_id, kind)), type=kind)
    except (binascii.Error, ValueError, Unsealable, msgspec.MsgspecError):
        return None
    return value if timedelta(0) <= now - value.at <= good_for else None


def _place(task_id: str, kind: type[Seen] | type[Chosen]) -> Place:
    return Place("cd_approval_links", task_id, kind.__name__)
