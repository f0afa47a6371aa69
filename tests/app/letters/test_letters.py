"""What a mail looks like: its header, its two parts, its languages, and what nobody can smuggle into it."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from app.languages import LANGUAGES
from app.letters.letter import OF_APPROVALS, OF_PASSWORDS, Envelope, Kind, compose

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
ENTRY = {
    "what": "delivery.late",
    "subject": "main",
    "count": 3,
    "first_at": AT.isoformat(),
    "last_at": AT.isoformat(),
    "facts": {"order": "PO-1"},
}


def envelope(**more: Any) -> Envelope:
    given = {
        "sender": "crossdock@shop.example",
        "recipient": "ops@shop.example",
        "mail_id": "0195",
        "at": AT,
        "number": "req-7",
        "base_url": "https://crossdock.example",
    }
    return Envelope(**{**given, **more})


def alerts(language: str = "en", envelope: Envelope = envelope(), **more: Any) -> EmailMessage:  # noqa: B008 - frozen
    data = {"entries": [{**ENTRY, **more}], "more": 2}
    read = message_from_bytes(compose(Kind.ALERTS, language, data, envelope), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(mail: EmailMessage, kind: str) -> str:
    (found,) = [part for part in mail.iter_parts() if part.get_content_subtype() == kind]
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


def test_the_header_says_whose_it_is_and_that_no_person_wrote_it() -> None:
    mail = alerts()
    assert {name: mail[name] for name in ("From", "To", "Message-ID", "Auto-Submitted", "X-Request-ID")} == {
        "From": "crossdock@shop.example",
        "To": "ops@shop.example",
        "Message-ID": "<0195@shop.example>",
        "Auto-Submitted": "auto-generated",
        "X-Request-ID": "req-7",
    }
    assert mail["Date"].datetime == AT
    assert mail["Subject"] == "Crossdock needs you: delivery.late main"


def test_both_parts_say_the_same_and_link_to_our_own_address() -> None:
    mail = alerts()
    for text in (part(mail, "plain"), part(mail, "html")):
        assert "delivery.late" in text
        assert "3 times" in text
        assert "PO-1" in text
        assert "And 2 more." in text
        assert "https://crossdock.example/operations" in text


def test_every_attempt_is_the_same_mail() -> None:
    data = {"entries": [ENTRY], "more": 0}
    assert compose(Kind.ALERTS, "en", data, envelope()) == compose(Kind.ALERTS, "en", data, envelope())


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_receivers_language(language: str) -> None:
    mail = alerts(language)
    assert mail["Content-Language"] == language
    subjects = {
        "en": "needs you",
        "es": "necesita de usted",
        "pt": "precisa de si",
        "fr": "a besoin de vous",
        "de": "braucht Sie",
    }
    assert subjects[language] in mail["Subject"]


@pytest.mark.parametrize("bad", ["x\r\nBcc: everybody@example.com", "x\nBcc: e@example.com", "x\u2028Bcc: e@e.example"])
def test_nothing_that_a_partner_wrote_begins_a_new_header(bad: str) -> None:
    raw = compose(Kind.ALERTS, "en", {"entries": [{**ENTRY, "subject": bad}], "more": 0}, envelope(number=bad))
    head = raw.partition(b"\r\n\r\n")[0]
    assert not [line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc")]
    assert alerts(subject=bad)["Bcc"] is None


def test_an_address_that_ends_the_line_is_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        alerts(envelope=envelope(recipient="a@example.com\r\nBcc: b@example.com"))


def test_markup_is_shown_and_not_obeyed() -> None:
    mail = alerts(facts={"order": "<img src=https://evil.example/>"})
    assert "<img" not in part(mail, "html")
    assert "&lt;img" in part(mail, "html")


def test_a_long_subject_is_cut() -> None:
    assert len(alerts(subject="x" * 1_000)["Subject"]) <= 150


ABOUT_AN_ORDER: dict[str, Any] = {
    "order": "PO-1",
    "customer": "Ana Ltd",
    "requester": "ana@example.com",
    "total": {"amount": "99.50", "currency": "EUR"},
    "step": "Purchasing lead",
    "asked_at": AT.isoformat(),
    "due_at": AT.isoformat(),
    "by": "Bob",
    "text": "Why <so> dear?",
    "differences": [
        {"at": "price", "line": 3, "before": "1.00 EUR", "after": "2.00 EUR"},
        {"at": "ship_to", "line": None, "before": "Berlin", "after": None},
    ],
    "link_id": "1",
    "expires_at": AT.isoformat(),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(OF_APPROVALS))
def test_each_mail_about_an_approval_says_the_same_in_both_parts_and_in_its_language(kind: str, language: str) -> None:
    def mail_in(spoken: str) -> EmailMessage:
        raw = compose(kind, spoken, ABOUT_AN_ORDER, envelope(link="https://crossdock.example/approve/x"))
        read = message_from_bytes(raw, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    mail = mail_in(language)
    for text in (part(mail, "plain"), part(mail, "html")):
        for told in ("PO-1", "Ana Ltd", "ana@example.com", "99", "Berlin", "https://crossdock.example/approve/x"):
            assert told in text
        assert "1.00 EUR" not in text, "what lines cost stays on the page"
    assert "PO-1" in mail["Subject"]
    assert "&lt;so&gt;" in part(mail, "html")
    if language != "en":
        english = mail_in("en")
        assert mail["Subject"] != english["Subject"]
        assert part(mail, "plain").partition("\n")[0] != part(english, "plain").partition("\n")[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(OF_PASSWORDS))
def test_a_mail_with_a_link_to_a_password_names_the_login_and_the_time_in_both_parts(kind: str, language: str) -> None:
    data = {"login": "nina", "name": "Nina <b>", "expires_at": AT.isoformat()}
    raw = compose(kind, language, data, envelope(link="https://crossdock.example/password/x"))
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    for text in (part(mail, "plain"), part(mail, "html")):
        for told in ("nina", "2026", "https://crossdock.example/password/x"):
            assert told in text
    assert "Nina &lt;b&gt;" in part(mail, "html")


def test_a_long_list_of_differences_is_counted() -> None:
    many = [{"at": "quantity", "line": number, "before": "1", "after": "2"} for number in range(1, 31)]
    raw = compose(Kind.CHANGED, "en", {**ABOUT_AN_ORDER, "differences": many}, envelope())
    read = message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert "And 10 more." in part(read, "plain")
