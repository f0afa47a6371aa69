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
    Kind.INVITATION: msgid("Invitation"),
    Kind.NEW_PASSWORD: msgid("New password"),
    Kind.APPROVAL: msgid("Approval"),
    Kind.DELEGATED: msgid("Approval: stand-in asked"),
    Kind.REMINDED: msgid("Approval: reminder"),
    Kind.OVERDUE: msgid("Approval: overdue"),
    Kind.WATCHING: msgid("Approval: for information"),
    Kind.QUESTION: msgid("Approval: question"),
    Kind.ANSWER: msgid("Approval: answer"),
    Kind.CHANGED: msgid("Approval: order changed"),
    Kind.SUPERSEDED: msgid("Approval: decided anew"),
    Kind.WITHDRAWN: msgid("Approval: withdrawn"),
}
