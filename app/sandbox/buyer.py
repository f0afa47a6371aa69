"""A virtual cXML buyer: it writes, posts and reads as a procurement system does, over HTTP, and takes what we send by
ourselves at an address of its own."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, TypeVar

import httpx

from app.sandbox.access import Cxml
from protocols.cxml import order_request, profile, punchout_setup, punchout_setup_response, status
from protocols.cxml.credentials import Credential, Secret
from protocols.cxml.documents import Received, receive
from protocols.cxml.envelope import Envelope, open_document
from protocols.cxml.profile import Profile
from protocols.cxml.status import Status
from schemas.faults import Refused
from schemas.order import Order
from schemas.punchout import PunchoutRequest

T = TypeVar("T")

TIMEOUT: Final = 60.0
MEDIA_TYPE: Final = "text/xml; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. `cxml` is the Status in the body, None when the body is no cXML Response."""

    http: int
    body: bytes
    media_type: str
    cxml: Status | None

    @property
    def code(self) -> int | None:
        return self.cxml.code if self.cxml else None

    def __str__(self) -> str:
        said = f"Status {self.cxml.code} {self.cxml.reason or self.cxml.text}" if self.cxml else "no cXML"
        return f"HTTP {self.http}, {said}"


class VirtualBuyer:
    def __init__(self, access: Cxml) -> None:
        self.access = access
        self._client = httpx.Client(timeout=TIMEOUT, headers={"User-Agent": "Crossdock virtual buyer"})

    def close(self) -> None:
        self._client.close()

    def envelope(self, *, secret: str | None = None, test: bool = False) -> Envelope:
        """Of a new document of this buyer."""
        access = self.access
        proof = Secret(access.secret if secret is None else secret)
        now = datetime.now(UTC)
        return Envelope(
            payload_id=f"{now:%Y%m%dT%H%M%S}.{secrets.token_hex(6)}@buyer.example",
            sent_at=now,
            from_=(Credential(domain=access.from_.domain, identity=access.from_.identity),),
            to=(Credential(domain=access.to.domain, identity=access.to.identity),),
            sender=(Credential(domain=access.sender.domain, identity=access.sender.identity, secret=proof),),
            user_agent="Crossdock virtual buyer",
            language="en",
            test=test,
        )

    def post(self, body: bytes, media_type: str = MEDIA_TYPE) -> Reply:
        response = self._client.post(self.access.url, content=body, headers={"Content-Type": media_type})
        return Reply(
            http=response.status_code,
            body=response.content,
            media_type=response.headers.get("content-type", ""),
            cxml=_status_of(response.content),
        )

    def ask_profile(self) -> tuple[Reply, Profile | None]:
        reply = self.post(profile.write_request(self.envelope()))
        return reply, _payload(reply, profile.read)

    def punch_out(self, request: PunchoutRequest) -> tuple[Reply, str | None]:
        """The answer and the address of the start page."""
        reply = self.post(punchout_setup.write(request, self.envelope()))
        return reply, _payload(reply, punchout_setup_response.read)

    def order(self, order: Order) -> tuple[bytes, Reply]:
        """The bytes sent, for a resend, and the answer."""
        body = order_request.write(order, self.envelope())
        return body, self.post(body)


def _status_of(body: bytes) -> Status | None:
    try:
        return open_document(body).envelope.status
    except Refused:
        return None


def _payload(reply: Reply, read: Callable[..., T]) -> T | None:
    if reply.cxml is None or not reply.cxml.success:
        return None
    return read(open_document(reply.body))


class Inbox:
    """The buyer's own address, where confirmations and status updates arrive; it answers each with Status 200.

    port  0: any that is free."""

    def __init__(self, port: int = 0) -> None:
        self.connections = 0
        self._arrived: list[Received] = []
        self._changed = threading.Condition()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                inbox.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = inbox._take(body)
                self.send_response(200)
                self.send_header("Content-Type", MEDIA_TYPE)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing: the transcript tells what came."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="inbox", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cxml"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> bytes:
        try:
            received = receive(body)
            answer = Status(code=200)
        except Refused as refused:
            received, answer = None, status.of_refusal(refused)
        if received is not None:
            with self._changed:
                self._arrived.append(received)
                self._changed.notify_all()
        now = datetime.now(UTC)
        return status.write(answer, payload_id=f"{secrets.token_hex(8)}@buyer.example", at=now)

    def wait_for(self, wanted: Callable[[Received], bool], seconds: float = 20.0) -> Received | None:
        """The first document that arrived or arrives in time and is wanted."""

        def found() -> Received | None:
            return next((received for received in self._arrived if wanted(received)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, seconds)
            return found()

    @property
    def arrived(self) -> list[Received]:
        with self._changed:
            return list(self._arrived)
