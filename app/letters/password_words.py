"""What a mail with a link to choose a password says, by its kind."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from app.languages import msgid


class Words(NamedTuple):
    """`lead` says why it came, `action` stands before the link."""

    subject: str
    lead: str
    action: str


BY_KIND: Final[Mapping[str, Words]] = {
    "invitation": Words(
        msgid("Your access to Crossdock"),
        msgid("An administrator has given you access to Crossdock. Choose your password to begin."),
        msgid("Choose your password"),
    ),
    "new_password": Words(
        msgid("Choose a new password for Crossdock"),
        msgid(
            "You, or somebody in your place, asked for a new password. Nothing changes before you choose one. If you "
            "did not ask, you need not do anything."
        ),
        msgid("Choose a new password"),
    ),
}
