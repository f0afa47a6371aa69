"""The cXML endpoint. Whatever comes, the answer is a cXML Response: a client that meets an HTML page takes it for a
broken line and sends again."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.errors import No, Refusal
from app.flows.arrival import Answer
from app.flows.cxml_answers import refusal_answer
from app.gateway import Gateway
from app.storage.base import LIVE
from app.transports.intake import Intake, Posted


async def post(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    intake: Intake = request.app.state.intake
    try:
        async with intake.room.body(request, limit=gateway.settings.intake_body) as body:
            answer = await intake.take_cxml(
                Posted(
                    realm=LIVE,
                    transport="http",
                    body=body,
                    media_type=request.headers.get("content-type"),
                    remote=request.client.host if request.client else "",
                    at=gateway.clock.now(),
                    correlation_id=request.state.correlation_id,
                )
            )
    except Refusal as refusal:
        answer = refusal_answer(gateway, refusal)
    except ClientDisconnect:
        # Nobody is left to answer, and nothing was recorded.
        return Response(status_code=400)
    return _response(answer)


async def explain(request: Request) -> Response:
    """For people and monitors that open the address: it takes posts only."""
    gateway: Gateway = request.app.state.gateway
    answer = refusal_answer(gateway, Refusal(No.UNACCEPTABLE, "This address takes cXML requests by POST."))
    return _response(answer)


async def nothing_here(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    reason = f"There is no cXML service at this address; it is at {gateway.settings.url}/cxml."
    return _response(refusal_answer(gateway, Refusal(No.UNACCEPTABLE, reason)))


def _response(answer: Answer) -> Response:
    headers = {"Content-Type": answer.media_type}
    if answer.retry_after is not None:
        headers["Retry-After"] = str(answer.retry_after)
    return Response(answer.body, status_code=answer.status, headers=headers)
