"""Every outgoing mail connection: one message to one address over one connection.

What came of it is told in three kinds, since mail cannot be asked afterwards: surely not taken (`NotSent`), refused for
good (`Refused`), and perhaps taken (`Lost`), when the connection ended after the message had gone out.

Names are verified and TLS is insisted on where it is set: a server that does not offer STARTTLS gets neither password
nor mail.
"""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from app.mail_address import is_address
from app.seal import Secret

Security = Literal["starttls", "tls", "none"]

CONNECT: Final = 10.0
ANSWER: Final = 30.0
"""Seconds for the connection with its TLS, and for each answer of the server."""
GOODBYE: Final = 2.0
LONGEST: Final = 90.0
"""Seconds for everything together."""
_LONGEST_REASON: Final = 500
_LOGIN_WANTED: Final = 530


class NotSent(Exception):
    """The server surely does not have it; later it may be taken."""


class Refused(Exception):
    """The server refused this address or this message for good."""


class Lost(Exception):
    """The message went out and no answer was read: the server may have taken it."""


@dataclass(frozen=True, slots=True)
class Server:
    """
    security  `starttls` and `tls` (from the first byte, port 465) verify the server's name; `none` is plain text.
    ca_file   certificates to trust instead of the system's.
    """

    host: str
    port: int
    security: Security
    user: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.password is not None and self.user is None:
            raise ValueError("a password needs a user")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is not sent over a connection without TLS")


def send(server: Server, *, sender: str, recipient: str, message: bytes) -> str:
    """Hands one message over and returns what the server said to it. Waits; not for an event loop's thread.

    sender, recipient   bare addresses for the envelope.
    message             the whole mail with its header, lines ended by CR LF.
    Raises NotSent, Refused, Lost."""
    for address in (sender, recipient):
        if not is_address(address):
            raise Refused(f"{address!r} is no mail address")
    return asyncio.run(_bounded(server, sender, recipient, message))


async def _bounded(server: Server, sender: str, recipient: str, message: bytes) -> str:
    progress = _Progress()
    try:
        async with asyncio.timeout(LONGEST):
            return await _send(server, sender, recipient, message, progress)
    except TimeoutError:
        if progress.said is not None:
            return progress.said
        raise progress.failure("no answer in time") from None


@dataclass(slots=True)
class _Progress:
    """Whether the message itself may have gone out, and what the server said when it took it."""

    offered: bool = False
    said: str | None = None

    def failure(self, reason: str) -> NotSent | Lost:
        return Lost(reason) if self.offered else NotSent(reason)


async def _send(server: Server, sender: str, recipient: str, message: bytes, progress: _Progress) -> str:
    client = SMTP(
        hostname=server.host,
        port=server.port,
        timeout=CONNECT,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=_context(server),
        # Our name for the greeting; the machine's own may be anything.
        local_hostname="crossdock.invalid",
    )
    try:
        try:
            await client.connect()
            if server.user is not None:
                password = server.password.reveal() if server.password is not None else ""
                await client.login(server.user, password, timeout=ANSWER)
            options = await _options(client, sender, recipient)
            await client.mail(sender, options=options, encoding="utf-8", timeout=ANSWER)
        except SMTPException as error:
            # Whatever is wrong up to here is wrong with the server or its settings, not with this mail.
            raise NotSent(_told(error)) from None
        try:
            await client.rcpt(recipient, encoding="utf-8", timeout=ANSWER)
            progress.offered = True
            answer = await client.data(message, timeout=ANSWER)
        except SMTPResponseException as error:
            raise _refusal(error) from None
        except SMTPException as error:
            raise progress.failure(_told(error)) from None
        progress.said = said = f"{answer.code} {answer.message}"[:_LONGEST_REASON]
    except (OSError, ValueError) as error:
        raise progress.failure(_told(error)) from None
    else:
        return said
    finally:
        await _hang_up(client, polite=progress.said is not None)


async def _hang_up(client: SMTP, *, polite: bool) -> None:
    """At once: to wait for the end of TLS would be to wait for the server. What it said stands already."""
    transport = client.transport
    if polite:
        with suppress(SMTPException, OSError):
            await client.execute_command(b"QUIT", timeout=GOODBYE)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    client.close()
    # The socket is closed in the loop's next turns.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _context(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file is not None else None)


async def _options(client: SMTP, sender: str, recipient: str) -> list[str]:
    if sender.isascii() and recipient.isascii():
        return []
    if not client.last_ehlo_response:
        await client.ehlo(timeout=ANSWER)
    if not client.supports_extension("smtputf8"):
        raise Refused("the mail server does not take addresses with letters beyond ASCII")
    return ["SMTPUTF8", "BODY=8BITMIME"]


def _refusal(error: SMTPResponseException) -> NotSent | Refused:
    """Of the address or the message: 5xx is for good, anything else may be taken later; so may what wants a login."""
    return Refused(_told(error)) if error.code // 100 == 5 and error.code != _LOGIN_WANTED else NotSent(_told(error))


def _told(error: Exception) -> str:
    code = f"{error.code} " if isinstance(error, SMTPResponseException) and error.code > 0 else ""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    shown = "".join(character if character.isprintable() else " " for character in str(text))
    return f"{code}{shown}"[:_LONGEST_REASON]
