"""Tokens of an external issuer: same checks, fetched keys, and nothing when the keys cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from world import unentered

from hub.errors import AuthenticationError, ConfigurationError
from hub.identity.external import REFRESH_AFTER, RETRY_AFTER, STALE_AFTER, ExternalIssuer, FetchedKeys

from . import forge
from .identity_world import LOAN, NOW, PURPOSES, RESIDENT_ID, USCC, Signer, World, resolve, run

OUTSIDE = "https://login.bank.example/realm"
AUDIENCE = "https://hub.example/api"
AT = int(NOW.timestamp())


@dataclass
class Publisher:
    """An issuer's JWKS endpoint that can change, fail and count."""

    keys: list[Any] = field(default_factory=list)
    answer: Callable[[], httpx.Response] | None = None
    asked: int = 0

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answer() if self.answer else httpx.Response(200, json={"keys": self.keys})


def public(signer: Signer) -> dict[str, Any]:
    return {name: value for name, value in signer.jwk.items() if name != "d"}


def issuer(world: World, publisher: Publisher) -> ExternalIssuer:
    http = httpx.AsyncClient(transport=httpx.MockTransport(publisher))
    return ExternalIssuer(
        issuer=OUTSIDE,
        audience=AUDIENCE,
        keys=FetchedKeys(http, f"{OUTSIDE}/jwks"),
        registry=world.registry,
        purposes=PURPOSES,
        resolve_subject=resolve,
    )


def token(signer: Signer, *, typ: str = "at+jwt", **changes: Any) -> str:
    good = {
        "iss": OUTSIDE,
        "sub": "user-7",
        "client_id": "bank-hkb",
        "aud": AUDIENCE,
        "iat": AT,
        "exp": AT + 7200,
        "jti": "x1",
        "authorization_details": [{**LOAN, "subjects": [USCC, RESIDENT_ID]}],
    }
    return forge.ed25519(signer.jwk, {**good, **changes}, typ=typ)


def test_a_token_of_the_external_issuer_maps_to_a_registered_client(database_url: str) -> None:
    async def scenario(world: World) -> None:
        signer = Signer()
        publisher = Publisher([public(signer)])
        outside = issuer(world, publisher)
        for _ in range(3):
            caller = await outside.authenticate(token(signer), NOW)
        assert caller.client == world.registry.get("bank-hkb")
        assert caller.grants[0].subject_ids == {resolve(USCC), resolve(RESIDENT_ID)}
        assert publisher.asked == 1
        for case, bad in {
            "a portfolio": token(
                signer,
                authorization_details=[{"type": LOAN["type"], "portfolio": "sha256:" + "0" * 64}],
            ),
            "its audience is ours only by issuer": token(signer, aud="https://hub.example"),
            "another issuer": token(signer, iss="https://hub.example"),
            "an unknown client": token(signer, client_id="bank-zzz"),
            "an id token": token(signer, typ="JWT"),
            "a purpose not held": token(signer, authorization_details=[{**LOAN, "purpose": "SELF_QUERY"}]),
            "a malformed subject": token(signer, authorization_details=[{**LOAN, "subjects": ["x"]}]),
            "our own token": await world.token(),
        }.items():
            with pytest.raises(AuthenticationError):
                pytest.fail(f"{case}: {await outside.authenticate(bad, NOW)}")
        await world.registry.disable("bank-hkb", unentered)
        with pytest.raises(AuthenticationError):
            await outside.authenticate(token(signer), NOW)

    run(database_url, scenario)


def test_an_external_token_states_a_consent_for_each_subject_itself(database_url: str) -> None:
    async def scenario(world: World) -> None:
        signer = Signer()
        outside = issuer(world, Publisher([public(signer)]))
        consents = {f"sub_{n:032x}": f"c_{n:022d}" for n in range(1000)}
        large = {"type": LOAN["type"], "purpose": "LOAN_REVIEW_POST", "subjects": list(consents)}
        detail = {**large, "consents": list(consents.values())}
        caller = await outside.authenticate(token(signer, authorization_details=[detail]), NOW)
        for subject, consent in consents.items():
            grant = caller.grant_of(bytes.fromhex(subject[4:]))
            assert grant is not None
            assert grant.consent_id == consent
        assert await world.kept() == 0

    run(database_url, scenario)


