"""The least that a POST can cost here: the same web framework and server read the body and answer."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def post(request: Request) -> Response:
    await request.body()
    return Response(b'<Status code="200"/>', media_type="text/xml")


async def ready(request: Request) -> Response:
    return Response()


if __name__ == "__main__":
    app = Starlette(routes=[Route("/cxml", post, methods=["POST"]), Route("/readyz", ready)])
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
