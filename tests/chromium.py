"""A real headless Chromium for tests, with what makes them fail: foreign hosts, blocked content, page errors."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str:
    """Skips, saying so, where there is no Chromium (CROSSDOCK_TEST_CHROMIUM names one elsewhere)."""
    found = os.environ.get("CROSSDOCK_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium: set CROSSDOCK_TEST_CHROMIUM")
    return found


@contextmanager
def browsing(*, cookies: bool = True, scripts: bool = True, **options: Any) -> Iterator[BrowserContext]:
    """A fresh profile. Without `cookies` the browser refuses all of them, first-party ones too."""
    path = executable()
    with TemporaryDirectory() as profile, sync_playwright() as playwright:
        if not cookies:
            settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
            (Path(profile) / "Default").mkdir()
            (Path(profile) / "Default" / "Preferences").write_text(json.dumps(settings))
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, args=list(SWITCHES), java_script_enabled=scripts, **options
        )
        context.set_default_timeout(60_000)
        try:
            yield context
        finally:
            context.close()


def sign_in(page: Page, site: str, login: str, password: str, *, then: str = "") -> None:
    """By the form; `then` is the page that is wanted. What comes of it is for the test to wait for."""
    page.goto(f"{site}/login?next={then}" if then else f"{site}/login")
    page.locator("#login").fill(login)
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")


class Watched:
    """What a page asks for and complains of while a test looks at something else."""

    def __init__(self, page: Page) -> None:
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        # Chromium reports every 4xx as a console error; the answers that a test expects are judged by the test.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe has against the page."""
    found = Axe().run(page).response["violations"]
    return [(v["id"], v["impact"], [node["html"][:120] for node in v["nodes"]]) for v in found]


def look(page: Page, picture: Path | None = None) -> None:
    """It is no wider than its window, and axe finds nothing. With `picture` for people to look at."""
    if picture is not None:
        page.screenshot(path=picture, full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.url
    assert violations(page) == [], page.url
