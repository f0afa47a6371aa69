"""The other side of a sign-in by OpenID Connect (Core 1.0, code flow with PKCE S256), as far as it goes over the wire:
discovery, the code for an ID token, and what the token says once everything about it is verified.

authlib, which judges the token's claims, is an extra (`crossdock[oidc]`). Its Starlette client is not used: it brings
HTTP of its own, past the judging of addresses in `app.clients.http`, and keeps its state in a cookie of the session."""

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from app.clients.http import HttpClient, Limits, Lost, NotSent, Reach
from app.seal import Secret

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures by the provider's own key: never `none`, never one by the client secret."""
LEEWAY: Final = 60
"""Seconds that the two clocks may differ."""
LIMITS: Final = Limits(connect=5, total=10, answer=200_000, connections=10)
WELL_KNOWN: Final = "/.well-known/openid-configuration"


class ProviderFault(Exception):
    """The provider cannot be reached, or what it says does not stand up; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is. `email` only where the provider has verified it."""

    subject: str
    email: str | None
    name: str | None


class _Discovered(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


def available() -> bool:
    return find_spec("authlib") is not None


def derived(cookie: str, purpose: str) -> str:
    """State, nonce and PKCE verifier are made from the 256 random bits of the browser's cookie, so that none of them
    has to be kept here."""
    digest = hashlib.sha256(f"{purpose}\0{cookie}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Provider:
    """One provider and our registration with it, for one request: sign-ins are rare, and what is read anew each time
    (discovery, keys) is never out of date.

    private  it may lie in a private network and be spoken to over plain http: an operator's decision."""

    def __init__(self, issuer: str, client_id: str, secret: Secret, *, private: bool) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._secret = secret
        self._http = HttpClient(Reach(plain_http=private, private=private, ports=None), LIMITS)

    def __enter__(self) -> "Provider":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def sign_in_url(self, cookie: str, redirect_uri: str) -> str:
        """Where the browser goes to sign in. Raises ProviderFault."""
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        endpoint = self._discovery().authorization_endpoint
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": redirect_uri,
                "scope": "openid email profile",
                "state": derived(cookie, "state"),
                "nonce": derived(cookie, "nonce"),
                "code_challenge": create_s256_code_challenge(derived(cookie, "verifier")),
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    def identity(self, cookie: str, code: str, redirect_uri: str, now: float) -> Identity:
        """Redeems the code. Raises ProviderFault."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": derived(cookie, "verifier"),
        }
        # RFC 6749, 2.3.1: both are form-encoded before they are put together.
        pair = f"{quote(self.client_id, safe='')}:{quote(self._secret.reveal(), safe='')}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        found = self._discovery()
        body = self._asked("POST", found.token_endpoint, headers=headers, body=urlencode(form).encode())
        keys = self._asked("GET", found.jwks_uri)
        claims = self._verified(_read(body, _Tokens).id_token, keys, derived(cookie, "nonce"), now)
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(
            subject=str(claims["sub"]),
            email=email if isinstance(email, str) else None,
            name=claims["name"] if isinstance(claims.get("name"), str) else None,
        )

    def _verified(self, token: str, keys: bytes, nonce: str, now: float) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.jwk import KeySet

        wanted = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self.client_id}}
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(json.loads(keys)), algorithms=ALGORITHMS)
            params = {"nonce": nonce, "client_id": self.client_id}
            claims = CodeIDToken(decoded.claims, decoded.header, wanted, params)
            claims.validate(now=int(now), leeway=LEEWAY)
        except Exception as error:
            raise ProviderFault(f"the ID token is not acceptable: {type(error).__name__}: {error}") from error
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255 or "\0" in subject:
            raise ProviderFault("the ID token names nobody")
        return dict(claims)

    def _discovery(self) -> _Discovered:
        found: _Discovered = _read(self._asked("GET", self.issuer.rstrip("/") + WELL_KNOWN), _Discovered)
        if found.issuer != self.issuer:
            raise ProviderFault(f"the provider calls itself {found.issuer[:200]!r}, not {self.issuer!r}")
        return found

    def _asked(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> bytes:
        try:
            answer = self._http.send(method, url, headers=headers, body=body)
        except (NotSent, Lost) as error:
            raise ProviderFault(f"the provider cannot be reached: {error}") from error
        if answer.status != 200:
            raise ProviderFault(f"the provider answers {answer.status}")
        return answer.body


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ProviderFault(f"the provider's answer cannot be read: {error}") from error
