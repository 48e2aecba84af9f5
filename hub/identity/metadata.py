"""What the authorization server says about itself (RFC 8414), and the public keys of its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.identity import details
from hub.identity.jose import ALGORITHMS, import_keys

TOKEN_PATH = "/oauth/token"  # noqa: S105
JWKS_PATH = "/oauth/jwks"
METADATA_PATH = "/.well-known/oauth-authorization-server"


def describe(issuer: str) -> dict[str, Any]:
    """The metadata document of `issuer`, a URL that was checked.

    `response_types_supported` would be empty, as there is no authorization endpoint, and what is empty is
    left out (RFC 8414 section 3.2).
    """
    return {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN_PATH,
        "jwks_uri": issuer + JWKS_PATH,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "authorization_details_types_supported": [details.TYPE],
    }


def public_key_set(jwks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The JWK set that others check our tokens with, of public members only.

    Args:
        jwks: the keys, newest first; private members are dropped.

    Raises:
        InputError: when a key is not one that we could verify with.
    """
    public = [public_key(jwk) for jwk in jwks]
    import_keys({"keys": public})
    return {"keys": public}


def public_key(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """A JWK reduced to its public members (RFC 7517, RFC 7518 section 6, RFC 8037)."""
    return {
        name: jwk[name] for name in ("kty", "kid", "alg", "use", "crv", "x", "y", "n", "e") if name in jwk
    }
