"""Somebody who signs in and decides orders, through the pages."""

from collections.abc import Mapping
from types import TracebackType

import httpx

from app.sandbox.access import User
from app.sandbox.browser import Browser, Page
from app.sandbox.shopper import Stuck


class Approver:
    """Signed in while it is entered."""

    def __init__(self, base_url: str, user: User) -> None:
        self.base_url = base_url
        self.browser = Browser(cookies=True)
        self.page: Page = self.browser.get(f"{base_url}/login")
        form = self.page.form("login", "password")
        if form is None:
            raise Stuck(f"no login form at {base_url}/login (HTTP {self.page.status})")
        self.page = self.browser.submit(form, {"login": user.name, "password": user.password})

    def __enter__(self) -> "Approver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.browser.close()

    def opens(self, number: str) -> bool:
        """Goes to the order of this number among those that wait; whether its page shows it."""
        inbox = self.browser.get(str(httpx.URL(f"{self.base_url}/approvals").copy_merge_params({"q": number})))
        pages = ("/approvals/figures", "/approvals/export.")
        tasks = [link for link in inbox.links("/approvals/") if not any(page in link for page in pages)]
        if not tasks:
            self.page = inbox
            return False
        self.page = self.browser.get(tasks[0])
        return number in self.page.text

    def approve(self) -> None:
        self._decide({"decision": "approve"})

    def reject(self, reason: str) -> None:
        self._decide({"decision": "reject", "code": "other", "reason": reason})

    def _decide(self, values: Mapping[str, str]) -> None:
        """On the page of an order. Raises Stuck when the decision is not taken."""
        form = self.page.form("order_hash", "reason")
        if form is None:
            raise Stuck(f"nothing to decide on {self.page.title!r} (HTTP {self.page.status})")
        self.page = self.browser.submit(form, values)
        if self.page.status != 200 or self.page.form("order_hash", "reason") is not None:
            raise Stuck(f"not decided: {self.page.text[:300]} (HTTP {self.page.status})")
