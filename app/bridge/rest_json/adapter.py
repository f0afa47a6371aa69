"""Sends orders as Standard Webhooks 1.0.0 and asks the same system what it has.

    POST {url}/orders                              an order event (wire.py), 2xx with {"id": ..., "number": ...}
    GET  {url}/orders?reference=...&customer=...   {"orders": [...]}, all of that reference that are not cancelled

Both are signed. A look-up has no body, so its signature is made over path and query instead: else one that was
overheard could be asked again about other orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec
from standardwebhooks import Webhook

from app.bridge.adapter import CannotTell, Delivery, Found, Label, Outcome, Retry, SetUp, Uncertain
from app.bridge.rest_json import mapping
from app.clients.http import HttpClient, Limits, Lost, NotAllowed, NotSent, Reach, checked
from app.clock import Clock
from app.seal import Secret
from app.storage.base import new_id

LABEL: Final = Label.STAND_IN
SIGNING: Final = "signing"
"""Purpose of the secrets: `whsec_...`."""


class RestJsonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    url             the base: `/orders` comes after it.
    plain_http      it may begin with `http:`, for an ERP on the same machine or network.
    timeout         seconds for one exchange, 15 to 30 being usual for webhooks.
    settle          seconds after which a look-up that finds nothing may be believed: at least the ERP's own limit.
    at_once         how many orders it takes at the same time.
    ca_file         certificates of a private authority (PEM).
    """

    url: str
    plain_http: bool = False
    timeout: float = 20.0
    settle: float = 60.0
    at_once: int = 8
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 300:
            raise ValueError("timeout is between 0 and 300 seconds")
        if not 0 <= self.settle <= 86_400:
            raise ValueError("settle is between 0 and 86400 seconds")
        if not 1 <= self.at_once <= 1_000:
            raise ValueError("at_once is between 1 and 1000")


def build(given: SetUp) -> "RestJson":
    """Raises ValueError for settings that cannot be: msgspec.ValidationError, NotAllowed's text, no secret."""
    settings = msgspec.convert(given.settings, RestJsonSettings)
    reach = Reach(plain_http=settings.plain_http, private=given.private_networks, ports=None)
    try:
        checked(settings.url, reach)
    except NotAllowed as error:
        raise ValueError(f"url: {error}") from error
    secrets = given.secrets.get(SIGNING, ())
    if not secrets:
        raise ValueError(f"there is no {SIGNING} secret that is valid now")
    return RestJson(
        client=HttpClient(
            reach,
            Limits(total=settings.timeout, connections=settings.at_once),
            ca_file=Path(settings.ca_file) if settings.ca_file else None,
        ),
        clock=given.clock,
        url=settings.url.rstrip("/"),
        source=f"crossdock/{given.realm}",
        secrets=secrets,
        settle=timedelta(seconds=settings.settle),
        at_once=settings.at_once,
    )


@dataclass(frozen=True, slots=True)
class RestJson:
    """
    secrets   `whsec_...`, the newest first: one, or two while the ERP changes over; each request carries a signature
              by each.
    source    who we are in the events (CloudEvents `source`), constant for one installation.
    """

    client: HttpClient
    clock: Clock
    url: str
    source: str
    secrets: Sequence[Secret]
    settle: timedelta
    at_once: int
    label: Label = LABEL

    @property
    def longest(self) -> timedelta:
        return timedelta(seconds=self.client.limits.total)

    def submit(self, delivery: Delivery) -> Outcome:
        body = mapping.event(delivery, self.source)
        headers = self._signed(delivery.id, body.decode()) | {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "Idempotency-Key": delivery.id,
        }
        try:
            answer = self.client.send("POST", f"{self.url}/orders", headers=headers, body=body)
        except NotSent as error:
            return Retry(str(error))
        except Lost as error:
            return Uncertain(str(error))
        return mapping.outcome(answer.status, answer.body, answer.retry_after(self.clock.now()))

    def find(self, reference: str, customer: str) -> Found:
        url = httpx.URL(f"{self.url}/orders?" + urlencode({"reference": reference, "customer": customer}))
        headers = self._signed(new_id(), url.raw_path.decode("ascii"))
        try:
            answer = self.client.send("GET", str(url), headers=headers)
        except (NotSent, Lost) as error:
            return CannotTell(str(error))
        return mapping.found(answer.status, answer.body)

    def close(self) -> None:
        self.client.close()

    def _signed(self, message_id: str, text: str) -> dict[str, str]:
        now = self.clock.now()
        signatures = (Webhook(secret.reveal()).sign(message_id, now, text) for secret in self.secrets)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
