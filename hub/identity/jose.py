"""Signed JSON Web Tokens with everything pinned: the one place where a signature is made or checked.

- Algorithms are those of FAPI 2.0 (section 5.4.1): Ed25519 (also under its older name EdDSA), ES256, PS256.
  RS256, HMAC and `none` are unknown here. A key fixes its algorithm; the header cannot choose another.
- A header may hold `alg`, `kid` and `typ`, nothing else: no key or key address from the token is looked at.
- `kid` is required and must name a key that we already hold.
- JSON is read strictly: an object, no repeated member, no NaN or Infinity.
- Every failure is the same `AuthenticationError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from hub.errors import AuthenticationError, InputError

ALGORITHMS = ("EdDSA", "Ed25519", "ES256", "PS256")
"""Signature algorithms that are accepted, by their JOSE names (RFC 7518, RFC 8037, RFC 9864)."""

MAX_TOKEN_CHARS = 131_072
"""Longest compact token that is looked at."""

_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the algorithms it may verify."""

    kid: str
    algorithms: frozenset[str]
    key: Key


class _PinnedRegistry(jws.JWSRegistry):
    """joserfc's registry without its wider defaults, and without its warning about the name EdDSA."""

    max_header_length = 1024

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise AuthenticationError("The algorithm is not accepted.")
        return self.algorithms[name]


_REGISTRY = _PinnedRegistry(algorithms=ALGORITHMS)


def refuse() -> NoReturn:
    """Refuse a token without saying why.

    Raises:
        AuthenticationError: always.
    """
    raise AuthenticationError(
        "The token is not valid.",
        hint="Request a new one from the token endpoint.",
        message_zh="令牌无效，请重新向令牌端点申请。",
    )


def verify(
    token: str, find: Callable[[str], VerificationKey | None], types: frozenset[str | None]
) -> dict[str, Any]:
    """Check the signature of a compact token.

    Args:
        token: the compact serialisation (RFC 7515 section 7.1).
        find: gives the key for a key id, or None.
        types: values of `typ` that are accepted, lower case, without `application/`; None: it may be absent.

    Returns:
        The claims, proven to come from the holder of the key and not yet judged otherwise.

    Raises:
        AuthenticationError: when anything about the token is wrong.
    """
    header = unverified_header(token)
    if not header.keys() <= _HEADER_MEMBERS or _media_type(header.get("typ")) not in types:
        refuse()
    kid, alg = header.get("kid"), header.get("alg")
    key = find(kid) if isinstance(kid, str) else None
    if key is None or not isinstance(alg, str) or alg not in key.algorithms:
        refuse()
    try:
        signed = jws.deserialize_compact(token, key.key, registry=_REGISTRY)
    except (JoseError, ValueError):
        refuse()
    return _read_object(signed.payload)


def unverified_header(token: str) -> dict[str, Any]:
    """The header of a compact token, as claimed by whoever sent it.

    Raises:
        AuthenticationError: when it is not a compact token or its header is not a JSON object.
    """
    if len(token) > MAX_TOKEN_CHARS or not token.isascii() or token.count(".") != 2:
        refuse()
    return _read_object(_decode(token.partition(".")[0]))


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims of a compact token, as claimed by whoever sent it; only to find out whose key to check with.

    Raises:
        AuthenticationError: when they are not a JSON object.
    """
    unverified_header(token)
    return _read_object(_decode(token.split(".")[1]))


def sign(claims: Mapping[str, Any], unsafe_private_jwk: Mapping[str, Any], *, kid: str, typ: str) -> str:
    """Sign claims as a compact token.

    Args:
        claims: what JSON can hold.
        unsafe_private_jwk: the private key (RFC 7517).
        kid: key id for the header.
        typ: type for the header.

    Raises:
        InputError: when the key is of a kind that is not accepted.
    """
    header = {"alg": algorithm_of(unsafe_private_jwk), "typ": typ, "kid": kid}
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.serialize_compact(header, payload, _native(unsafe_private_jwk), registry=_REGISTRY)


def algorithm_of(jwk: Mapping[str, Any]) -> str:
    """The algorithm to sign with under a key: `EdDSA`, `ES256` or `PS256`.

    Raises:
        InputError: when the key is of another kind.
    """
    kinds = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "PS256"}
    try:
        return kinds[jwk.get("kty"), jwk.get("crv")]  # type: ignore[index]
    except (KeyError, TypeError):
        raise InputError(
            "A key is of a kind that is not accepted.",
            hint="Use Ed25519, EC P-256, or RSA of 2048 bits or more.",
        ) from None


def import_keys(jwks: object) -> dict[str, VerificationKey]:
    """Read a set of public keys that was registered with us, every key of it.

    Args:
        jwks: a JWK set (RFC 7517 section 5).

    Returns:
        The keys by key id; never empty.

    Raises:
        InputError: when one is private, repeated, without key id, or of a kind that is not accepted.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list) or not listed:
        raise InputError("There is no public key.", hint='Give a JWK set: {"keys": [...]}.')
    keys: dict[str, VerificationKey] = {}
    for jwk in listed:
        key = import_key(jwk)
        if key.kid in keys:
            raise InputError("Two keys have the same key id.", hint="Give every key its own `kid`.")
        keys[key.kid] = key
    return keys


