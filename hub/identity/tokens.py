"""Access tokens as the gateway sees them: a text goes in, a `Caller` comes out, or nothing does.

- Type, issuer, audience, algorithm, key, times and details are checked (RFC 9068 section 4), and that the
  client is active and holds every purpose the token states.
- A token that was verified is remembered until it expires. Each use looks again at the time, at revocation
  and at the generation of clients and keys; when any client or key has changed, the token is verified anew.
- A token may name a portfolio instead of stating its details (`hub.identity.portfolio`): then these are fetched
  at first use, compared with the digest, and remembered with the token.
- Every refusal is the same error, so a thief does not learn what was wrong.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hub.errors import InputError
from hub.identity import details, jose
from hub.identity.authenticate import SKEW, instant
from hub.identity.clients import Client, ClientRegistry
from hub.identity.details import Grant
from hub.identity.portfolio import PortfolioStore, digest_in

_TYPES: frozenset[str | None] = frozenset({"at+jwt"})

_FETCHES_AT_ONCE = 4
_SUBJECT_BYTES = 600
"""What a subject of a remembered token takes in memory, about."""

DetailsReader = Callable[[object], tuple[Grant, ...]]
"""Reads the `authorization_details` claim; raises `InputError`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling and what for, as far as a verified token says."""

    client: Client
    roles: tuple[str, ...]
    institution: str
    """USCC of the organisation behind the client."""
    grants: tuple[Grant, ...]
    """Never empty; the token is good for these purposes and subjects and nothing else."""
    token_id: str
    expires_at: datetime
    purposes: frozenset[str] = field(init=False, repr=False, compare=False)
    """The purposes of the grants."""
    _by_subject: Mapping[bytes, Grant] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first: dict[bytes, Grant] = {}
        for grant in self.grants:
            for subject_id in grant.subject_ids:
                first.setdefault(subject_id, grant)
        object.__setattr__(self, "purposes", frozenset(grant.purpose for grant in self.grants))
        object.__setattr__(self, "_by_subject", first)

    def grant_of(self, subject_id: bytes) -> Grant | None:
        """The grant that names this subject, or None: then nothing may be asked about it."""
        return self._by_subject.get(subject_id)

    @property
    def subject_count(self) -> int:
        """How many subjects the token is bound to."""
        return len(self._by_subject)


class KeySource(Protocol):
    """The public keys of an issuer."""

    def generation(self, now: datetime) -> int:
        """Grows when a key is added or removed."""
        ...

    def get(self, kid: str, now: datetime) -> jose.VerificationKey | None:
        """The key of this id, or None when there is none that is good at `now`."""
        ...


@dataclass(slots=True)
class _Remembered:
    caller: Caller
    clients: int
    keys: int
    size: int


@dataclass(frozen=True, slots=True)
class _Proven:
    """What a token says whose signature, times, issuer, audience and client are good."""

    client: Client
    token_id: str
    expires_at: datetime
    stated: object
    """Its `authorization_details`, not yet read."""


@dataclass
class TokenVerifier:
    """Verifies the access tokens of one issuer and remembers them."""

    issuer: str
    audience: str
    registry: ClientRegistry
    keys: KeySource
    read_details: DetailsReader
    capacity: int = 10_000
    """Most tokens remembered; those not used for longest are forgotten first."""
    portfolios: PortfolioStore | None = None
    """Where portfolios are; None: the issuer has none."""
    capacity_bytes: int = 64_000_000
    """Most memory, about, that remembered tokens take, as one for a thousand subjects is large."""
    _bytes: int = field(default=0, repr=False)
    _remembered: OrderedDict[str, _Remembered] = field(default_factory=OrderedDict, repr=False)
    _revoked: dict[str, datetime] = field(default_factory=dict, repr=False)
    _fetching: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_FETCHES_AT_ONCE), repr=False
    )

    @classmethod
    def embedded(
        cls,
        issuer: str,
        keys: KeySource,
        registry: ClientRegistry,
        purposes: AbstractSet[str],
        portfolios: PortfolioStore,
    ) -> TokenVerifier:
        """The verifier for tokens of the hub's own server.

        Args:
            issuer: the hub's URL, also the audience.
            keys: the server's public keys.
            registry: the clients.
            purposes: known purpose codes.
            portfolios: where the server keeps details that are too large for a token.
        """
        return cls(
            issuer,
            issuer,
            registry,
            keys,
            lambda claim: details.read_token(claim, purposes),
            portfolios=portfolios,
        )

    async def authenticate(self, token: str, now: datetime) -> Caller:
        """Who presents this token.

        Args:
            token: the access token.
            now: the instant of the request.

        Raises:
            AuthenticationError: when the token is not valid now, or its portfolio is not what it names.
            UnavailableError: when its portfolio cannot be fetched.
        """
        known = self._recall(token, now)
        if known is not None:
            return known
        proven = self._prove(token, now)
        digest = digest_in(proven.stated)
        if digest is None or self.portfolios is None:
            return self._remember(token, proven, proven.stated, now)
        async with self._fetching:  # few at once: who waited finds it remembered
            known = self._recall(token, now)
            if known is not None:
                return known
            stated = await self.portfolios.fetch(proven.client.client_id, digest, now)
            # proven again, as the token or its client may have been closed meanwhile
            return self._remember(token, self._prove(token, now), stated, now)

    def verify(self, token: str, now: datetime) -> Caller:
        """`authenticate` without fetching anything: a portfolio must be remembered already.

        Raises:
            AuthenticationError: when the token is not valid now.
        """
        known = self._recall(token, now)
        if known is not None:
            return known
        proven = self._prove(token, now)
        return self._remember(token, proven, proven.stated, now)

    def forget(self, token_id: str, until: datetime) -> None:
        """Refuse a token from now on, in this process.

        Args:
            token_id: its `jti`.
            until: when it would have expired; kept that long.
        """
        self._revoked[token_id] = until
        for token in [t for t, known in self._remembered.items() if known.caller.token_id == token_id]:
            self._drop(token)

    def _recall(self, token: str, now: datetime) -> Caller | None:
        known = self._remembered.get(token)
        if (
            known is None
            or now >= known.caller.expires_at
            or known.clients != self.registry.generation
            or known.keys != self.keys.generation(now)
        ):
            self._drop(token)
            return None
        self._remembered.move_to_end(token)
        return known.caller

    def _prove(self, token: str, now: datetime) -> _Proven:
        claims = jose.verify(token, lambda kid: self.keys.get(kid, now), _TYPES)
        expires_at = self._check_times(claims, now)
        if claims.get("iss") != self.issuer or claims.get("aud") != self.audience:
            jose.refuse()
        token_id, name = claims.get("jti"), claims.get("client_id")
        if not isinstance(token_id, str) or not token_id or self._is_revoked(token_id, now):
            jose.refuse()
        client = self.registry.get(name) if isinstance(name, str) else None
        if client is None:
            jose.refuse()
        return _Proven(client, token_id, expires_at, claims.get("authorization_details"))

    def _remember(self, token: str, proven: _Proven, stated: object, now: datetime) -> Caller:
        client = proven.client
        grants = self._grants(stated, client)
        caller = Caller(client, client.roles, client.institution, grants, proven.token_id, proven.expires_at)
        self._drop(token)  # another request may have been as quick
        size = len(token) + _SUBJECT_BYTES * caller.subject_count
        self._remembered[token] = _Remembered(
            caller, self.registry.generation, self.keys.generation(now), size
        )
        self._bytes += size
        while len(self._remembered) > self.capacity or self._bytes > self.capacity_bytes:
            self._drop(next(iter(self._remembered)))
        return caller

    def _drop(self, token: str) -> None:
        known = self._remembered.pop(token, None)
        if known is not None:
            self._bytes -= known.size

    def _check_times(self, claims: Mapping[str, Any], now: datetime) -> datetime:
        expires_at, issued_at = instant(claims.get("exp")), instant(claims.get("iat"))
        not_before = instant(claims["nbf"]) if "nbf" in claims else issued_at
        if expires_at is None or issued_at is None or not_before is None:
            jose.refuse()
        if expires_at <= now or max(issued_at, not_before) > now + SKEW:
            jose.refuse()
        return expires_at

    def _is_revoked(self, token_id: str, now: datetime) -> bool:
        if self._revoked:
            self._revoked = {jti: until for jti, until in self._revoked.items() if until > now}
        return token_id in self._revoked

    def _grants(self, stated: object, client: Client) -> tuple[Grant, ...]:
        try:
            grants = self.read_details(stated)
        except InputError:
            jose.refuse()
        for grant in grants:
            if grant.purpose not in client.purposes:
                jose.refuse()
            if client.subject_id is not None and grant.subject_ids - {client.subject_id}:
                jose.refuse()
        return grants
