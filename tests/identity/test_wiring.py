"""The identity side of a whole hub: a portfolio on the wire, and a restart after the token key was rotated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from world import ISSUER, NOW, World, open_world

from hub.demo.clients import unsafe_demo_key
from hub.gateway.server import http_options
from hub.identity.assertion import request_token
from hub.identity.portfolio import INLINE_BYTES
from hub.keys.facts import KeyPurpose
from hub.keys.rotation import add_signing_key


@asynccontextmanager
async def served(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The hub behind uvicorn on a port, as `hub serve` runs it."""
    app = Starlette(routes=list(world.hub.routes))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **http_options()))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield http
    server.should_exit = True
    await running


async def ask_for(world: World, http: httpx.AsyncClient, count: int) -> dict[str, Any]:
    """The token response for so many subjects, each with its consent."""
    return await request_token(
        http,
        "/oauth/token",
        unsafe_private_jwk=unsafe_demo_key(world.keys, "bank-hkb"),
        client_id="bank-hkb",
        issuer=ISSUER,
        details=[
            {
                "type": "credit_disclosure",
                "purpose": "LOAN_REVIEW_POST",
                "subjects": [f"sub_{n:032x}" for n in range(count)],
                "consents": [f"c_{n:022d}" for n in range(count)],
            }
        ],
        now=world.clock.now(),
    )


async def status(http: httpx.AsyncClient, token: str) -> int:
    answer = await http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": f"Bearer {token}"}
    )
    return answer.status_code


def test_the_server_takes_a_thousand_subjects_and_the_longest_token_it_gives_out(
    database_url: str, tmp_path: Path
) -> None:
    async def play() -> None:
        async with open_world(database_url, tmp_path) as world, served(world) as http:
            whole = await ask_for(world, http, 1000)
            assert len(whole["authorization_details"][0]["consents"]) == 1000
            assert len(whole["access_token"]) < 1000
            longest = (await ask_for(world, http, 58))["access_token"]
            assert len(longest) > INLINE_BYTES
            for token in (whole["access_token"], longest):
                assert await status(http, token) == 200
            async with world.hub.database.connection() as connection:
                assert await connection.execute("UPDATE portfolio SET details = '[]'") == "UPDATE 1"
            again = whole["access_token"]
        async with open_world(database_url, tmp_path) as world:
            assert await status(world.http, again) == 401

    asyncio.run(play())


def test_tokens_outlive_a_rotation_of_the_token_key_and_a_restart(database_url: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with open_world(database_url, tmp_path) as world:
            token = await world.token("bank-hkb", "LOAN_APPLICATION")
            add_signing_key(tmp_path / "ring", KeyPurpose.TOKEN, NOW)
            assert await status(world.http, token) == 200
        async with open_world(database_url, tmp_path) as world:
            old, new = world.hub.ring.token.by_id
            assert await status(world.http, token) == 200
            assert await status(world.http, await world.token("bank-hkb", "LOAN_APPLICATION")) == 200
            for step, kids in ((0, [new, old]), (599, [new, old]), (600, [new])):
                world.clock.instant = NOW + timedelta(seconds=step)
                published = (await world.http.get("/oauth/jwks")).json()["keys"]
                assert [jwk["kid"] for jwk in published] == kids

    asyncio.run(play())
