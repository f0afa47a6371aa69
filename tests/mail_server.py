"""A real mail server in a thread: takes mail, refuses it, or cuts the connection, as a test tells it to."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "crossdock", "a mail password"


@dataclass
class Mailbox:
    """What the server does: `rcpt` and `data` are answers to those commands, `cut` ends the connection once it has the
    message. `taken` is what it has."""

    rcpt: str = "250 OK"
    data: str = "250 queued as 4711"
    cut: bool = False
    taken: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    port: int = 0

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(mail, policy=policy.default) for mail in self.taken]  # type: ignore[misc]

    async def handle_RCPT(  # noqa: N802 - the name is the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.cut:
            self.taken.append(_bytes(envelope))
            server.transport.abort()
            return "250 never read"
        if self.data.startswith("250"):
            self.taken.append(_bytes(envelope))
            self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
        return self.data


def _bytes(envelope: Envelope) -> bytes:
    content = envelope.content
    assert isinstance(content, bytes)
    return content


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    # Not handled: the library says yes or no in the protocol's words.
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(
    *, security: str = "none", certificate: Path | None = None, login: bool = False, utf8: bool = False
) -> Iterator[Mailbox]:
    box = Mailbox()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    more: dict[str, Any] = {"ssl_context": context} if security == "tls" else {"tls_context": context}
    if security == "starttls":
        more["require_starttls"] = True
    if login:
        more |= {"authenticator": _login, "auth_required": True, "auth_require_tls": security != "tls"}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=_free_port(),
        server_hostname="mail.example",
        enable_SMTPUTF8=utf8,
        **more,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for a host name or an address, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        who: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        who = x509.DNSName(name)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([who]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
