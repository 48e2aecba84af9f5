"""The embedded OAuth 2 authorization server: a client's proof goes in, a short-lived access token comes out.

Authlib gives the grant, the dispatch and the error answers; the proof, the details and the token are ours.

- One grant: client credentials (RFC 6749 section 4.4). One client authentication: `private_key_jwt`.
- A request states what for: `authorization_details` is required, and a purpose the client does not hold, or a
  subject other than the one it acts for, is refused (RFC 9396 section 5).
- An assertion is used up as soon as it has proven the client, also when the rest of the request is refused.
- The token is a signed JWT of type `at+jwt` (RFC 9068) whose audience is this hub. It holds pseudonyms of
  subjects, never identifiers.
- Details too large for a token are kept as a portfolio before the token is given out (`hub.identity.portfolio`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientCredentialsGrant,
    ClientMixin,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from hub.errors import InputError
from hub.identity import details, jose, metadata
from hub.identity.authenticate import ClientRefusedError, Proof, authenticate
from hub.identity.clients import Client, ClientRegistry
from hub.identity.issuer_keys import IssuerKeys, RetiredKey
from hub.identity.portfolio import PortfolioStore, is_large
from hub.identity.replay import AssertionLog
from hub.identity.transport import require_issuer

METHOD = "private_key_jwt"


class TokenSigner(Protocol):
    """The key that signs access tokens; `hub.keys.signing.TokenSigningKey` is one."""

    @property
    def kid(self) -> str:
        """Key id."""
        ...

    def unsafe_private_jwk(self) -> Mapping[str, Any]:
        """The private key as a JWK."""
        ...


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """An answer of the token endpoint."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class DetailsRefusedError(OAuth2Error):  # type: ignore[misc]
    """`invalid_authorization_details` (RFC 9396 section 5)."""

    error = "invalid_authorization_details"


class TargetRefusedError(OAuth2Error):  # type: ignore[misc]
    """`invalid_target` (RFC 8707 section 2): the token is wanted for another resource than this hub."""

    error = "invalid_target"


class TokenServer:
    """The authorization server of one hub."""

    def __init__(
        self,
        *,
        issuer: str,
        registry: ClientRegistry,
        assertions: AssertionLog,
        portfolios: PortfolioStore,
        signer: TokenSigner,
        purposes: AbstractSet[str],
        resolve_subject: details.SubjectResolver,
        lifetime: timedelta = timedelta(minutes=5),
        retired: Iterable[RetiredKey] = (),
    ) -> None:
        """Set up the server.

        Args:
            issuer: URL of this hub; issuer and audience of its tokens.
            registry: the clients.
            assertions: the memory of used assertions, shared by all processes.
            portfolios: where details go that are too large for a token, shared too.
            signer: the key that signs tokens.
            purposes: known purpose codes.
            resolve_subject: turns a USCC or resident identity number into a subject id.
            lifetime: how long a token lives.
            retired: keys of signers whose tokens may still be about; published too while they are good.

        Raises:
            ConfigurationError: when the issuer URL is not one that tokens may be issued under.
        """
        self.issuer = require_issuer(issuer)
        self.metadata: Mapping[str, Any] = metadata.describe(issuer)
        self.keys = IssuerKeys({**signer.unsafe_private_jwk(), "kid": signer.kid, "use": "sig"}, retired)
        self._registry = registry
        self._assertions = assertions
        self._portfolios = portfolios
        self._signer = signer
        self._purposes = purposes
        self._resolve_subject = resolve_subject
        self._lifetime = lifetime
        self._oauth = _Authlib(self)

    async def respond(self, form: Mapping[str, str], now: datetime) -> TokenResponse:
        """Answer a token request.

        Args:
            form: its parameters, none repeated, none empty.
            now: the instant of the request.

        Raises:
            UnavailableError: when the database is away; no token was issued.
        """
        request = _Request(self.metadata["token_endpoint"], form, now)
        try:
            if "grant_type" not in form:
                raise InvalidRequestError("grant_type is required.")
            grant = self._oauth.get_token_grant(request)
            grant.validate_token_request()
            await self._use_up(request.proof)
            request.granted = details.write(self._grants(request.proof.client, form))
            request.stated = await self._state(request)
            return self._oauth.handle_response(*grant.create_token_response())
        except OAuth2Error as error:
            return self._oauth.refused(request, error)

    def prove(self, form: Mapping[str, str], now: datetime) -> Proof:
        """Check the client assertion of a request, but for its single use.

        Raises:
            ClientRefusedError: when the client has not proven who it is.
        """
        return authenticate(form, self._registry, self.issuer, now)

    async def _use_up(self, proof: Proof) -> None:
        if not await self._assertions.claim(proof.client.client_id, proof.jti, proof.expires_at):
            raise ClientRefusedError(description="The assertion was used before.")

    def issue(self, request: _Request) -> dict[str, Any]:
        """The token response to a request whose proof has been used up and whose details are granted."""
        client_id = request.proof.client.client_id
        seconds = int(self._lifetime.total_seconds())
        issued_at = int(request.now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": client_id,
            "client_id": client_id,
            "aud": self.issuer,
            "iat": issued_at,
            "exp": issued_at + seconds,
            "jti": secrets.token_urlsafe(16),
            "authorization_details": request.stated,
        }
        token = jose.sign(claims, self._signer.unsafe_private_jwk(), kid=self._signer.kid, typ="at+jwt")
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
            "authorization_details": request.granted,
        }

    async def _state(self, request: _Request) -> Sequence[Mapping[str, Any]]:
        """What the token says of what was granted: all of it, or the digest under which it is kept."""
        if not is_large(request.granted):
            return request.granted
        client_id = request.proof.client.client_id
        return await self._portfolios.keep(client_id, request.granted, request.now + self._lifetime)

    def _grants(self, client: Client, form: Mapping[str, str]) -> tuple[details.Grant, ...]:
        if form.get("resource", self.issuer) != self.issuer:
            raise TargetRefusedError("resource must be the issuer URL.")
        if "authorization_details" not in form:
            raise InvalidRequestError("authorization_details is required.")
        try:
            grants = details.read_request(
                form["authorization_details"], self._purposes, self._resolve_subject
            )
        except InputError as error:
            raise DetailsRefusedError(error.message) from None
        if any(grant.purpose not in client.purposes for grant in grants):
            raise DetailsRefusedError("The client does not hold a purpose it states.")
        if client.subject_id is not None and any(grant.subject_ids - {client.subject_id} for grant in grants):
            raise DetailsRefusedError("The client acts for one subject and names another.")
        return grants


