"""The registry of clients: what is taken in, and how fast what is closed is closed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from world import unentered

from hub.errors import InputError
from hub.identity import client_rows
from hub.identity.clients import CHANNEL, DISABLED, Client, ClientRegistry
from hub.keys.jwk import generate_client_key

from .identity_world import NOW, SEAL, World, client, run


def test_a_registered_client_is_read_back_equal(database_url: str) -> None:
    async def scenario(world: World) -> None:
        made = client("new-one", generate_client_key()[1], subject_id=b"0123456789abcdef")
        await world.registry.register(made, NOW, unentered)
        other = await ClientRegistry.load(world.database, SEAL)
        assert world.registry.get("new-one") == other.get("new-one") == made
        assert [c.client_id for c in other.listed()] == sorted(c.client_id for c in other.listed())

    run(database_url, scenario)


def test_unknown_and_disabled_clients_are_the_same_nothing(database_url: str) -> None:
    async def scenario(world: World) -> None:
        await world.registry.disable("bank-hkb", unentered)
        for name in ("bank-hkb", "nobody", ""):
            assert world.registry.get(name) is None
            assert not world.registry.keys(name)
        assert {c.client_id: c.status for c in world.registry.listed()}["bank-hkb"] == DISABLED
        with pytest.raises(InputError):
            await world.registry.disable("nobody", unentered)

    run(database_url, scenario)


def test_another_process_sees_a_change_when_it_refreshes_and_only_then_counts_a_generation(
    database_url: str,
) -> None:
    async def scenario(world: World) -> None:
        other = await ClientRegistry.load(world.database, SEAL)
        before = other.generation
        await other.refresh()
        assert other.generation == before
        await world.registry.disable("bank-hkb", unentered)
        assert other.get("bank-hkb") is not None
        await other.refresh()
        assert other.get("bank-hkb") is None
        assert other.generation == before + 1

    run(database_url, scenario)


def test_a_change_is_announced_to_listeners(database_url: str) -> None:
    async def scenario(world: World) -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        async with world.database.connection() as connection:
            await connection.add_listener(CHANNEL, lambda *event: heard.put_nowait(event[3]))
            await world.registry.disable("bank-hkb", unentered)
            await world.registry.register(client("new-one", generate_client_key()[1]), NOW, unentered)
            assert [await asyncio.wait_for(heard.get(), 5) for _ in range(2)] == ["bank-hkb", "new-one"]
            await connection.reset()

    run(database_url, scenario)


async def reseal(world: World, **values: Any) -> None:
    """A row that this hub would not write today, under a seal that holds."""
    async with world.database.connection() as connection:
        row = await client_rows.read_one(connection, "bank-hkb")
        assert row is not None
        await client_rows.StoredClient.sealed({**row.values, **values}, SEAL).write(connection)


def test_a_row_with_unreadable_keys_closes_that_client_only(database_url: str) -> None:
    async def scenario(world: World) -> None:
        await reseal(world, jwks={"keys": 5})
        await world.registry.refresh()
        assert world.registry.get("bank-hkb") is None
        assert world.registry.get("bank-qzb") is not None
        assert world.registry.unreadable == ("bank-hkb",)

    run(database_url, scenario)


def test_a_row_whose_roles_do_not_go_together_closes_that_client_only(database_url: str) -> None:
    async def scenario(world: World) -> None:
        await reseal(world, roles=["subject", "guardian"])
        await world.registry.refresh()
        assert world.registry.get("bank-hkb") is None
        assert world.registry.get("bank-qzb") is not None
        assert world.registry.unreadable == ("bank-hkb",)

    run(database_url, scenario)


PRIVATE, PUBLIC = generate_client_key()
P256 = generate_client_key("P-256")[1]


def keyed(*keys: Any) -> Callable[[Client], Client]:
    return lambda c: dataclasses.replace(c, jwks={"keys": list(keys)})


REFUSED: dict[str, Callable[[Client], Client]] = {
    "a private key": keyed(PRIVATE),
    "no key": keyed(),
    "no key set": lambda c: dataclasses.replace(c, jwks={}),
    "a key without id": keyed({k: v for k, v in PUBLIC.items() if k != "kid"}),
    "two keys of one id": keyed(PUBLIC, PUBLIC),
    "a secret": keyed({"kty": "oct", "kid": "a", "k": "c2VjcmV0"}),
    "a symmetric key without its secret": keyed({"kty": "oct", "kid": "a"}),
    "a key of another curve": keyed({**PUBLIC, "crv": "X25519"}),
    "a P-384 key": keyed({**P256, "crv": "P-384"}),
    "a point off the curve": keyed({**P256, "y": P256["x"]}),
    "a key cut short": keyed({**PUBLIC, "x": PUBLIC["x"][:-4]}),
    "a key for encryption": keyed({**PUBLIC, "use": "enc"}),
    "a key that may not verify": keyed({**PUBLIC, "key_ops": ["sign"]}),
    "a key with operations that are no list": keyed({**PUBLIC, "key_ops": 5}),
    "an algorithm that is not the key's": keyed({**PUBLIC, "alg": "RS256"}),
    "a short RSA key": keyed({"kty": "RSA", "kid": "r", "n": "u" * 171, "e": "AQAB"}),
    "a key that is a text": keyed("key"),
    "a key type that is a list": keyed({**PUBLIC, "kty": ["OKP"]}),
    "the subject and its guardian in one": lambda c: dataclasses.replace(
        c, roles=("subject", "bank", "guardian")
    ),
    "no role": lambda c: dataclasses.replace(c, roles=()),
    "an unknown status": lambda c: dataclasses.replace(c, status="SLEEPING"),
    "an id with a blank": lambda c: dataclasses.replace(c, client_id="bank one"),
    "an id beyond ASCII": lambda c: dataclasses.replace(c, client_id="银行"),
    "no id": lambda c: dataclasses.replace(c, client_id=""),
}


def test_a_client_that_breaks_a_rule_is_not_registered(database_url: str) -> None:
    async def scenario(world: World) -> None:
        before = world.registry.listed()
        for case, change in REFUSED.items():
            with pytest.raises(InputError):
                pytest.fail(
                    f"{case}: {await world.registry.register(change(client('new', PUBLIC)), NOW, unentered)}"
                )
        await world.registry.refresh()
        assert world.registry.listed() == before

    run(database_url, scenario)
