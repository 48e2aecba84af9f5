"""The register of clients against an administrator of the database: what was altered is closed, named and told apart."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from world import COMPANY, ISSUER, World, fill, open_world

from hub.demo.clients import registrations, unsafe_demo_key
from hub.disclosure.client_check import ClientProblem, check_clients
from hub.errors import InputError, UnavailableError
from hub.identity import client_rows
from hub.identity.assertion import make_assertion, token_form
from hub.identity.clients import Act, Client, ClientRegistry
from hub.keys.jwk import generate_client_key
from hub.keys.ring import create_ring
from hub.store.database import asyncpg_arguments
from hub.store.tables.access import client as table

BANK, OTHER = "bank-hkb", "bank-qzb"
Problems = dict[str, ClientProblem]
GONE, ADDED, CHANGED, SET_BACK = ClientProblem


def play(url: str, folder: Path, scene: Callable[[World], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with open_world(url, folder) as world:
            await fill(world)
            for known in world.hub.registry.listed():
                await world.register(known)  # so that the log tells of them
            await scene(world)

    asyncio.run(scenario())


async def do(world: World, *statements: str) -> None:
    """As the administrator of the database; nothing is announced."""
    connection = await asyncpg.connect(**asyncpg_arguments(world.hub.database.url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def found(world: World) -> Problems:
    return dict((await check_clients(world.hub.database, world.hub.ring.client_seal()))[1])


async def signs_in(world: World, client_id: str = BANK) -> int:
    """Status of the token endpoint for a good assertion."""
    made = make_assertion(unsafe_demo_key(world.keys, BANK), client_id, ISSUER, world.clock.now())
    details = {"type": "credit_disclosure", "purpose": "LOAN_APPLICATION", "subjects": [COMPANY]}
    return (await world.http.post("/oauth/token", data=token_form(made, [details]))).status_code


async def accepted(world: World, token: str) -> int:
    return (await world.send(token, "{ __typename }")).status_code


async def assert_closed(world: World, token: str) -> None:
    """In this process, and in one that starts now; outside it looks as if there were no such client."""
    await world.hub.registry.refresh()
    started = await ClientRegistry.load(world.hub.database, world.hub.ring.client_seal())
    for registry in (world.hub.registry, started):
        assert registry.get(BANK) is None
        assert not registry.keys(BANK)
        assert registry.get("dept-amr") is not None, "the others stay"
    assert await signs_in(world) == await signs_in(world, "nobody") == 401
    assert await accepted(world, token) == 401


async def disable(world: World, client_id: str = BANK) -> None:
    async def enter(connection: asyncpg.Connection, act: Act) -> None:
        known = world.hub.registry.get(client_id)
        assert known is not None
        await registrations(world.hub.log, world.clock.now())(known)(connection, act)

    await world.hub.registry.disable(client_id, enter)


def bank(world: World) -> Client:
    known = world.hub.registry.get(BANK)
    assert known is not None
    return known


KEEP = "CREATE TABLE kept AS SELECT * FROM client"
BACK = ("DELETE FROM client", "INSERT INTO client SELECT * FROM kept")
NEW_KEY = json.dumps({"keys": [generate_client_key()[1]]})
COLUMNS: dict[str, tuple[str, ...]] = {
    "client_id": ("'bank-hkc'", "client_id || ' '"),
    "name_zh": ("'别家银行（演示）'", "name_en"),
    "name_en": ("'Another'", "''"),
    "roles": ("roles || '{regulator}'", "'{}'", "array[roles[1], null]", "array[roles]"),
    "institution": ("'91460000DEM00102X8'",),
    "subject_id": ("'\\x00'", "'\\x'"),
    "purposes": ("purposes || '{SELF_QUERY}'", "purposes[2:] || purposes[1]", "'{}'"),
    "jwks": (f"'{NEW_KEY}'", "'{\"keys\": 5}'", "'1e400'", "'null'", "jsonb_set(jwks, '{keys,0,n}', '1.5')"),
    "status": ("'DISABLED'", "'active'"),
    "demo": ("false",),
    "ad_hoc": ("not ad_hoc",),
    "country": ("'SG'", "'ZZ'"),
    "permit_kind": ("'CERTIFICATION'", "'NONE'"),
    "permit_number": ("'演1号'", "''"),
    "permit_until": ("'2099-12-31'", "'0044-03-15 BC'"),
    "created_at": ("created_at + interval '1 microsecond'", "'infinity'", "'0044-03-15 BC'", "created_at - interval '8 hours'"),
    "act": ("act + 1", "0", "-1", "2147483647"),
    "mac": ("''", "decode(repeat('00', 32), 'hex')", "substring(mac for 31)", "mac || '\\x00'"),
}  # fmt: skip


def test_every_column_is_sealed_and_every_column_is_tried() -> None:
    names = {column.name for column in table.columns}
    assert {*client_rows.SEALED, "mac"} == names == COLUMNS.keys()


def test_a_row_in_which_any_column_was_changed_is_closed_and_found(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        assert await found(world) == {}
        await do(world, KEEP)
        for column, values in COLUMNS.items():
            for value in values:
                await do(world, f"UPDATE client SET {column} = {value} WHERE client_id = '{BANK}'")
                await assert_closed(world, token)
                problems = await found(world)
                await do(world, *BACK)
                await world.hub.registry.refresh()
                assert await accepted(world, token) == 200, (column, value)
                if column == "client_id":
                    assert sorted(problems.values()) == [ADDED, GONE], value
                    assert problems[BANK] is GONE
                else:
                    assert problems == {BANK: CHANGED}, (column, value)

    play(database_url, tmp_path, scene)


TOUCHED: dict[str, tuple[tuple[str, ...], Problems]] = {
    "swaps the seals of two rows": (
        ("UPDATE client c SET mac = k.mac FROM kept k"
         f" WHERE (c.client_id, k.client_id) IN (('{BANK}', '{OTHER}'), ('{OTHER}', '{BANK}'))",),
        {BANK: CHANGED, OTHER: CHANGED},
    ),
    "gives a client the keys of another": (
        (f"UPDATE client SET jwks = (SELECT jwks FROM kept WHERE client_id = '{OTHER}') WHERE client_id = '{BANK}'",),
        {BANK: CHANGED},
    ),
    "puts the whole row of another in its place": (
        (f"DELETE FROM client WHERE client_id = '{BANK}'",
         f"UPDATE client SET client_id = '{BANK}' WHERE client_id = '{OTHER}'"),
        {BANK: CHANGED, OTHER: GONE},
    ),
    "takes the seal away": (
        ("ALTER TABLE client ALTER mac DROP NOT NULL", f"UPDATE client SET mac = NULL WHERE client_id = '{BANK}'"),
        {BANK: CHANGED},
    ),
    "deletes it": ((f"DELETE FROM client WHERE client_id = '{BANK}'",), {BANK: GONE}),
    "deletes all": (("DELETE FROM client WHERE client_id LIKE 'bank%'",), {BANK: GONE, OTHER: GONE}),
}  # fmt: skip


@pytest.mark.parametrize("name", TOUCHED)
def test_an_administrator_of_the_database_gains_nothing_who(
    name: str, database_url: str, tmp_path: Path
) -> None:
    statements, expected = TOUCHED[name]

    async def scene(world: World) -> None:
        token = await world.bank_token()
        await do(world, KEEP, *statements)
        await assert_closed(world, token)
        assert await found(world) == expected
        await do(world, *BACK)
        await world.hub.registry.refresh()
        assert await accepted(world, token) == 200
        assert await found(world) == {}

    play(database_url, tmp_path, scene)


RETYPED: dict[str, tuple[str, ...]] = {
    "seals become text": ("ALTER TABLE client ALTER mac TYPE text USING encode(mac, 'hex')",),
    "subjects become text": (
        "ALTER TABLE client ALTER subject_id TYPE text USING coalesce(encode(subject_id, 'hex'), 'none')",
    ),
    "ids may be missing": (
        "ALTER TABLE client DROP CONSTRAINT client_pkey",
        "ALTER TABLE client ALTER client_id DROP NOT NULL",
        f"UPDATE client SET client_id = NULL WHERE client_id = '{BANK}'",
        f"UPDATE client SET act = act + 1 WHERE client_id = '{OTHER}'",
    ),
}


@pytest.mark.parametrize("name", RETYPED)
def test_a_table_that_was_altered_closes_clients_and_does_not_keep_the_register_from_being_read_when(
    name: str, database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        await do(world, *RETYPED[name])
        with contextlib.suppress(UnavailableError):  # the driver finds its prepared statement outdated, once
            await world.hub.registry.refresh()
        await world.hub.registry.refresh()
        assert world.hub.registry.get(BANK) is None
        assert await signs_in(world) == await accepted(world, token) == 401
        assert BANK in await found(world)

    play(database_url, tmp_path, scene)


def test_a_client_that_was_inserted_gets_no_token(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        columns = ", ".join(name for name in COLUMNS if name != "client_id")
        await do(
            world,
            f"INSERT INTO client (client_id, {columns}) SELECT 'bank-new', {columns} FROM client"
            f" WHERE client_id = '{BANK}'",
        )
        await world.hub.registry.refresh()
        assert await signs_in(world) == 200
        assert await signs_in(world, "bank-new") == 401
        assert await found(world) == {"bank-new": ADDED}
        assert world.hub.registry.altered == ("bank-new",)

    play(database_url, tmp_path, scene)


def test_a_disabled_client_is_not_opened_by_putting_its_old_row_back(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        await do(world, KEEP)
        await disable(world)
        assert await found(world) == {}
        await do(world, *BACK)
        await assert_closed(world, token)
        assert await found(world) == {BANK: SET_BACK}
        with pytest.raises(InputError):
            await disable(world)

    play(database_url, tmp_path, scene)


def test_registering_again_opens_what_was_altered_and_its_old_rows_stay_closed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token, known = await world.bank_token(), bank(world)
        await do(world, KEEP, f"UPDATE client SET act = 9000, created_at = now() WHERE client_id = '{BANK}'")
        await assert_closed(world, token)
        await world.register(known)
        assert await found(world) == {}
        assert await accepted(world, token) == 200
        await do(world, f"DELETE FROM client WHERE client_id = '{BANK}'")
        await world.hub.registry.refresh()
        await world.register(known)
        assert await found(world) == {}
        assert await accepted(world, token) == 200
        await do(world, *BACK)
        await assert_closed(world, token)
        assert await found(world) == {BANK: SET_BACK}

    play(database_url, tmp_path, scene)


def test_of_random_acts_only_the_last_state_is_good(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        draw, first = random.Random(20261122), bank(world)
        last = 2  # registered by the world, and entered by `play`
        await do(world, "CREATE TABLE kept AS SELECT * FROM client WHERE client_id = 'bank-hkb'")
        for _ in range(40):  # more acts than are looked up together
            if draw.random() < 0.3 and world.hub.registry.get(BANK) is not None:
                await disable(world)
            else:
                purposes = tuple(draw.sample(first.purposes, draw.randint(1, len(first.purposes))))
                await world.register(dataclasses.replace(first, purposes=purposes))
            last += 1
            await do(world, "INSERT INTO kept SELECT * FROM client WHERE client_id = 'bank-hkb'")
        assert await found(world) == {}
        for act in (*draw.sample(range(2, last), 8), last):
            await do(
                world, "DELETE FROM client WHERE client_id = 'bank-hkb'",
                f"INSERT INTO client SELECT * FROM kept WHERE act = {act}",
            )  # fmt: skip
            await world.hub.registry.refresh()
            assert world.hub.registry.altered == (() if act == last else (BANK,))
            assert await found(world) == ({} if act == last else {BANK: SET_BACK})

    play(database_url, tmp_path, scene)


def test_an_act_whose_entry_cannot_be_written_is_not_done(database_url: str, tmp_path: Path) -> None:
    async def fails(connection: asyncpg.Connection, act: Act) -> None:
        raise UnavailableError("The log is away.")

    async def scene(world: World) -> None:
        size = world.hub.log.size
        known = bank(world)
        with pytest.raises(UnavailableError):
            await world.hub.registry.register(
                dataclasses.replace(known, roles=("public",)), world.clock.now(), fails
            )
        with pytest.raises(UnavailableError):
            await world.hub.registry.disable(BANK, fails)
        await world.hub.registry.refresh()
        assert bank(world) == known
        assert world.hub.log.size == size
        assert await found(world) == {}

    play(database_url, tmp_path, scene)


def test_a_process_with_another_ring_knows_no_client(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        ring = create_ring(tmp_path / "another", demo=True, now=world.clock.now())
        registry = await ClientRegistry.load(world.hub.database, ring.client_seal())
        assert registry.listed() == ()
        assert BANK in registry.altered

    play(database_url, tmp_path, scene)


def test_what_is_closed_is_logged_once_and_by_its_id_alone(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(world: World) -> None:
        await do(world, f"UPDATE client SET name_zh = '机密' WHERE client_id = '{BANK}'")
        with caplog.at_level(logging.ERROR, logger="hub.identity.clients"):
            before = world.hub.registry.generation
            for _ in range(3):
                await world.hub.registry.refresh()
        assert world.hub.registry.generation == before + 1
        assert [record.getMessage() for record in caplog.records] == [
            "The client bank-hkb is closed: its row was altered."
        ]

    play(database_url, tmp_path, scene)


def test_an_act_whose_body_was_taken_out_by_rule_is_known_by_its_id(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await do(world, KEEP)
        await disable(world)
        await do(world, "UPDATE log_entry SET body = NULL WHERE kind = 'ADMIN'")
        assert await found(world) == {}
        await do(world, *BACK)
        assert await found(world) == {BANK: SET_BACK}

    play(database_url, tmp_path, scene)
