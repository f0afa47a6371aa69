"""What is wrong with a document: where, in the sender's own terms, with a stable code.

Three weights. A *fault* refuses the document. A *finding* is a deviation that leaves content and meaning intact: the
document is processed and a person can see the finding. A *notice* says something about us, not about the sender
(`kind.unsupported`: a sound document of a kind that is not translated here).
"""

from collections.abc import Iterable
from enum import StrEnum

from schemas.base import Canonical


class Weight(StrEnum):
    FAULT = "fault"
    FINDING = "finding"
    NOTICE = "notice"


class Fault(Canonical, frozen=True, kw_only=True):
    """One thing that is wrong.

    code     stable and dotted: `price.not_a_number`. Partners may rely on it.
    at       the place in the sender's terms: an XPath-like path, `LIN+2 / 6060`, `NEW_ITEM-PRICE[3]`.
    message  what is wrong and what would be right, in English, for people.
    found    the offending text as received, shortened to 200 characters; never a secret.
    line     1-based line in the source text, where the source has lines; `column` likewise.
    """

    code: str
    at: str
    message: str
    found: str | None = None
    line: int | None = None
    column: int | None = None
    weight: Weight = Weight.FAULT

    def __str__(self) -> str:
        place = f"{self.at} (line {self.line})" if self.line else self.at
        found = f" (found {self.found!r})" if self.found is not None else ""
        return f"{place}: {self.message}{found} [{self.code}]"


LONGEST_FOUND = 200


def shortened(text: str | None) -> str | None:
    """Text that is safe to repeat to its sender: at most 200 characters, control characters made visible."""
    if text is None:
        return None
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: LONGEST_FOUND + 1])
    return text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 1] + "…"


class Findings:
    """Collects everything that is wrong with one document, so that its sender learns of it all at once."""

    def __init__(self) -> None:
        self._all: list[Fault] = []

    def add(
        self,
        code: str,
        at: str,
        message: str,
        found: str | None = None,
        *,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        """A fault: the document will be refused by `raise_if_any`."""
        self._put(Weight.FAULT, code, at, message, found, line, column)

    def note(
        self,
        code: str,
        at: str,
        message: str,
        found: str | None = None,
        *,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        """A finding: a deviation that loses nothing."""
        self._put(Weight.FINDING, code, at, message, found, line, column)

    def tell(self, code: str, at: str, message: str) -> None:
        """A notice about us, not about the sender."""
        self._put(Weight.NOTICE, code, at, message, None, None, None)

    def _put(
        self,
        weight: Weight,
        code: str,
        at: str,
        message: str,
        found: str | None,
        line: int | None,
        column: int | None,
    ) -> None:
        self._all.append(
            Fault(
                code=code,
                at=at,
                message=message,
                found=shortened(found),
                line=line,
                column=column,
                weight=weight,
            )
        )

    def extend(self, faults: Iterable[Fault]) -> None:
        self._all.extend(faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(f for f in self._all if f.weight is Weight.FAULT)

    @property
    def findings(self) -> tuple[Fault, ...]:
        """Findings and notices, in the order they were met."""
        return tuple(f for f in self._all if f.weight is not Weight.FAULT)

    def raise_if_any(self) -> None:
        """Raises Rejected with every fault and finding when there is at least one fault."""
        if any(f.weight is Weight.FAULT for f in self._all):
            raise Rejected(self.faults, self.findings)


class Refused(Exception):
    """A document that cannot be taken; `faults` says why, all of it. `findings` were met on the way."""

    def __init__(self, faults: Iterable[Fault], findings: Iterable[Fault] = ()) -> None:
        self.faults = tuple(faults)
        self.findings = tuple(findings)
        if not self.faults:
            raise ValueError("a refusal names at least one fault")
        super().__init__("; ".join(map(str, self.faults)))


class Malformed(Refused):
    """The bytes are not a document of the protocol at all (cXML Status 406)."""


class Rejected(Refused):
    """A readable document whose content cannot be taken (cXML Status 400)."""


class Unwritable(Exception):
    """A document of ours that a protocol cannot say, or that would say something else there: nothing is written.

    `faults` point at the place in the canonical document (`lines[0].tax`). It is our mistake, not a sender's."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


def unwritable(code: str, at: str, message: str, found: str | None = None) -> Unwritable:
    """The one-fault form."""
    return Unwritable([Fault(code=code, at=at, message=message, found=shortened(found))])
