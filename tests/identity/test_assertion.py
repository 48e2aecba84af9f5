"""The client's side, against the real server."""

from __future__ import annotations

import httpx
import pytest

from hub.errors import AuthenticationError, UnavailableError
from hub.identity.assertion import request_token

from .identity_world import ISSUER, LOAN, NOW, World, run


async def ask(world: World, http: httpx.AsyncClient, **changes: object) -> dict[str, object]:
    arguments = {"client_id": "bank-hkb", "issuer": ISSUER, "details": [LOAN], "now": NOW, **changes}
    return await request_token(
        http,
        f"{ISSUER}/oauth/token",
        unsafe_private_jwk=world.private["bank-hkb"],
        **arguments,  # type: ignore[arg-type]
    )


def test_a_client_gets_a_token_that_verifies(database_url: str) -> None:
    async def scenario(world: World) -> None:
        body = await ask(world, world.http)
        assert world.verifier().verify(str(body["access_token"]), NOW).client.client_id == "bank-hkb"

    run(database_url, scenario)


def test_a_refusal_names_the_standard_error(database_url: str) -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(AuthenticationError, match="invalid_client"):
            await ask(world, world.http, issuer="https://other.example")
        with pytest.raises(AuthenticationError, match="invalid_authorization_details"):
            await ask(world, world.http, details=[{**LOAN, "purpose": "GOV_SUPERVISION"}])

    run(database_url, scenario)


def test_a_server_that_does_not_answer_is_unavailable(database_url: str) -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>")

    async def scenario(world: World) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(broken)) as http:
            with pytest.raises(UnavailableError):
                await ask(world, http)

    run(database_url, scenario)
