"""Everything an operator can set, read from `CROSSDOCK_*` variables. A setting that contradicts itself stops the start
with a sentence that says what to do."""

import socket
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.mail_address import is_address
from schemas.money import Money

Network = IPv4Network | IPv6Network
MOST_HOURS = 2_000
"""Working hours of a year."""
RoleName = Literal["admin", "flow_author", "operator", "approver", "auditor"]


class Settings(BaseSettings):
    """
    data              where files live: the SQLite database, the key file.
    disk_free         bytes that must be free there, or /readyz says no (SQLite) or degraded.
    metrics_port      where a worker serves /metrics and /healthz, on this machine only; unset: nowhere.
    database_url      SQLite below `data` when unset.
    database_pool     how many connections this process may hold, all together.
    base_url          how the world reaches this server; links and the cXML profile are built from it, never from the
                      Host header.
    keys, key_file    the sealing keys: the text itself, or a file (default: `seal.keys` below `data`).
    embedded          this process works as well as serves; off where workers are processes of their own.
    demo              set by `crossdock demo`: the people of the demo may sign in.
    worker_id         stable and unique for each worker process: a restarted worker takes up its own unfinished work.
    worker_threads    how much of the work runs at the same time in one worker.
    poll_seconds      how often a worker looks for work that has not begun at its commit: what comes due later, what
                      another process left.
    write_queue       how many pieces of work may wait for the group-commit writer before senders get 503.
    intake_body       largest body of a business document, in bytes; `intake_memory` how many bytes of bodies may be in
                      memory at once.
    quarantine_rows, quarantine_bytes   what unknown senders may occupy at most.
    connections       how many may be open at once in one process; of those without a request the one that has waited
                      longest gives way.
    posts_per_minute  business documents one connection, and one address without known sender, may post each minute.
    duplicate_days    how long a document's key and its answer are remembered.
    retention_days    how long the bytes of documents are kept where no rule says otherwise.
    delivery_hours    how long an order is offered to an ERP that cannot take it, or a look-up repeated, before people
                      must decide.
    promise_hours     after how long people hear that a buyer who was told "later" still waits for the outcome.
    case_hours        in how many working hours a case at the desk should be settled, then those of kinds that differ:
                      `16, erp=4, unit=8`. Working hours are 9 to 17, Monday to Friday, in `time_zone`.
    second_factor_roles   roles whose people must have a second factor before they may work.
    operators         networks that may read /metrics and /readyz.
    smtp_host         the mail server; unset: no mail is written. `smtp_security`: `starttls`, `tls` or `none`.
    smtp_ca_file      certificates to trust for it instead of the system's.
    mail_from         the sender of our mails.
    alert_mail        addresses that are told by mail what needs a person.
    approve_by_link   up to which total, in this currency, whoever has the link of a mail may decide without signing in.
    approve_together  up to which total, in this currency, orders may be approved several at once without being opened.
    rules_by_two      approval rules are published by somebody else than who began the draft or saved it last.
    time_zone         in which nightly work begins and charts show their times (IANA name).
    reply_private_networks whether partners' systems to which we send by ourselves may, and may be spoken to over http.
    erp_private_networks   whether ERP endpoints may lie in private networks (an admin's decision).
    """

    model_config = SettingsConfigDict(env_prefix="CROSSDOCK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    data: Path = Path("crossdock-data")
    disk_free: int = Field(default=500_000_000, ge=0)
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    database_url: SecretStr | None = None
    database_pool: int = Field(default=12, ge=7, le=200)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    base_url: HttpUrl | None = None
    keys: SecretStr | None = None
    key_file: Path | None = None
    embedded: bool = True
    demo: bool = False
    worker_id: str = Field(default="worker-1", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    worker_threads: int = Field(default=16, ge=1, le=500)
    poll_seconds: float = Field(default=1.0, gt=0, le=5)
    write_queue: int = Field(default=2_000, ge=1)
    intake_body: int = Field(default=20_000_000, ge=1_000)
    intake_memory: int = Field(default=200_000_000, ge=1_000)
    quarantine_rows: int = Field(default=1_000, ge=0)
    quarantine_bytes: int = Field(default=50_000_000, ge=0)
    connections: int = Field(default=2_000, ge=10, le=100_000)
    posts_per_minute: int = Field(default=6_000, ge=1)
    delivery_hours: int = Field(default=72, ge=1)
    promise_hours: int = Field(default=24, ge=1)
    case_hours: str = "16, erp=4"
    duplicate_days: int = Field(default=30, ge=30)
    retention_days: int = Field(default=400, ge=30)
    operators: Annotated[tuple[Network, ...], NoDecode] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    second_factor_roles: Annotated[tuple[RoleName, ...], NoDecode] = ()
    erp_private_networks: bool = False
    reply_private_networks: bool = False
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_ca_file: Path | None = None
    mail_from: str | None = None
    alert_mail: Annotated[tuple[str, ...], NoDecode] = ()
    approve_by_link: str = "500 EUR"
    approve_together: str = "500 EUR"
    rules_by_two: bool = False
    time_zone: str = "UTC"
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("operators", "second_factor_roles", "alert_mail", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("alert_mail")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [address for address in value if not is_address(address)]
        if wrong:
            raise ValueError(f"no mail address: {', '.join(wrong)}")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_public(cls, value: HttpUrl | None) -> HttpUrl | None:
        if value is not None and (value.username or value.password):
            raise ValueError("an address that everybody is shown has neither name nor password")
        return value

    @field_validator("approve_by_link", "approve_together")
    @classmethod
    def _is_money(cls, value: str) -> str:
        try:
            money_of(value)
        except (ValueError, ArithmeticError):
            raise ValueError("an amount and a currency are needed, like 500 EUR; 0 EUR: no order") from None
        return value

    @field_validator("case_hours")
    @classmethod
    def _are_hours(cls, value: str) -> str:
        try:
            hours_of(value)
        except ValueError:
            raise ValueError("whole working hours are needed, then those of kinds that differ: 16, erp=4") from None
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("there is no such time zone; names are like Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if self.smtp_host is None:
            if self.alert_mail:
                raise ValueError("CROSSDOCK_ALERT_MAIL needs a mail server: set CROSSDOCK_SMTP_HOST")
            return self
        if self.mail_from is None or not is_address(self.mail_from):
            raise ValueError("CROSSDOCK_SMTP_HOST is set: CROSSDOCK_MAIL_FROM must be the address that mails come from")
        if self.smtp_password is not None and self.smtp_user is None:
            raise ValueError("CROSSDOCK_SMTP_PASSWORD needs CROSSDOCK_SMTP_USER")
        if self.smtp_user is not None and self.smtp_security == "none":
            raise ValueError("CROSSDOCK_SMTP_USER needs TLS: set CROSSDOCK_SMTP_SECURITY to starttls or tls")
        return self

    def decides_by_link(self, total: Money | None, limit: Money | None = None) -> bool:
        """`limit` is that of the order's rules, where they have one. Never for what has no total, or one in another
        currency."""
        return _within(limit or money_of(self.approve_by_link), total)

    def hours_of_case(self, code: str) -> int:
        """`unit.unknown` is a case of the kind `unit`."""
        hours = hours_of(self.case_hours)
        return hours.get(code.partition(".")[0], hours[""])

    @property
    def approved_unopened(self) -> Money:
        return money_of(self.approve_together)

    def approves_unopened(self, total: Money | None) -> bool:
        """Likewise."""
        return _within(self.approved_unopened, total)

    @property
    def process_id(self) -> str:
        """The name under which this process is listed: the worker's id, or where a server without work listens."""
        return self.worker_id if self.embedded else f"web@{socket.gethostname()}:{self.port}"[:60]

    @property
    def url_of_database(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data / 'crossdock.db'}"

    @property
    def url(self) -> str:
        """The public address, without a trailing slash."""
        return str(self.base_url).rstrip("/") if self.base_url else f"http://{self.host}:{self.port}"

    @property
    def path_of_keys(self) -> Path:
        return self.key_file or self.data / "seal.keys"


def money_of(text: str) -> Money:
    """`500 EUR`. Raises ValueError and ArithmeticError for what is no amount of a currency."""
    amount, _, currency = text.partition(" ")
    return Money(amount=Decimal(amount), currency=currency)


def hours_of(text: str) -> dict[str, int]:
    """`16, erp=4`: by kind, and under "" those of all others. Raises ValueError."""
    hours: dict[str, int] = {}
    for part in text.split(","):
        kind, equals, number = part.rpartition("=")
        if bool(equals) != bool(hours) or (equals and not kind.strip()) or not 1 <= int(number) <= MOST_HOURS:
            raise ValueError(text)
        hours[kind.strip()] = int(number)
    return hours


def _within(limit: Money, total: Money | None) -> bool:
    return total is not None and total.currency == limit.currency and total.amount <= limit.amount
