"""A mail as bytes: header, a text part and an HTML part that say the same.

What partners and people wrote goes in as values, escaped in HTML and without line ends in the header. No secret is
among them, and every link begins with our own public address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.formats import formats
from app.languages import catalogues
from schemas.money import Money

HERE: Final = Path(__file__).parent
LONGEST_SUBJECT: Final = 150


class Kind(StrEnum):
    """
    APPROVAL  one order that one person is asked about: `order`, `customer`, `requester`, `total`, `step`, `expires_at`;
              the link itself comes with the envelope.
    ALERTS    what needs an operator: `entries` of {what, subject, count, first_at, last_at, facts}, `more` without a
              name.
    """

    ALERTS = "alerts"
    APPROVAL = "approval"


def msgid(text: str) -> str:
    """Marks a text of the code as one to translate; it is looked up where it is used."""
    return text


SUBJECTS: Final[Mapping[str, str]] = {
    Kind.ALERTS: msgid("Crossdock needs you: %(first)s"),
    Kind.APPROVAL: msgid("Please decide: order %(order)s"),
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    mail_id   of the row; the Message-ID is made of it, so that every attempt has the same.
    at        when the mail was written down.
    number    by which people and we speak of what it is about (`X-Request-ID`).
    base_url  without a slash at the end; `link` an address below it for this receiver alone.
    """

    sender: str
    recipient: str
    mail_id: str
    at: datetime
    number: str
    base_url: str
    link: str | None = None

    @property
    def message_id(self) -> str:
        return f"<{self.mail_id}@{self.sender.rpartition('@')[2]}>"


def compose(kind: str, language: str, data: Mapping[str, Any], envelope: Envelope) -> bytes:
    """The whole mail, lines ended by CR LF. Raises KeyError or ValueError for data that such a letter cannot be made
    of."""
    kind = Kind(kind)
    context = {
        **data,
        "operations_url": f"{envelope.base_url}/operations",
        "mails_url": f"{envelope.base_url}/operations/mail",
        "number": envelope.number,
        "link": envelope.link,
    }
    made = EmailMessage(policy=SMTP)
    made["From"] = envelope.sender
    made["To"] = envelope.recipient
    made["Subject"] = one_line(_texts(language).gettext(SUBJECTS[kind]) % _heading(kind, data))
    made["Date"] = format_datetime(envelope.at)
    made["Message-ID"] = envelope.message_id
    made["X-Request-ID"] = one_line(envelope.number)
    made["Auto-Submitted"] = "auto-generated"
    text, page = (_environment(language).get_template(f"{kind}.{form}").render(context) for form in ("txt", "html"))
    made.set_content(text)
    made.add_alternative(page, subtype="html")
    # Now: the library hands what is there before on to the first part.
    made["Content-Language"] = language
    # Else it would differ from attempt to attempt.
    made.set_boundary(f"=_{envelope.mail_id}")
    return made.as_bytes()


def one_line(text: str) -> str:
    """For a header: nothing in it can end the line."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:LONGEST_SUBJECT]


def _heading(kind: Kind, data: Mapping[str, Any]) -> dict[str, str]:
    match kind:
        case Kind.ALERTS:
            first = data["entries"][0]
            return {"first": f"{first['what']} {first['subject']}".strip()}
        case Kind.APPROVAL:
            return {"order": data["order"]}


@cache
def _texts(language: str) -> Any:
    return catalogues(HERE / "locale", language)


@cache
def _environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(_texts(language), newstyle=True)  # type: ignore[attr-defined]  # by the extension
    as_read = formats(language)
    made.globals["language"] = language
    made.filters.update(
        money=lambda kept: as_read.money(Money(amount=Decimal(kept["amount"]), currency=kept["currency"])),
        count=as_read.number,
        time=lambda kept: as_read.time(datetime.fromisoformat(kept)),
    )
    return made
