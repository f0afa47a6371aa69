"""`crossdock demo`: everything on one machine, with partners, people, a catalog and an ERP that do not exist."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import HttpUrl

from app.bridge.demo_erp import server as demo_erp_server
from app.cli.options import Data, console, settings_from, stop
from app.cli.server import prepare, run_server
from app.cli.site import opened, refuse_taken
from app.sandbox import access, demo_buyer, demo_data
from app.sandbox.access import DemoAccess
from app.sandbox.demo_buyer import DemoBuyer
from app.settings import Settings

ERP_SECONDS = 60.0


def demo(
    port: Annotated[int, typer.Option(help="The demo ERP listens on the next one.", min=1, max=65_534)] = 8000,
    data: Data = None,
) -> None:
    """Run everything for a try: partners, catalog, people and an ERP included. Data stays for the next start."""
    settings = settings_from(
        data,
        host="127.0.0.1",
        port=port,
        embedded=True,
        demo=True,
        erp_private_networks=True,
        reply_private_networks=True,
    )
    if settings.base_url is None:
        settings = settings.model_copy(update={"base_url": HttpUrl(f"http://127.0.0.1:{port}")})
    for wanted in (port, port + 1):
        _refuse_taken_port(wanted)
    prepare(settings)
    # Before anything is written: what demo.json says is of the one that runs.
    refuse_taken(settings)
    erp_url = f"http://127.0.0.1:{port + 1}"
    with opened(settings) as gateway:
        try:
            loaded = demo_data.load(gateway, access.load(settings.data), base_url=settings.url, erp_url=erp_url)
        except demo_data.NotOurs as error:
            stop(str(error))
    written = access.save(settings.data, loaded)
    with _erp(port + 1, settings):
        _tell(loaded, written)
        run_server(settings)


def demo_erp(
    port: Annotated[int, typer.Option()],
    data: Data = None,
) -> None:
    """The demo's other side, the ERP and the buyer; it ends when its standard input does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    demo_erp_server.serve("127.0.0.1", port, settings_from(data).data, DemoBuyer().routes())


def _end_with_parent() -> None:
    # Not through sys.stdin, whose lock held here would turn any end of the process into a fatal error.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            stop(f"port {port} is taken: choose another with --port (the demo needs two in a row)")


@contextmanager
def _erp(port: int, settings: Settings) -> Iterator[None]:
    """The demo ERP as a process of its own, which does not outlive this one however it ends."""
    process = subprocess.Popen(  # noqa: S603  (ourselves, with numbers and a path that the caller chose)
        [sys.executable, sys.argv[0], "demo-erp", "--port", str(port), "--data", str(settings.data)],
        stdin=subprocess.PIPE,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/switch", process)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + ERP_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(url, timeout=2)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    stop("the demo ERP did not start")


def _tell(loaded: DemoAccess, written: Path) -> None:
    out = console()
    out.print(f"\n[bold]Crossdock demo[/bold]  {loaded.base_url}")
    out.print(f"  people      {loaded.base_url}/login")
    for user in loaded.users:
        out.print(f"              {user.name} / {user.password}  ({', '.join(user.roles)})", markup=False)
    out.print(f"  cXML        {loaded.cxml.url}")
    out.print(f"  demo ERP    {loaded.erp_url}")
    out.print(f"  demo buyer  {loaded.erp_url}{demo_buyer.PAGE}")
    out.print(f"  all of it   {written}", markup=False)
    out.print(f"  try it      crossdock play cxml --data {written.parent}", markup=False)
    out.print("  stop        Ctrl-C; the data stays\n")
