"""Where a shopper's browser may take a cart, and whose pages may show the shop in a frame.

A return URL is only ever rendered into a page and posted to by the buyer's own browser, never fetched by us. So the
agreement with the partner decides, internal hosts included, and the test is whether the browser will go where we think:
whatever browsers read differently from us (backslashes, blanks, user names) is refused.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from app.storage.partners import PartnerRow

LONGEST: Final = 2_000
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_AUTHORITY: Final = re.compile(r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?:\*\.)?" + _AUTHORITY.pattern)


def fault_of(url: str, partner: PartnerRow) -> str | None:
    """Why a cart may not be taken there, as a sentence for the partner; None when it may."""
    if len(url) > LONGEST:
        return f"has more than {LONGEST} characters"
    if any(not c.isprintable() or c in ' \\"<>' for c in url):
        return "holds blanks, control characters, quotes, angle brackets or backslashes"
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http"):
        return "is no https URL"
    authority = _AUTHORITY.fullmatch(parts.netloc.casefold())
    if authority is None:
        return "names no host, or more than a host and its port"
    host, port = authority["host"], authority["port"]
    entry = _entry_for(host, port, partner.return_hosts)
    if entry is None:
        return "names a host that is not among the return hosts agreed with this partner"
    if parts.scheme == "http" and host not in LOOPBACK and not entry.startswith("http://"):
        return "is not https, and plain http is not agreed for this host"
    return None


def fault_of_host(entry: str) -> str | None:
    """What is wrong with an entry of a partner's return hosts, for who enters it."""
    bare = entry.casefold().removeprefix("http://").removeprefix("*.")
    if _AUTHORITY.fullmatch(bare) is None:
        return "is to be host, host:port or *.domain, with http:// before it where plain http is agreed"
    return _too_wide(entry)


def fault_of_origin(entry: str) -> str | None:
    """What is wrong with an entry of a partner's frame origins, for who enters it."""
    match = _ORIGIN.fullmatch(entry.casefold())
    if match is None:
        return "is to be an origin, such as https://portal.example, without a path"
    if match["scheme"] == "http" and match["host"] not in LOOPBACK:
        return "is to be https"
    return _too_wide(entry)


def _too_wide(entry: str) -> str | None:
    _, star, domain = entry.partition("*.")
    return "is too wide: at least two names stand after the star" if star and "." not in domain else None


def _entry_for(host: str, port: str | None, entries: Iterable[str]) -> str | None:
    """The agreed entry that covers the host: `host`, `host:port`, `*.domain`; with `http://` before it, plain http."""
    for entry in entries:
        agreed = entry.casefold().removeprefix("http://")
        name, _, agreed_port = agreed.rpartition(":") if re.search(r":[0-9]+$", agreed) else (agreed, "", "")
        if agreed_port and agreed_port != port:
            continue
        if name == host or (name.startswith("*.") and host.endswith(name[1:])):
            return entry
    return None


def origin(url: str) -> str:
    """Scheme, host and port of a URL that `fault_of` let pass, in the form of Content-Security-Policy."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.casefold()}"


def return_origins(partner: PartnerRow, url: str) -> tuple[str, ...]:
    """Every origin that the cart's post may reach: Chromium holds redirects of the buyer's page to the list too."""
    agreed = (entry if entry.startswith("http://") else f"https://{entry}" for entry in partner.return_hosts)
    return _distinct((origin(url), *agreed))


def frame_origins(partner: PartnerRow, url: str) -> tuple[str, ...]:
    """Who may show the shop in a frame: the agreed origins, and the origin that the cart returns to."""
    return _distinct((*partner.frame_origins, origin(url)))


def _distinct(origins: Iterable[str]) -> tuple[str, ...]:
    """In their order, each once; what is no origin has no place in a header."""
    return tuple(dict.fromkeys(o.casefold() for o in origins if _ORIGIN.fullmatch(o.casefold()) is not None))
