"""A browser, as far as pages without script need one: links, forms, redirects, and no cookie unless it is let."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Final, cast
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from lxml import html

MOST_REDIRECTS: Final = 5
TIMEOUT: Final = 30.0


class Form:
    """A form of a page, with the values that the page put in; `targets` are other addresses that its buttons name."""

    def __init__(self, element: html.FormElement, page_url: str) -> None:
        self.url = urljoin(page_url, element.get("action") or page_url)
        self.method = (element.get("method") or "get").upper()
        self.values: dict[str, str] = {name: value or "" for name, value in element.form_values()}
        self.names = frozenset(field.get("name") for field in element.iterdescendants() if field.get("name"))
        targets = (button.get("formaction") for button in element.iterdescendants("button"))
        self.targets = tuple(urljoin(page_url, target) for target in targets if target)

    def has(self, *names: str) -> bool:
        return self.names.issuperset(names)


class Page:
    def __init__(self, response: httpx.Response) -> None:
        self.url = str(response.url)
        self.status = response.status_code
        self.headers = response.headers
        self.root = cast(html.HtmlElement, html.document_fromstring(response.text.strip() or "<html></html>"))

    @property
    def text(self) -> str:
        """What a reader sees, blanks collapsed."""
        return " ".join(self.root.text_content().split())

    @property
    def title(self) -> str:
        return " ".join((self.root.findtext(".//title") or "").split())

    @property
    def alert(self) -> str:
        """What the page says is wrong (role `alert`), or nothing."""
        return " ".join(" ".join(e.text_content().split()) for e in self.root.iter() if e.get("role") == "alert")

    @property
    def forms(self) -> list[Form]:
        return [Form(element, self.url) for element in self.root.forms]

    def form(self, *names: str, action: str = "") -> Form | None:
        """The first form with all these fields whose address contains `action`."""
        return next((form for form in self.forms if form.has(*names) and action in form.url), None)

    def links(self, containing: str) -> list[str]:
        """Absolute addresses of the links whose address contains a text."""
        targets = (link.get("href") for link in self.root.iter("a"))
        found = (urldefrag(urljoin(self.url, target)).url for target in targets if target)
        return [url for url in dict.fromkeys(found) if containing in url]


class Browser:
    """cookies  whether it keeps cookies; a shop in a frame of another site must live without."""

    def __init__(self, *, cookies: bool) -> None:
        self._client = httpx.Client(timeout=TIMEOUT, headers={"User-Agent": "Crossdock virtual browser"})
        self._cookies: dict[str, str] | None = {} if cookies else None

    def close(self) -> None:
        self._client.close()

    def get(self, url: str) -> Page:
        return self._follow("GET", url, None)

    def submit(self, form: Form, values: Mapping[str, str] | None = None, *, to: str | None = None) -> Page:
        """Sends the form as the page filled it, with these values over it; `to` is the address of another button."""
        fields = {**form.values, **(values or {})}
        if form.method == "GET":
            return self._follow("GET", str(httpx.URL(form.url).copy_merge_params(fields)), None)
        return self._follow("POST", to or form.url, fields)

    def head(self, url: str) -> int:
        """The status of a HEAD request, as a link preview sends it."""
        return self._client.head(url).status_code

    def _follow(self, method: str, url: str, fields: Mapping[str, str] | None) -> Page:
        for _ in range(MOST_REDIRECTS):
            response = self._send(method, url, fields)
            if not response.is_redirect:
                return Page(response)
            method, url, fields = "GET", urljoin(url, response.headers["location"]), None
        raise httpx.TooManyRedirects(f"more than {MOST_REDIRECTS} redirects", request=response.request)

    def _send(self, method: str, url: str, fields: Mapping[str, str] | None) -> httpx.Response:
        headers = {}
        if method == "POST":
            parts = urlsplit(url)
            headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
        if self._cookies:
            # Not httpx's jar: it would hold a Secure cookie back from loopback, where browsers send it.
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        response = self._client.request(method, url, data=fields, headers=headers)
        if self._cookies is not None:
            for line in response.headers.get_list("set-cookie"):
                for name, morsel in SimpleCookie(line).items():
                    self._cookies[name] = morsel.value
        self._client.cookies.clear()
        return response
