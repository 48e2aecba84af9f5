"""The public keys of the embedded issuer: the one that signs, and for a while those that signed before it.

After `hub keys rotate token` the processes that run still sign with the old key until they are restarted. So an
old key stays good for two token lifetimes after its successor was made: one in which to restart, and one for
the last token to live. Then it is neither published nor accepted, whatever a token says about its age.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hub.identity.jose import VerificationKey, import_keys
from hub.identity.metadata import public_key_set
from hub.keys.signing import TokenSigningKey


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that signed tokens and has a successor."""

    jwk: Mapping[str, Any]
    """The key as a JWK (RFC 7517); only public members are used."""
    until: datetime
    """First instant at which its tokens are no good."""


def retired_keys(signers: Iterable[TokenSigningKey], lifetime: timedelta) -> tuple[RetiredKey, ...]:
    """The keys among `signers` that have a successor.

    Args:
        signers: the token keys of a ring, oldest first.
        lifetime: how long a token lives.
    """
    return tuple(
        RetiredKey(old.public.public_jwk(), new.facts.created_at + 2 * lifetime)
        for old, new in pairwise(signers)
    )


class IssuerKeys:
    """The keys that tokens of the embedded issuer are checked with; a `KeySource`."""

    def __init__(self, active: Mapping[str, Any], retired: Iterable[RetiredKey] = ()) -> None:
        """Take the keys.

        Args:
            active: the key that signs, a JWK with `kid`; only public members are used.
            retired: those that signed before.

        Raises:
            InputError: when a key is not one that could be verified with.
        """
        former = tuple(retired)
        self._until = {str(key.jwk.get("kid")): key.until for key in former}
        key_set = public_key_set([active, *(key.jwk for key in former)])
        self._jwks: list[dict[str, Any]] = key_set["keys"]
        self._keys = import_keys(key_set)

    def generation(self, now: datetime) -> int:
        """Grows when a key is added or removed."""
        return sum(until <= now for until in self._until.values())

    def get(self, kid: str, now: datetime) -> VerificationKey | None:
        """The key of this id, or None when there is none that is good at `now`."""
        return self._keys.get(kid) if self._good(kid, now) else None

    def published(self, now: datetime) -> dict[str, Any]:
        """The JWK set that others check our tokens with, the signing key first (RFC 7517 section 5)."""
        return {"keys": [jwk for jwk in self._jwks if self._good(jwk["kid"], now)]}

    def _good(self, kid: str, now: datetime) -> bool:
        until = self._until.get(kid)
        return until is None or now < until
