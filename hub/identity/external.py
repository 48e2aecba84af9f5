"""Tokens of an external OAuth issuer: the same checks, with keys fetched from its JWKS URL.

- Keys are fetched over https (http on loopback only), with a time limit, a size limit and no redirects.
- An unknown key id asks for the keys again, at most every `RETRY_AFTER`, so made-up key ids cost nothing.
- Keys are fetched again when older than `REFRESH_AFTER`. If that fails the old ones serve until
  `STALE_AFTER`, then none does: a key the issuer took back does not live on.
- The issuer's `client_id` must be a client of ours; its roles and purposes come from our registry.
- Such a token states its details itself, up to `hub.identity.jose.MAX_TOKEN_CHARS`; it names no portfolio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import httpx

from hub.errors import AuthenticationError, InputError
from hub.identity import details, jose
from hub.identity.clients import ClientRegistry
from hub.identity.tokens import Caller, TokenVerifier
from hub.identity.transport import require_secure

RETRY_AFTER = timedelta(seconds=30)
REFRESH_AFTER = timedelta(minutes=10)
STALE_AFTER = timedelta(hours=1)
TIMEOUT_SECONDS = 5.0
MAX_JWKS_BYTES = 262_144


class FetchedKeys:
    """The public keys of an issuer, from its JWKS URL."""

    def __init__(self, http: httpx.AsyncClient, jwks_url: str) -> None:
        """Set up without fetching.

        Args:
            http: the client to fetch with.
            jwks_url: where the keys are.

        Raises:
            ConfigurationError: when the URL is not https (or loopback).
        """
        self._generation = 0
        self._http = http
        self._url = require_secure(jwks_url, "JWKS URL of the external issuer")
        self._keys: Mapping[str, jose.VerificationKey] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    def generation(self, _now: datetime) -> int:
        """Grows when a key is added or removed."""
        return self._generation

    def get(self, kid: str, _now: datetime) -> jose.VerificationKey | None:
        """The key of this id, or None."""
        return self._keys.get(kid)

    async def keep_fresh(self, now: datetime) -> None:
        """Fetch the keys when they are old or were never fetched; drop them when they are too old."""
        if self._fetched_at is not None and now - self._fetched_at < REFRESH_AFTER:
            return
        await self.fetch(now)
        if self._keys and self._fetched_at is not None and now - self._fetched_at >= STALE_AFTER:
            self._replace({})

    async def fetch(self, now: datetime) -> None:
        """Fetch the keys, unless that was tried within `RETRY_AFTER`; a failure leaves what is known."""
        async with self._lock:
            if self._tried_at is not None and now - self._tried_at < RETRY_AFTER:
                return
            self._tried_at = now
            try:
                keys = jose.import_foreign_keys(jose.strict_json(await self._download()))
            except (httpx.HTTPError, ValueError, InputError, TimeoutError):
                return
            self._fetched_at = now
            self._replace(keys)

    async def _download(self) -> bytes:
        body = bytearray()
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            self._http.stream("GET", self._url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ValueError("no key set")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise ValueError("too large")
        return bytes(body)

    def _replace(self, keys: Mapping[str, jose.VerificationKey]) -> None:
        self._keys = keys
        self._generation += 1


class ExternalIssuer:
    """Verifies access tokens of an external issuer."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: FetchedKeys,
        registry: ClientRegistry,
        purposes: AbstractSet[str],
        resolve_subject: details.SubjectResolver,
    ) -> None:
        """Set up without fetching.

        Args:
            issuer: its URL, as in `iss`.
            audience: what `aud` must be, exactly.
            keys: its public keys.
            registry: our clients.
            purposes: known purpose codes.
            resolve_subject: turns an identifier into a subject id; such a token may hold identifiers.

        Raises:
            ConfigurationError: when the issuer URL is not https (or loopback).
        """
        self._keys = keys
        self.verifier = TokenVerifier(
            require_secure(issuer, "URL of the external issuer"),
            audience,
            registry,
            keys,
            lambda claim: details.read(claim, purposes, resolve_subject),
        )

    async def authenticate(self, token: str, now: datetime) -> Caller:
        """Who presents this token; fetches keys when that may help.

        Raises:
            AuthenticationError: when the token is not valid now.
        """
        await self._keys.keep_fresh(now)
        try:
            return self.verifier.verify(token, now)
        except AuthenticationError:
            kid = jose.unverified_header(token).get("kid")
            if not isinstance(kid, str) or self._keys.get(kid, now) is not None:
                raise
        await self._keys.fetch(now)
        return self.verifier.verify(token, now)

    def forget(self, token_id: str, until: datetime) -> None:
        """Refuse a token from now on, in this process; see `TokenVerifier.forget`."""
        self.verifier.forget(token_id, until)
