"""Hands one mail to the mail server."""

import structlog

from app import trace
from app.clients import smtp
from app.clients.smtp import Lost, NotSent, Refused, Server
from app.errors import kill_point
from app.flows import send_mail
from app.flows.send_mail import NotTaken, Posting, Taken
from app.gateway import Gateway
from app.jobs.taking_up import TakingUp
from app.seal import Secret
from app.settings import Settings
from app.work import MailId

_log = structlog.get_logger(__name__)


def run(gateway: Gateway, argument: MailId) -> None:
    server = server_of(gateway.settings)
    if server is None:
        return
    posting = _taken_up(gateway, argument.mail_id)
    if posting is None:
        return
    trace.begin(posting.trace, mail=posting.mail_id)
    kill_point("mail.after_sending")
    result = _hand_over(server, posting)
    kill_point("mail.after_request")
    gateway.database.insist(lambda tx: send_mail.settle(tx, gateway, posting, result))
    _log.info("mail", mail=posting.mail_id, result=type(result).__name__)


def server_of(settings: Settings) -> Server | None:
    """None where no mail server is set."""
    if settings.smtp_host is None:
        return None
    password = settings.smtp_password
    return Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=Secret(password.get_secret_value()) if password is not None else None,
        ca_file=settings.smtp_ca_file,
    )


def _taken_up(gateway: Gateway, mail_id: str) -> Posting | None:
    taking_up: TakingUp[Posting] = TakingUp(
        lambda tx: send_mail.prepare(tx, gateway, mail_id),
        lambda tx, earlier: send_mail.resumed(tx, gateway, earlier),
    )
    return gateway.database.insist(taking_up)


def _hand_over(server: Server, posting: Posting) -> Taken | NotTaken:
    try:
        said = smtp.send(server, sender=posting.sender, recipient=posting.recipient, message=posting.message)
    except Refused as error:
        return NotTaken(str(error), for_good=True)
    except Lost as error:
        return NotTaken(str(error), perhaps=True)
    except NotSent as error:
        return NotTaken(str(error))
    return Taken(said)