def test_unknown_key_ids_fetch_the_keys_again_but_seldom(database_url: str) -> None:
    async def scenario(world: World) -> None:
        old, new = Signer(), Signer()
        publisher = Publisher([public(old)])
        outside = issuer(world, publisher)
        await outside.authenticate(token(old), NOW)
        publisher.keys = [public(old), public(new)]
        for _ in range(50):
            with pytest.raises(AuthenticationError):
                await outside.authenticate(token(new), NOW + RETRY_AFTER - timedelta(seconds=1))
        assert publisher.asked == 1
        later = NOW + RETRY_AFTER
        assert await outside.authenticate(token(new), later)
        for _ in range(50):
            with pytest.raises(AuthenticationError):
                await outside.authenticate(token(Signer()), later)
        assert publisher.asked == 2

    run(database_url, scenario)


def test_a_key_that_the_issuer_took_back_is_no_good_even_for_remembered_tokens(database_url: str) -> None:
    async def scenario(world: World) -> None:
        old, new = Signer(), Signer()
        publisher = Publisher([public(old)])
        outside = issuer(world, publisher)
        await outside.authenticate(token(old), NOW)
        publisher.keys = [public(new)]
        with pytest.raises(AuthenticationError):
            await outside.authenticate(token(old), NOW + REFRESH_AFTER)
        assert await outside.authenticate(token(new), NOW + REFRESH_AFTER)

    run(database_url, scenario)


FAILURES: dict[str, Callable[[], httpx.Response]] = {
    "an error": lambda: httpx.Response(500),
    "a redirect": lambda: httpx.Response(302, headers={"Location": "https://evil.example/jwks"}),
    "a page": lambda: httpx.Response(200, text="<html>"),
    "no key set": lambda: httpx.Response(200, json=[]),
    "too much": lambda: httpx.Response(200, text=" " * 300_000 + '{"keys": []}'),
    "deep nesting": lambda: httpx.Response(200, text="[" * 200_000),
}


def _unreachable() -> httpx.Response:
    raise httpx.ConnectError("no route")


@pytest.mark.parametrize("case", [*FAILURES, "no answer"])
def test_while_the_keys_cannot_be_fetched_the_old_ones_serve_for_an_hour_and_no_longer(
    case: str, database_url: str
) -> None:
    async def scenario(world: World) -> None:
        signer = Signer()
        publisher = Publisher([public(signer)])
        outside = issuer(world, publisher)
        await outside.authenticate(token(signer), NOW)
        publisher.answer = FAILURES.get(case, _unreachable)
        assert await outside.authenticate(token(signer), NOW + STALE_AFTER - timedelta(seconds=1))
        with pytest.raises(AuthenticationError):
            await outside.authenticate(token(signer), NOW + STALE_AFTER)
        publisher.answer = None
        assert await outside.authenticate(token(signer), NOW + STALE_AFTER + RETRY_AFTER)

    run(database_url, scenario)


def test_keys_we_would_not_use_are_left_out_of_a_foreign_set(database_url: str) -> None:
    async def scenario(world: World) -> None:
        signer, key = Signer(), rsa.generate_private_key(65537, 2048)
        rs256 = {**forge.rsa_jwk(key, "r"), "alg": "RS256"}
        publisher = Publisher([rs256, {"kty": "AKP", "kid": "pq"}, "?", public(signer)])
        outside = issuer(world, publisher)
        assert await outside.authenticate(token(signer), NOW)
        with pytest.raises(AuthenticationError):
            await outside.authenticate(forge.rsa_signed(key, "r", {}, alg="RS256"), NOW)

    run(database_url, scenario)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.bank.example/jwks",
        "ftp://x/jwks",
        "https://",
        "https://u:p@x/jwks",
        "https://x/jwks#a",
        "",
    ],
)
def test_keys_are_fetched_over_https_only(url: str) -> None:
    with pytest.raises(ConfigurationError):
        FetchedKeys(httpx.AsyncClient(), url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/jwks", "http://[::1]/jwks", "http://localhost/jwks"])
def test_keys_may_be_fetched_over_http_from_this_machine(url: str) -> None:
    assert FetchedKeys(httpx.AsyncClient(), url).generation(NOW) == 0
