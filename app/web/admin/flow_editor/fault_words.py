"""Faults of a definition in the reader's language."""

import re
from collections.abc import Callable
from typing import Final

from app.web.admin.flow_editor.labels import FAULTS
from app.web.language import msgid, translations
from app.web.orders.words import FIELD_NAMES
from schemas.faults import Fault, Weight

_NEAREST: Final = re.compile(r"did you mean '([^']+)'\?")


class FaultWords:
    def __init__(self, language: str) -> None:
        self.text: Callable[[str], str] = translations(language).gettext

    def said(self, fault: Fault) -> str:
        """By the code of the fault, with the nearest name where one is near; in the core's own English for a code that
        has no words here."""
        known = FAULTS.get(fault.code)
        if known is None:
            return fault.message
        nearest = _NEAREST.search(fault.message)
        if nearest is None:
            return self.text(known)
        name = FIELD_NAMES.get(nearest[1])
        meant = self.text(msgid("Did you mean “%(name)s”?")) % {"name": self.text(name) if name else nearest[1]}
        return f"{self.text(known)} {meant}"

    @staticmethod
    def forbids(fault: Fault) -> bool:
        """Whether it keeps the rules from being published."""
        return fault.weight is Weight.FAULT
