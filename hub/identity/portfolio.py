"""Portfolios: details too large for a token are kept here, and the token names them by digest.

    token:  [{"type": "credit_disclosure", "portfolio": "sha256:9f86d0..."}]

- The digest is SHA-256 over the canonical JSON (RFC 8785) of client and details, and stands in the signed
  token. So what is stored cannot be altered unnoticed, and one client's portfolio is nothing to another.
- A portfolio that is missing, altered or expired is the same refusal as any other token that is no good.
- What is stored holds pseudonyms and consent ids, no identifiers, and is gone soon after the token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from hub.errors import ValueFormatError
from hub.identity import details, jose
from hub.identity.replay import KEEP_AFTER_EXPIRY
from hub.keys.canonical import canonical_json
from hub.store.database import Database

INLINE_BYTES = 4096
"""Largest details, in bytes of canonical JSON, that stand in the token itself."""
MAX_BYTES = 262_144
"""Largest portfolio that is read; the limits of `hub.identity.details` allow no larger one."""

_REFERENCE = re.compile(r"sha256:([0-9a-f]{64})")
_KEEP = (
    "INSERT INTO portfolio (digest, details, expires_at) VALUES ($1, $2, $3) ON CONFLICT (digest) DO UPDATE"
    " SET details = excluded.details, expires_at = greatest(portfolio.expires_at, excluded.expires_at)"
)
_FETCH = "SELECT details FROM portfolio WHERE digest = $1 AND expires_at > $2 AND octet_length(details::text) <= $3"


class PortfolioStore:
    """The portfolios of tokens that are still about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, client_id: str, stated: Sequence[Any], expires_at: datetime) -> list[dict[str, str]]:
        """Keep details for a token.

        Args:
            client_id: whose token it is.
            stated: the details, as `hub.identity.details.write` gives them.
            expires_at: when the token expires.

        Returns:
            What stands in the token instead.

        Raises:
            UnavailableError: when the database is away; then the token must not be given out.
        """
        digest = _digest(client_id, stated)
        async with self._database.connection() as connection:
            await connection.execute(_KEEP, digest, orjson.dumps(stated).decode(), expires_at)
        return [{"type": details.TYPE, "portfolio": f"sha256:{digest.hex()}"}]

    async def fetch(self, client_id: str, digest: bytes, now: datetime) -> object:
        """The details that a token of this client names.

        Raises:
            AuthenticationError: when they are missing, altered or expired.
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            text = await connection.fetchval(_FETCH, digest, now, MAX_BYTES)
        if text is None:
            jose.refuse()
        try:
            stated: object = jose.strict_json(text)
            whole = _digest(client_id, stated) == digest
        except (ValueError, ValueFormatError):
            jose.refuse()
        if not whole:
            jose.refuse()
        return stated

    async def purge(self, now: datetime) -> int:
        """Forget portfolios that expired more than `KEEP_AFTER_EXPIRY` before `now`.

        Returns:
            How many were forgotten.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            done = await connection.execute(
                "DELETE FROM portfolio WHERE expires_at < $1", now - KEEP_AFTER_EXPIRY
            )
        return int(done.rpartition(" ")[2])


def is_large(stated: Sequence[Any]) -> bool:
    """Whether these details are too large for a token."""
    return len(canonical_json(stated)) > INLINE_BYTES


def digest_in(claim: object) -> bytes | None:
    """The digest that the `authorization_details` of a token name; None when they name no portfolio."""
    if not isinstance(claim, list) or len(claim) != 1 or not isinstance(claim[0], dict):
        return None
    reference = claim[0].get("portfolio")
    if claim[0].keys() != {"type", "portfolio"} or claim[0]["type"] != details.TYPE:
        return None
    named = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    return bytes.fromhex(named[1]) if named else None


def _digest(client_id: str, stated: object) -> bytes:
    return hashlib.sha256(canonical_json({"client_id": client_id, "details": stated})).digest()
