"""A minimal OpenID Connect provider (Core 1.0, code flow): discovery, keys, authorization and token endpoint, with
client_secret_basic, PKCE S256 and codes that are good once. It asks nobody for a password: `user` signs in."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "crossdock client"
CLIENT_SECRET = "canary/secret+of the:client"


@dataclass
class OidcProvider:
    """
    user     the claims about who signs in.
    signed   makes the token of the claims; a test puts a wrong one in its place.
    """

    now: Callable[[], float]
    issuer: str = ""
    user: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    claims_over: dict[str, Any] = field(default_factory=dict)
    signed: Callable[["OidcProvider", dict[str, Any]], str] | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        wanted = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in wanted.items()) or "openid" not in asked["scope"].split():
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        scheme, _, pair = request.headers["authorization"].partition(" ")
        client, _, secret = base64.b64decode(pair).decode().partition(":")
        if (scheme, unquote(client), unquote(secret)) != ("Basic", CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge[:-1]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        at = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": at, "exp": at + 300, "nonce": asked["nonce"]}
        claims |= self.user | self.claims_over
        claims = {name: value for name, value in claims.items() if value is not None}
        token = (
            self.signed(self, claims) if self.signed else jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        )
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "id_token": token})
