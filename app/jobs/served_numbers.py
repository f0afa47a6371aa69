"""What a worker shows to those who watch it: /metrics and /healthz, to this machine alone.

A worker serves nobody else, so it has no web application; what scrapes it runs beside it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from app import metrics
from app.flows.watched_numbers import exposition
from app.gateway import Gateway

HERE: Final = "127.0.0.1"


@contextmanager
def served(gateway: Gateway, port: int | None) -> Iterator[int | None]:
    """For as long as the block runs; gives the port, nothing without one. Raises OSError when it is taken."""
    if port is None:
        yield None
        return

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, "application/json", b'{"status":"alive"}')
            elif self.path == "/metrics":
                self._answer(200, metrics.CONTENT_TYPE, exposition(gateway))
            else:
                self._answer(404, "text/plain", b"there are /metrics and /healthz\n")

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "Crossdock"

        def log_message(self, *_: object) -> None:
            """Nothing: a scrape is no event."""

    server = ThreadingHTTPServer((HERE, port), Handler)
    thread = threading.Thread(target=server.serve_forever, name="served-numbers", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
