"""A browser of one of our own people, against the whole application."""

import re
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from httpx import ASGITransport
from lxml import html
from order_desk import Desk
from starlette.applications import Starlette

from app.gateway import Gateway
from app.storage import passwords
from app.storage.people import PersonRow
from app.web.routes import assemble

HOST = "https://crossdock.example"
PASSWORD = "a long password"


def application(gateway: Gateway) -> Starlette:
    return assemble(gateway, allowed_hosts=("crossdock.example", "127.0.0.1", "intranet"))


def hash_cheaply(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hashes cost is tested where they are made (tests/app/storage)."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._of_nobody.cache_clear()


def give_passwords(desk: Desk) -> None:
    """To everybody, the same one."""
    hashed = passwords.hashed(PASSWORD)

    def work(tx: Any) -> None:
        for person in desk.people.values():
            tx.get_one(PersonRow, person.id).password = hashed

    desk.write(work)


class Browser:
    """Keeps cookies, follows redirects, and posts forms with the headers that browsers add."""

    def __init__(self, app: Starlette, host: str = HOST, language: str = "en") -> None:
        self.client = httpx.AsyncClient(
            transport=ASGITransport(app, client=("192.0.2.7", 40_000)),
            base_url=host,
            headers={"Accept-Language": language},
            follow_redirects=True,
        )
        self.answer = httpx.Response(200)

    @property
    def text(self) -> str:
        """What a reader sees of the page, in one line."""
        spoken = html.document_fromstring(self.answer.text).xpath("//body//text()[not(ancestor::script)]")
        return re.sub(r"\s+", " ", " ".join(spoken)).strip()

    @property
    def path(self) -> str:
        return self.answer.url.path

    async def go(self, path: str) -> "Browser":
        self.answer = await self.client.get(path)
        return self

    async def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> "Browser":
        sent = {"Sec-Fetch-Site": "same-origin", **headers}
        self.answer = await self.client.post(path, data=data or {}, headers=sent)
        return self

    async def sign_in(self, login: str, password: str = PASSWORD, next_: str = "") -> "Browser":
        return await self.post("/login", {"login": login, "password": password, "next": next_})

    async def follow(self, text: str) -> "Browser":
        """The first link whose text is this."""
        links = html.document_fromstring(self.answer.text).xpath("//a[@href]")
        return await self.go(next(link.get("href") for link in links if link.text_content().strip() == text))

    def hidden(self, name: str) -> str:
        (field,) = html.document_fromstring(self.answer.text).xpath(f"//input[@name='{name}']")
        return str(field.get("value"))


async def at_work(desk: Desk, login: str, language: str = "en") -> Browser:
    """Signed in."""
    return await Browser(application(desk.gateway), language=language).sign_in(login)