def import_foreign_keys(jwks: object) -> dict[str, VerificationKey]:
    """Read the public keys of another issuer, leaving out those we would not use (RFC 7517 section 5).

    Raises:
        InputError: when it is not a JWK set.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list):
        raise InputError("The issuer's keys are not a JWK set.", hint="Check the JWKS URL.")
    keys: dict[str, VerificationKey] = {}
    for jwk in listed:
        try:
            key = import_key(jwk)
        except InputError:
            continue
        keys.setdefault(key.kid, key)
    return keys


def import_key(jwk: object) -> VerificationKey:
    """Read one public key.

    Raises:
        InputError: when it is private, without key id, not for signatures, or of a kind that is not accepted.
    """
    if not isinstance(jwk, Mapping) or not isinstance(jwk.get("kid"), str) or not 0 < len(jwk["kid"]) <= 128:
        raise InputError("A key has no key id.", hint="Give every key a `kid` of at most 128 characters.")
    if _PRIVATE_MEMBERS & jwk.keys():
        raise InputError("A key holds its private part.", hint="Send public keys only, and replace this key.")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise InputError("A key is not for signatures.", hint="Set `use` to `sig` or leave it out.")
    alg = algorithm_of(jwk)
    algorithms = frozenset({"EdDSA", "Ed25519"} if alg == "EdDSA" else {alg})
    if str(jwk.get("alg", alg)) not in algorithms:
        raise InputError("A key names an algorithm that it cannot have.", hint="Leave `alg` out of the key.")
    return VerificationKey(jwk["kid"], algorithms, _native(jwk))


def _native(jwk: Mapping[str, Any]) -> Key:
    """The library's key, of numbers only: no label of the JWK steers what the library does."""
    members = {
        name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e", *_PRIVATE_MEMBERS) if name in jwk
    }
    kinds: dict[str, type[OKPKey] | type[ECKey] | type[RSAKey]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}
    try:
        key = kinds[members["kty"]].import_key(members)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise InputError("A key cannot be read.", hint="Export it again as a JWK.") from error
    if isinstance(key, RSAKey) and not _MIN_RSA_BITS <= key.public_key.key_size <= _MAX_RSA_BITS:
        raise InputError("An RSA key is too short or too long.", hint="Use 2048 to 8192 bits.")
    return key


def _media_type(value: object) -> str | None:
    """`typ` in lower case without the optional `application/` (RFC 7515 section 4.1.9)."""
    return None if value is None else str(value).lower().removeprefix("application/")


def _decode(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment.encode("ascii"))
    except ValueError:
        refuse()


def _read_object(raw: bytes) -> dict[str, Any]:
    try:
        value = strict_json(raw)
    except ValueError:
        refuse()
    if not isinstance(value, dict):
        refuse()
    return value


def strict_json(raw: str | bytes) -> Any:
    """Read JSON in which no member is repeated and every number is finite.

    Raises:
        ValueError: when it is not such JSON, or nested too deeply.
    """
    try:
        return json.loads(raw, object_pairs_hook=_unique, parse_constant=_not_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members


def _not_finite(_text: str) -> NoReturn:
    raise ValueError("not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        _not_finite(text)
    return number
