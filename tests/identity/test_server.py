"""Setting up the authorization server: it refuses to start half-configured, and takes keys of the ring."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.errors import ConfigurationError, InputError
from hub.identity import assertion
from hub.identity.issuer_keys import RetiredKey
from hub.identity.portfolio import PortfolioStore
from hub.identity.replay import AssertionLog
from hub.identity.server import TokenServer
from hub.identity.transport import require_issuer
from hub.keys.jwk import generate_client_key
from hub.keys.ring import create_ring, load_ring

from .identity_world import ISSUER, LOAN, NOW, PURPOSES, Signer, World, resolve, run, verifier_of

BAD_ISSUERS = {
    "plain http": "http://hub.example",
    "http on every interface": "http://0.0.0.0:8080",
    "a path": "https://hub.example/credit",
    "a final slash": "https://hub.example/",
    "a query": "https://hub.example?a=1",
    "an empty query": "https://hub.example?",
    "a fragment": "https://hub.example#a",
    "a password": "https://me:secret@hub.example",
    "a port that is no number": "https://hub.example:web",
    "no host": "https://",
    "nothing": "",
}


@pytest.mark.parametrize("case", BAD_ISSUERS)
def test_the_server_does_not_start_under_an_issuer_url_with(case: str) -> None:
    with pytest.raises(ConfigurationError):
        require_issuer(BAD_ISSUERS[case])


@pytest.mark.parametrize(
    "url", ["https://hub.example", "https://hub.example:8443", "http://127.0.0.1:8080", "http://[::1]:8080"]
)
def test_the_server_starts_under(url: str) -> None:
    assert require_issuer(url) == url


def _server(world: World, signer: Signer, **more: object) -> TokenServer:
    return TokenServer(
        issuer=ISSUER,
        registry=world.registry,
        assertions=AssertionLog(world.database),
        portfolios=PortfolioStore(world.database),
        signer=signer,
        purposes=PURPOSES,
        resolve_subject=resolve,
        **more,  # type: ignore[arg-type]
    )


def test_the_key_set_never_holds_a_private_part_and_retired_keys_stay_good(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token()
        retired = RetiredKey(world.signer.jwk, NOW + timedelta(seconds=300))
        fresh = _server(world, Signer(), retired=[retired], lifetime=timedelta(seconds=60))
        assert len(fresh.keys.published(NOW)["keys"]) == 2
        assert all("d" not in key for key in fresh.keys.published(NOW)["keys"])
        verifier = verifier_of(world, fresh)
        assert verifier.verify(token, NOW)
        answer = await fresh.respond(world.form(), NOW)
        assert answer.body["expires_in"] == 60
        assert verifier.verify(answer.body["access_token"], NOW).expires_at == NOW + timedelta(seconds=60)

    run(database_url, scenario)


def test_a_signer_of_another_kind_is_refused_at_start(database_url: str) -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(InputError):
            _server(world, Signer({"kty": "oct", "kid": "a", "k": "c2VjcmV0"}))

    run(database_url, scenario)


def test_a_p256_signer_makes_tokens_that_verify(database_url: str) -> None:
    async def scenario(world: World) -> None:
        server = _server(world, Signer(generate_client_key("P-256")[0]))
        answer = await server.respond(world.form(), NOW)
        verifier = verifier_of(world, server)
        assert verifier.verify(answer.body["access_token"], NOW)

    run(database_url, scenario)


def test_the_token_key_of_a_ring_signs_tokens(database_url: str, tmp_path: Path) -> None:
    create_ring(tmp_path / "ring", demo=True, now=NOW)
    ring = load_ring(tmp_path / "ring", demo=True)

    async def scenario(world: World) -> None:
        server = _server(world, ring.token.active)  # type: ignore[arg-type]
        form = assertion.token_form(
            assertion.make_assertion(world.private["bank-hkb"], "bank-hkb", ISSUER, NOW), [LOAN]
        )
        answer = await server.respond(form, NOW)
        verifier = verifier_of(world, server)
        assert verifier.verify(answer.body["access_token"], NOW)

    run(database_url, scenario)
