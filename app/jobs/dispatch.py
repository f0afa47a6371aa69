"""Posts one document to a buyer's system and reads what that says."""

from urllib.parse import urlsplit

import structlog

from app import trace
from app.clients.http import HttpClient, Limits, Lost, NotAllowed, NotSent, Reach
from app.errors import kill_point
from app.flows import send_reply
from app.flows.send_reply import LONGEST, MEDIA_TYPE, Post, Said, Silence
from app.gateway import Gateway
from app.jobs.taking_up import TakingUp
from app.work import DispatchId
from protocols.cxml.envelope import open_document
from protocols.cxml.status import Status
from schemas.faults import Refused

LIMITS = Limits(connect=10, total=LONGEST.total_seconds(), answer=1_000_000, connections=1)

_log = structlog.get_logger(__name__)


def run(gateway: Gateway, argument: DispatchId) -> None:
    kill_point("reply.before_sending")
    post = _taken_up(gateway, argument.dispatch_id)
    if post is None:
        return
    trace.begin(post.trace, partner=post.partner, dispatch=post.dispatch_id)
    kill_point("reply.after_sending")
    result = _post(gateway, post)
    kill_point("reply.after_request")
    gateway.database.insist(lambda tx: send_reply.settle(tx, gateway, post, result))
    kill_point("reply.after_mark")
    _log.info("reply", dispatch=post.dispatch_id, result=type(result).__name__)


def _taken_up(gateway: Gateway, dispatch_id: str) -> Post | None:
    taking_up: TakingUp[Post] = TakingUp(
        lambda tx: send_reply.prepare(tx, gateway, dispatch_id),
        lambda tx, earlier: send_reply.resumed(tx, gateway, earlier),
    )
    return gateway.database.insist(taking_up)


def _post(gateway: Gateway, post: Post) -> Said | Silence:
    inside = gateway.settings.reply_private_networks
    ports = None if post.typed or inside else frozenset({443})
    try:
        # The host itself is the list: it was an operator who entered it or put it on the partner's own.
        hosts = frozenset({urlsplit(post.url).hostname or ""})
        reach = Reach(hosts=hosts, plain_http=inside, private=inside, ports=ports)
        with HttpClient(reach, LIMITS) as client:
            answer = client.send("POST", post.url, headers={"Content-Type": MEDIA_TYPE}, body=post.body)
    except (NotAllowed, ValueError) as error:
        return Silence(str(error), barred=True)
    except (NotSent, Lost) as error:
        return Silence(str(error))
    media_type = answer.headers.get("content-type")
    return Said(
        http=answer.status,
        body=answer.body,
        media_type=media_type,
        status=_status(answer.body, media_type),
        retry_after=answer.retry_after(gateway.clock.now()),
    )


def _status(body: bytes, media_type: str | None) -> Status | None:
    try:
        return open_document(body, media_type).envelope.status
    except Refused:
        return None
