"""Access tokens as the gateway sees them: a text goes in, a `Caller` comes out, or nothing does.

- Type, issuer, audience, algorithm, key, times and details are checked (RFC 9068 section 4), and that the
  client is active and holds every purpose the token states.
- A token that was verified is remembered until it expires. Each use looks again at the time, at revocation
  and at the generation of clients and keys; when any client or key has changed, the token is verified anew.
- Every refusal is the same error, so a thief does not learn what was wrong.
"""

from __future__ import annotations

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

_TYPES: frozenset[str | None] = frozenset({"at+jwt"})

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


class KeySource(Protocol):
    """The public keys of an issuer."""

    @property
    def generation(self) -> int:
        """Grows when a key is added or removed."""
        ...

    def get(self, kid: str) -> jose.VerificationKey | None:
        """The key of this id, or None."""
        ...


@dataclass(frozen=True)
class StaticKeys:
    """The keys of the embedded issuer, fixed for the life of the process."""

    keys: Mapping[str, jose.VerificationKey]
    generation: int = 0

    @classmethod
    def of(cls, jwks: Mapping[str, Any]) -> StaticKeys:
        """The keys of a JWK set.

        Raises:
            InputError: when one of them cannot be used.
        """
        return cls(jose.import_keys(jwks))

    def get(self, kid: str) -> jose.VerificationKey | None:
        """The key of this id, or None."""
        return self.keys.get(kid)


@dataclass(slots=True)
class _Remembered:
    caller: Caller
    expires_at: datetime
    clients: int
    keys: int


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
    capacity_chars: int = 32_000_000
    """Most characters of all tokens remembered, as a token for a thousand subjects is long."""
    _chars: int = field(default=0, repr=False)
    _remembered: OrderedDict[str, _Remembered] = field(default_factory=OrderedDict, repr=False)
    _revoked: dict[str, datetime] = field(default_factory=dict, repr=False)

    @classmethod
    def embedded(
        cls, issuer: str, jwks: Mapping[str, Any], registry: ClientRegistry, purposes: AbstractSet[str]
    ) -> TokenVerifier:
        """The verifier for tokens of the hub's own server.

        Args:
            issuer: the hub's URL, also the audience.
            jwks: the public keys, as the server publishes them.
            registry: the clients.
            purposes: known purpose codes.
        """
        return cls(
            issuer, issuer, registry, StaticKeys.of(jwks), lambda claim: details.read_token(claim, purposes)
        )

    def verify(self, token: str, now: datetime) -> Caller:
        """Who presents this token.

        Args:
            token: the access token.
            now: the instant of the request.

        Raises:
            AuthenticationError: when the token is not valid now.
        """
        known = self._remembered.get(token)
        if (
            known is not None
            and now < known.expires_at
            and known.clients == self.registry.generation
            and known.keys == self.keys.generation
        ):
            self._remembered.move_to_end(token)
            return known.caller
        return self._verify_anew(token, now)

    async def authenticate(self, token: str, now: datetime) -> Caller:
        """`verify`, in the form that issuers share whose keys must be fetched.

        Raises:
            AuthenticationError: when the token is not valid now.
        """
        return self.verify(token, now)

    def forget(self, token_id: str, until: datetime) -> None:
        """Refuse a token from now on, in this process.

        Args:
            token_id: its `jti`.
            until: when it would have expired; kept that long.
        """
        self._revoked[token_id] = until
        for token in [t for t, known in self._remembered.items() if known.caller.token_id == token_id]:
            self._drop(token)

    def _verify_anew(self, token: str, now: datetime) -> Caller:
        self._drop(token)
        caller = self._caller(jose.verify(token, self.keys.get, _TYPES), now)
        self._remembered[token] = _Remembered(
            caller, caller.expires_at, self.registry.generation, self.keys.generation
        )
        self._chars += len(token)
        while len(self._remembered) > self.capacity or self._chars > self.capacity_chars:
            self._drop(next(iter(self._remembered)))
        return caller

    def _drop(self, token: str) -> None:
        if self._remembered.pop(token, None) is not None:
            self._chars -= len(token)

    def _caller(self, claims: Mapping[str, Any], now: datetime) -> Caller:
        expires_at = self._check_times(claims, now)
        if claims.get("iss") != self.issuer or claims.get("aud") != self.audience:
            jose.refuse()
        token_id, name = claims.get("jti"), claims.get("client_id")
        if not isinstance(token_id, str) or not token_id or self._is_revoked(token_id, now):
            jose.refuse()
        client = self.registry.get(name) if isinstance(name, str) else None
        if client is None:
            jose.refuse()
        grants = self._grants(claims, client)
        return Caller(client, client.roles, client.institution, grants, token_id, expires_at)

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

    def _grants(self, claims: Mapping[str, Any], client: Client) -> tuple[Grant, ...]:
        try:
            grants = self.read_details(claims.get("authorization_details"))
        except InputError:
            jose.refuse()
        for grant in grants:
            if grant.purpose not in client.purposes:
                jose.refuse()
            if client.subject_id is not None and grant.subject_ids - {client.subject_id}:
                jose.refuse()
        return grants
