"""Sends orders as Standard Webhooks 1.0.0 and asks the same system what it has.

    POST {url}/orders                              an order event (wire.py), 2xx with {"id": ..., "number": ...}
    GET  {url}/orders?reference=...&customer=...   {"orders": [...]}, all of that reference that are not cancelled

Both are signed. A look-up has no body, so its signature is made over path and query instead: else one that was
overheard could be asked again about other orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import httpx
from standardwebhooks import Webhook

from app.bridge.adapter import CannotTell, Delivery, Found, Label, Outcome, Retry, Uncertain
from app.bridge.rest_json import mapping
from app.clients.http import HttpClient, Lost, NotSent
from app.clock import Clock
from app.seal import Secret
from app.storage.base import new_id


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
    label: Label = Label.STAND_IN

    @property
    def longest(self) -> timedelta:
        return timedelta(seconds=self.client.limits.total)

    def submit(self, delivery: Delivery) -> Outcome:
        body = mapping.event(delivery, self.source)
        headers = self._signed(delivery.id, body.decode()) | {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "Idempotency-Key": delivery.id,
            "X-Correlation-Id": delivery.correlation_id,
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

    def _signed(self, message_id: str, text: str) -> dict[str, str]:
        now = self.clock.now()
        signatures = (Webhook(secret.reveal()).sign(message_id, now, text) for secret in self.secrets)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
