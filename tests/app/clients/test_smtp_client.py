"""Mail over real connections: what a server may answer, TLS, names, logins, and what is told of each."""

import socket
from pathlib import Path

import pytest
from mail_server import PASSWORD, USER, Mailbox, certificate, mail_server

from app.clients import smtp
from app.clients.smtp import Lost, NotSent, Refused, Security, Server, send
from app.seal import Secret

MESSAGE = b"From: a@crossdock.example\r\nTo: b@buyer.example\r\nSubject: Hi\r\n\r\n.begins with a dot\r\n"

AUTH_OVER_TLS = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
"""The server's library knows of STARTTLS only."""


def deliver(box: Mailbox, *, to: str = "b@buyer.example", security: Security = "none", **more: object) -> str:
    server = Server(host="127.0.0.1", port=box.port, security=security, **more)  # type: ignore[arg-type]
    return send(server, sender="a@crossdock.example", recipient=to, message=MESSAGE)


def test_a_mail_arrives_as_it_was_written() -> None:
    with mail_server() as box:
        assert "queued as 4711" in deliver(box)
    assert box.envelopes == [("a@crossdock.example", ["b@buyer.example"])]
    assert box.taken == [MESSAGE]


@pytest.mark.parametrize(
    ("rcpt", "data", "error"),
    [
        ("550 no such user", "250 OK", Refused),
        ("450 mailbox busy", "250 OK", NotSent),
        ("530 log in first", "250 OK", NotSent),
        ("250 OK", "554 looks like spam", Refused),
        ("250 OK", "451 try again later", NotSent),
    ],
)
def test_what_the_server_says_no_to(rcpt: str, data: str, error: type[Exception]) -> None:
    with mail_server() as box:
        box.rcpt, box.data = rcpt, data
        said = (rcpt if not rcpt.startswith("250") else data)[:3]
        with pytest.raises(error, match=said):
            deliver(box)
    assert box.taken == []


def test_a_connection_cut_after_the_message_leaves_it_open_whether_it_was_taken() -> None:
    with mail_server() as box:
        box.cut = True
        with pytest.raises(Lost):
            deliver(box)
    assert len(box.taken) == 1


def test_a_server_that_is_not_there_took_nothing() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NotSent):
        deliver(Mailbox(port=port))


def test_a_server_that_says_nothing_took_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "CONNECT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NotSent):
        deliver(Mailbox(port=silent.getsockname()[1]))


@AUTH_OVER_TLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_over_tls_with_a_login(security: Security, tmp_path: Path) -> None:
    pem = certificate(tmp_path, "127.0.0.1")
    with mail_server(security=security, certificate=pem, login=True) as box:
        deliver(box, security=security, ca_file=pem, user=USER, password=Secret(PASSWORD))
    assert len(box.taken) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_another_name_is_not_trusted(security: Security, tmp_path: Path) -> None:
    pem = certificate(tmp_path, "mail.elsewhere.example")
    with mail_server(security=security, certificate=pem) as box, pytest.raises(NotSent):
        deliver(box, security=security, ca_file=pem)
    assert box.taken == []


def test_a_certificate_that_nobody_signed_is_not_trusted(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "127.0.0.1")
    with mail_server(security="starttls", certificate=pem) as box, pytest.raises(NotSent):
        deliver(box, security="starttls")
    assert box.taken == []


def test_without_starttls_nothing_is_sent_where_it_is_asked_for() -> None:
    with mail_server() as box, pytest.raises(NotSent):
        deliver(box, security="starttls", user=USER, password=Secret(PASSWORD))
    assert box.taken == []


@AUTH_OVER_TLS
def test_a_wrong_password_is_no_fault_of_the_mail_and_is_not_shown(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "127.0.0.1")
    wrong = "not the password"
    with mail_server(security="tls", certificate=pem, login=True) as box, pytest.raises(NotSent, match="535") as told:
        deliver(box, security="tls", ca_file=pem, user=USER, password=Secret(wrong))
    assert wrong not in str(told.value)
    assert box.taken == []


def test_a_password_is_not_sent_in_the_open() -> None:
    with pytest.raises(ValueError, match="without TLS"):
        Server(host="mail.example", port=25, security="none", user=USER, password=Secret(PASSWORD))


@pytest.mark.parametrize(
    "address",
    ["", "ana", "ana@", "@example.com", "a@b@c", "a b@c.example", "a@c.example\r\nRCPT TO:<x@y>", "A <a@c.example>"],
)
def test_what_is_no_single_address_is_never_said_to_a_server(address: str) -> None:
    with mail_server() as box, pytest.raises(Refused):
        deliver(box, to=address)
    assert box.envelopes == []


def test_letters_beyond_ascii_in_an_address_need_a_server_that_takes_them() -> None:
    with mail_server() as box, pytest.raises(Refused, match="ASCII"):
        deliver(box, to="ána@buyer.example")


def test_and_then_it_is_taken() -> None:
    with mail_server(utf8=True) as box:
        deliver(box, to="ána@buyer.example")
    assert box.envelopes == [("a@crossdock.example", ["ána@buyer.example"])]
