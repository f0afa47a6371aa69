"""A gateway with a mail server, the mails it owes, and a way to hand them over."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from mail_server import Mailbox
from sqlmodel import col, select

from app.gateway import Gateway
from app.jobs import mail
from app.storage.mails import MailRow
from app.work import MailId

SENDER = "crossdock@shop.example"


def with_mail(gateway: Gateway, box: Mailbox, **more: object) -> Gateway:
    """The gateway with settings for that server."""
    known = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none", "mail_from": SENDER}
    return replace(gateway, settings=gateway.settings.model_copy(update={**known, **more}))


@dataclass
class Outbox:
    gateway: Gateway
    box: Mailbox

    def rows(self) -> list[MailRow]:
        with self.gateway.database.read() as session:
            return list(session.exec(select(MailRow).order_by(col(MailRow.sequence))))

    def row(self) -> MailRow:
        (row,) = self.rows()
        return row

    def send(self) -> MailRow:
        """Runs the job for the only mail."""
        self._run(self.row())
        return self.row()

    def send_all(self) -> None:
        for row in self.rows():
            self._run(row)

    def _run(self, row: MailRow) -> None:
        """In a thread, as the engine does: the test may be in an event loop."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(mail.run, self.gateway, MailId(realm=row.realm, mail_id=row.id)).result()
