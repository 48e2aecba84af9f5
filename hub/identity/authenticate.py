"""How a client proves who it is at the token endpoint: `private_key_jwt` (RFC 7523), read narrowly.

The library's own check takes an audience list, the token endpoint as audience, a differing `client_id` and
algorithms we do not want, so the rules are ours (RFC 7523 as amended by draft-ietf-oauth-rfc7523bis, and
FAPI 2.0):

- `iss` = `sub` = the client id, and the same as a `client_id` parameter if there is one;
- `aud` is one text, equal to the issuer URL;
- `exp` is there, not past, and at most five minutes ahead; `iat` and `nbf` are sane within a minute;
- `jti` is there; that it is used once is seen to by `hub.identity.replay`;
- the key is one registered for this very client.

Until the signature is proven every failure reads the same, so a stranger does not learn which clients exist.
After that the client is told which rule it broke.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import InvalidClientError

from hub.errors import AuthenticationError
from hub.identity import jose
from hub.identity.clients import Client, ClientRegistry

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""Value of `client_assertion_type` (RFC 7523 section 2.2)."""
MAX_LIFETIME = timedelta(minutes=5)
"""Furthest an assertion may expire ahead."""
SKEW = timedelta(seconds=60)
"""How far the clock of a client may be ahead in `iat` and `nbf`."""
MAX_ASSERTION_CHARS = 8192

_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})


class ClientRefusedError(InvalidClientError):  # type: ignore[misc]
    """`invalid_client` as RFC 6749 section 5.2 and RFC 9110 section 15.5.2 want it: 401 with a challenge."""

    status_code = 401

    def get_headers(self) -> list[tuple[str, str]]:
        """Headers of the answer; the challenge names the one method there is, not the library's Basic."""
        plain = [h for h in super().get_headers() if h[0] != "WWW-Authenticate"]
        return [
            *plain,
            ("WWW-Authenticate", 'private_key_jwt realm="token endpoint", error="invalid_client"'),
        ]


@dataclass(frozen=True, slots=True)
class Proof:
    """A client assertion that was checked, except for having been used before."""

    client: Client
    jti: str
    expires_at: datetime


def authenticate(form: Mapping[str, str], registry: ClientRegistry, issuer: str, now: datetime) -> Proof:
    """Check the client assertion of a token request.

    Args:
        form: the parameters of the request, none repeated.
        registry: the clients.
        issuer: the only audience.
        now: the instant of the request.

    Raises:
        ClientRefusedError: when the client has not proven who it is.
    """
    assertion = form.get("client_assertion", "")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not assertion:
        _refuse("The client must authenticate with private_key_jwt.")
    try:
        if len(assertion) > MAX_ASSERTION_CHARS:
            jose.refuse()
        name = jose.unverified_claims(assertion).get("sub")
        client = registry.get(name) if isinstance(name, str) else None
        if client is None:
            jose.refuse()
        claims = jose.verify(assertion, registry.keys(client.client_id).get, _TYPES)
    except AuthenticationError:
        _refuse("The client assertion is not valid.")
    _check_parties(claims, client.client_id, form.get("client_id"), issuer)
    return Proof(client, _jti(claims), _expiry(claims, now))


def _check_parties(claims: Mapping[str, Any], client_id: str, stated: str | None, issuer: str) -> None:
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        _refuse("iss and sub of the assertion must both be the client id.")
    if stated is not None and stated != client_id:
        _refuse("client_id differs from the client that signed the assertion.")
    if claims.get("aud") != issuer:
        _refuse("aud of the assertion must be one text, the issuer URL.")


def _expiry(claims: Mapping[str, Any], now: datetime) -> datetime:
    expires_at = instant(claims.get("exp"))
    if expires_at is None:
        _refuse("The assertion has no valid exp.")
    if expires_at <= now:
        _refuse("The assertion has expired.")
    if expires_at > now + MAX_LIFETIME:
        _refuse("The assertion lives longer than five minutes.")
    for name in ("iat", "nbf"):
        start = instant(claims.get(name))
        if name in claims and (start is None or start > now + SKEW or start > expires_at):
            _refuse(f"{name} of the assertion is not valid or in the future.")
        if name == "iat" and start is not None and start < now - MAX_LIFETIME - SKEW:
            _refuse("The assertion was made too long ago.")
    return expires_at


def _jti(claims: Mapping[str, Any]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= 128 or not jti.isascii() or not jti.isprintable():
        _refuse("The assertion has no valid jti.")
    return jti


def instant(value: object) -> datetime | None:
    """A NumericDate (RFC 7519 section 2) in whole seconds as an aware instant; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**37:
        return None
    return datetime.fromtimestamp(value, UTC)


def _refuse(description: str) -> NoReturn:
    raise ClientRefusedError(description=description)
