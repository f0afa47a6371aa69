"""What the desk calls things that are its own."""

from collections.abc import Mapping
from typing import Final

from app.flows.settle_together import Becomes
from app.web.language import msgid

KIND_NAMES: Final[Mapping[str, str]] = {
    "item": msgid("Items"),
    "unit": msgid("Units"),
    "quantity": msgid("Quantities"),
    "price": msgid("Prices"),
    "currency": msgid("Currencies"),
    "total": msgid("Totals"),
    "ship_to": msgid("Addresses"),
    "approval": msgid("Approval"),
    "erp": msgid("ERP"),
}
"""By what the codes of cases begin with; a kind without a word shows itself."""

BECOMES: Final[Mapping[str, str]] = {
    Becomes.RELEASED: msgid("goes to the ERP"),
    Becomes.ASKED: msgid("goes to its approvers"),
    Becomes.REJECTED: msgid("is rejected by a rule"),
    Becomes.HELD: msgid("stays held"),
    Becomes.CLOSED: msgid("is closed already"),
}

BECOMES_COLOURS: Final[Mapping[str, str]] = {
    Becomes.RELEASED: "green",
    Becomes.ASKED: "yellow",
    Becomes.REJECTED: "red",
    Becomes.HELD: "orange",
    Becomes.CLOSED: "secondary",
}
