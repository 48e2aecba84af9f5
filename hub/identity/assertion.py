"""The client's side of the token endpoint: sign an assertion, ask for a token.

For the command line, the demo, the benchmark and the tests. A bank does the same with its own library.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson

from hub.errors import AuthenticationError, UnavailableError
from hub.identity import jose
from hub.identity.authenticate import ASSERTION_TYPE

DEFAULT_LIFETIME = timedelta(seconds=60)


def make_assertion(
    unsafe_private_jwk: Mapping[str, Any],
    client_id: str,
    audience: str,
    now: datetime,
    jti: str | None = None,
    *,
    lifetime: timedelta = DEFAULT_LIFETIME,
) -> str:
    """A signed client assertion (RFC 7523 section 3).

    Args:
        unsafe_private_jwk: the client's private key, with `kid`.
        client_id: the client.
        audience: the issuer URL of the authorization server.
        now: the instant it is made.
        jti: its id; None: a random one.
        lifetime: how long it can be used; the server takes at most five minutes.
    """
    issued_at = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "jti": jti or secrets.token_urlsafe(16),
    }
    kid = str(unsafe_private_jwk["kid"])
    return jose.sign(claims, unsafe_private_jwk, kid=kid, typ="client-authentication+jwt")


def token_form(assertion: str, details: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The parameters of a token request.

    Args:
        assertion: from `make_assertion`.
        details: the authorization details to ask for (RFC 9396).
    """
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "authorization_details": orjson.dumps(list(details)).decode(),
    }


async def request_token(
    http: httpx.AsyncClient,
    token_endpoint: str,
    *,
    unsafe_private_jwk: Mapping[str, Any],
    client_id: str,
    issuer: str,
    details: Sequence[Mapping[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    """Ask for an access token.

    Args:
        http: the client to ask with.
        token_endpoint: its URL.
        unsafe_private_jwk: the client's private key, with `kid`.
        client_id: the client.
        issuer: the issuer URL, audience of the assertion.
        details: what the token is to be for.
        now: the instant the assertion is made.

    Returns:
        The token response: `access_token`, `token_type`, `expires_in` (seconds), `authorization_details`.

    Raises:
        AuthenticationError: when the server refuses; the message holds the OAuth error code.
        UnavailableError: when the server does not answer as a token endpoint does.
    """
    form = token_form(make_assertion(unsafe_private_jwk, client_id, issuer, now), details)
    try:
        response = await http.post(token_endpoint, data=form)
        body = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnavailableError(
            "The token endpoint does not answer.", hint="Check that the hub is running."
        ) from error
    if response.status_code == httpx.codes.OK and isinstance(body, dict) and "access_token" in body:
        return body
    code = str(body.get("error", "")) if isinstance(body, dict) else ""
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or not code:
        raise UnavailableError("The token endpoint cannot answer now.", hint="Try again shortly.")
    raise AuthenticationError(
        f"The token endpoint refused with {code}.", hint=str(body.get("error_description", ""))
    )
