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
from app.languages import catalogues, msgid
from app.letters import approval_words, password_words
from schemas.money import Money

HERE: Final = Path(__file__).parent
LONGEST_SUBJECT: Final = 150


class Kind(StrEnum):
    """
    ALERTS    what needs an operator: `entries` of {what, subject, count, first_at, last_at, facts}, `more` without a
              name.
    INVITATION, NEW_PASSWORD   the link by which somebody chooses a password: `login`, `name`, `expires_at`.
    The others are about the approval of one order: `order`, `customer`, `requester`, `total`, `step`, `asked_at`,
    `due_at`, `by`, `stands_for`, `text`, `differences`, `expires_at`; the link itself comes with the envelope. Their
    words are in `approval_words`.
    """

    ALERTS = "alerts"
    INVITATION = "invitation"
    NEW_PASSWORD = "new_password"  # noqa: S105 - a kind of mail
    APPROVAL = "approval"
    DELEGATED = "approval_delegated"
    REMINDED = "approval_reminded"
    OVERDUE = "approval_overdue"
    WATCHING = "approval_watching"
    QUESTION = "approval_question"
    ANSWER = "approval_answer"
    CHANGED = "approval_changed"
    SUPERSEDED = "approval_superseded"
    WITHDRAWN = "approval_withdrawn"
    SENT_BACK = "approval_sent_back"
    UNCHANGED = "approval_unchanged"


OF_PASSWORDS: Final = frozenset({Kind.INVITATION, Kind.NEW_PASSWORD})
OF_APPROVALS: Final = frozenset(Kind) - OF_PASSWORDS - {Kind.ALERTS}
ALERTS_SUBJECT: Final = msgid("Crossdock needs you: %(first)s")
MOST_DIFFERENCES: Final = 20
"""Differences that one mail names; the rest it counts."""


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
    if kind is Kind.ALERTS:
        name, said = "alerts", _alerts(data, language)
    elif kind in OF_PASSWORDS:
        name, said = "password", _password(kind, data, language)
    else:
        name, said = "approval", _approval(kind, data, language)
    context = {
        **said,
        "operations_url": f"{envelope.base_url}/operations",
        "mails_url": f"{envelope.base_url}/operations/mail",
        "number": envelope.number,
        "link": envelope.link,
    }
    made = EmailMessage(policy=SMTP)
    made["From"] = envelope.sender
    made["To"] = envelope.recipient
    made["Subject"] = one_line(said["subject"])
    made["Date"] = format_datetime(envelope.at)
    made["Message-ID"] = envelope.message_id
    made["X-Request-ID"] = one_line(envelope.number)
    made["Auto-Submitted"] = "auto-generated"
    text, page = (_environment(language).get_template(f"{name}.{form}").render(context) for form in ("txt", "html"))
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


def _alerts(data: Mapping[str, Any], language: str) -> dict[str, Any]:
    first = data["entries"][0]
    subject = _texts(language).gettext(ALERTS_SUBJECT) % {"first": f"{first['what']} {first['subject']}".strip()}
    return {**data, "subject": subject}


def _approval(kind: Kind, data: Mapping[str, Any], language: str) -> dict[str, Any]:
    texts, words = _texts(language), approval_words.words_of(kind, data)
    named = {"order": data["order"], "by": data.get("by") or data.get("stands_for") or ""}
    changes = list(data.get("differences") or ())
    return {
        **_NOT_SAID,
        **data,
        "subject": texts.gettext(words.subject) % named,
        "lead": texts.gettext(words.lead) % named,
        "action": texts.gettext(words.action),
        "decides": "link_id" in data,
        "differences": [_difference(changed, texts) for changed in changes[:MOST_DIFFERENCES]],
        "more_differences": max(0, len(changes) - MOST_DIFFERENCES),
    }


def _password(kind: Kind, data: Mapping[str, Any], language: str) -> dict[str, Any]:
    words = password_words.BY_KIND[kind]
    return {**data, **{name: _texts(language).gettext(text) for name, text in words._asdict().items()}}


_NOT_SAID: Final = dict.fromkeys(("step", "asked_at", "due_at", "stands_for", "text", "expires_at"))


def _difference(changed: Mapping[str, Any], texts: Any) -> dict[str, Any]:
    at, before, after = changed["at"], changed["before"], changed["after"]
    return {
        "line": changed["line"],
        "name": texts.gettext(approval_words.DIFFERENCES.get(at, at)),
        "before": before or "–",
        "after": after or "–",
        "shown": at not in approval_words.UNTOLD and (before or after),
    }


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
