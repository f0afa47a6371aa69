"""What is a mail address, for settings, envelopes and headers alike."""

from email.utils import parseaddr


def is_address(text: str) -> bool:
    """Whether it is one bare address that may stand in an envelope: no line end, no second address, no display name."""
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain)
        and len(text) <= 320
        and text.isprintable()
        and not any(character in text for character in ' <>,;:"\\()[]')
        and "@" not in local
        and parseaddr(text)[1] == text
    )