class _Request(OAuth2Request):  # type: ignore[misc]
    """A token request as Authlib wants to see it, with the instant and what has been found out so far."""

    def __init__(self, uri: str, form: Mapping[str, str], now: datetime) -> None:
        super().__init__("POST", uri)
        self.payload = BasicOAuth2Payload(dict(form))
        self.now = now
        self.proof: Proof
        self.granted: list[dict[str, Any]]
        """The details the client gets, as the response states them."""
        self.stated: Sequence[Mapping[str, Any]]
        """What the token says of them."""

    @property
    def form(self) -> Mapping[str, str]:
        data: Mapping[str, str] = self.payload.data
        return data


class _OAuthClient(ClientMixin):  # type: ignore[misc]
    """A client as Authlib wants to see it: one grant, one way to authenticate, no scopes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get_client_id(self) -> str:
        return self._client.client_id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == METHOD and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """Authlib's client credentials grant with our client authentication and our token."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        return 200, self.server.hub.issue(self.request), self.TOKEN_RESPONSE_HEADER


class _Authlib(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, wired to ours. It keeps no tokens and sends no signals."""

    def __init__(self, hub: TokenServer) -> None:
        super().__init__()
        self.hub = hub
        self.register_grant(_Grant)
        self.register_client_auth_method(METHOD, self._authenticate)

    def _authenticate(self, _query_client: Any, request: _Request) -> _OAuthClient:
        request.proof = self.hub.prove(request.form, request.now)
        return _OAuthClient(request.proof.client)

    def query_client(self, client_id: str) -> None:
        """Clients are found by the proof, never by what a parameter says."""

    def send_signal(self, name: str, *_arguments: Any, **_named: Any) -> None:
        """Nobody listens."""

    def validate_requested_scope(self, scope: str | None) -> None:
        if scope:
            raise InvalidScopeError(description="There are no scopes; say what for in authorization_details.")

    def handle_response(
        self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]
    ) -> TokenResponse:
        return TokenResponse(status, body, dict(headers))

    def refused(self, request: _Request, error: OAuth2Error) -> TokenResponse:
        response: TokenResponse = self.handle_error_response(request, error)
        return response
