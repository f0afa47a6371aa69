"""What the page calls protocols, outcomes and ages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from app.storage.exchanges import ExchangeState
from app.web.language import msgid

PROTOCOLS: Final[Mapping[str, str]] = {
    "cxml": "cXML",
    "oci": "OCI",
    "ubl": "UBL",
    "edifact": "EDIFACT",
    "order_sheet": msgid("Order sheet"),
}

OUTCOMES: Final[Mapping[str, tuple[str, int]]] = {
    ExchangeState.ACCEPTED: (msgid("accepted"), 0),
    ExchangeState.REFUSED: (msgid("refused"), 1),
    ExchangeState.CONFLICT: (msgid("conflict"), 2),
    ExchangeState.DUPLICATE: (msgid("duplicate"), 3),
    ExchangeState.FAILED: (msgid("failed on our side"), 4),
    ExchangeState.RECEIVED: (msgid("not finished"), 5),
}
"""Of received documents: the word, and the colour."""

DELIVERED: Final[Mapping[str, tuple[str, int]]] = {
    "accepted": (msgid("accepted"), 0),
    "one": (msgid("found there"), 3),
    "rejected": (msgid("rejected"), 1),
    "retry": (msgid("not possible now"), 2),
    "uncertain": (msgid("no answer"), 4),
}
"""Of attempts to deliver."""

AGES: Final[tuple[tuple[timedelta | None, str], ...]] = (
    (timedelta(minutes=5), msgid("up to 5 minutes")),
    (timedelta(minutes=30), msgid("up to 30 minutes")),
    (timedelta(hours=2), msgid("up to 2 hours")),
    (timedelta(hours=8), msgid("up to 8 hours")),
    (timedelta(days=1), msgid("up to a day")),
    (None, msgid("longer")),
)
