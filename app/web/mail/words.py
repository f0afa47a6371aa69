"""What people call the kinds and states of mails."""

from collections.abc import Mapping
from typing import Final

from app.letters.letter import Kind
from app.storage.mails import State
from app.web.language import msgid

STATES: Final[Mapping[str, str]] = {
    State.PENDING: msgid("to be sent"),
    State.SENDING: msgid("being sent"),
    State.WAITING: msgid("will be tried again"),
    State.SENT: msgid("taken by the mail server"),
    State.REFUSED: msgid("refused by the mail server"),
    State.DEAD: msgid("given up"),
    State.NEEDLESS: msgid("no longer needed"),
}
KINDS: Final[Mapping[str, str]] = {
    Kind.ALERTS: msgid("Alert"),
    Kind.APPROVAL: msgid("Approval"),
}
