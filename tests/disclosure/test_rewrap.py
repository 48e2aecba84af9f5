"""Key-encryption keys change while the hub runs: no read fails, nothing stays under the old key, and it can go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, NOW, World, open_world, run

from hub.audit.case_text import case_key
from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.disclosure import rewrap
from hub.disclosure.rewrap import Rewrapped, shut_out
from hub.errors import InputError, KeyRingError
from hub.keys.facts import KeyPurpose
from hub.keys.ring import load_ring
from hub.keys.rotation import add_kek, add_signing_key, check_destroyable, destroy_kek

QUERY = "query Q($u: USCC!) { organization(uscc: $u) { legalRepresentative { idNumber } } }"
LATER = NOW + timedelta(days=1)
_CASE = """
INSERT INTO audit_case (case_id, origin, rule, severity, four_eyes, entries, concerned, state, outcome, assignee,
  opened_at, due_on, events, kek_id, wrapped_key)
VALUES ($1, 'COMPLAINT', '', 'LOW', false, '{}', '{}', 'OPEN', '', '', $2, $3, 1, $4, $5)
"""
_MATCH = """
INSERT INTO match_case (case_id, dataset, source_unit, batch_id, batch_row, state, opened_at, kek_id, wrapped_key)
VALUES ($1, 'government.penalty', 'x', 'b', 1, 'OPEN', $2, $3, $4)
"""


def an_act(act: str, detail: Mapping[str, Any]) -> Entry:
    return Entry(
        new_entry_id(),
        NOW,
        Kind.ADMIN,
        EntryOutcome.DONE,
        "cli:test",
        purpose="OPERATION",
        operation=act,
        detail=detail,
    )


async def again(world: World) -> Rewrapped:
    """What `hub keys rewrap` does."""
    return await rewrap.rewrap(
        world.hub.database, world.hub.log, world.hub.ring.sealer(), an_act, lambda *_: None
    )


async def fetch(world: World, query: str, *values: Any) -> list[Any]:
    async with world.hub.database.connection() as connection:
        found: list[Any] = await connection.fetch(query, *values)
        return found


async def read(world: World, token: str) -> None:
    answer = await world.ask(token, QUERY, {"u": COMPANY})
    assert answer["data"]["organization"]["legalRepresentative"]["idNumber"].startswith("469999****"), answer


def test_a_rotation_under_load_fails_no_read_and_leaves_nothing_under_the_old_key(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "TURN", 1)
    ring = tmp_path / "ring"

    async def scene(world: World) -> None:
        token, sealer = await world.bank_token(), world.hub.ring.sealer()
        old, reads, over = sealer.active_id, 0, False
        for number in range(3):
            case, match = f"case{number}", bytes([number]) * 16
            await fetch(world, _CASE, case, NOW, NOW.date(), *sealer.new_data_key(case_key(case)))
            await fetch(world, _MATCH, match, NOW, *sealer.new_data_key(match))

        async def keep_reading() -> None:
            nonlocal reads
            while not over:
                await read(world, token)
                reads += 1
                await asyncio.sleep(0.01)

        async def some_reads() -> None:
            before = reads
            while reads < before + 3 and not reading.done():
                await asyncio.sleep(0.01)

        reading = asyncio.create_task(keep_reading())
        await asyncio.sleep(0.05)
        new = add_kek(ring, NOW).id
        assert sealer.new_data_key(b"n" * 16)[0] == new != old
        done = await again(world)
        await some_reads()
        async with world.hub.database.connection() as connection, connection.transaction():
            await shut_out(connection, old)
            destroy_kek(ring, old, LATER)
        await some_reads()
        over = True
        await reading
        assert (done.keys, done.broken) == ({"subject": 2, "match_case": 3, "audit_case": 3}, {})
        for table in done.keys:
            assert [row[0] for row in await fetch(world, f"SELECT DISTINCT kek_id FROM {table}")] == [new]
        assert await again(world) == Rewrapped({}, {})
        acts = await fetch(
            world, "SELECT count(*) FROM log_entry WHERE convert_from(body, 'UTF8') LIKE '%keys.rewrap%'"
        )
        assert acts[0][0] == 8

    run(database_url, tmp_path, scene)
    assert len(load_ring(ring, demo=True).keks.by_id) == 1

    async def afterwards() -> None:
        async with open_world(database_url, tmp_path) as world:
            await read(world, await world.bank_token())

    asyncio.run(afterwards())


def test_a_data_key_that_was_destroyed_stays_so_and_a_broken_one_is_counted_and_left(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        old = world.hub.ring.sealer().active_id
        await fetch(
            world,
            "UPDATE subject SET wrapped_key = NULL WHERE subject_id = (SELECT min(subject_id) FROM subject)",
        )
        await fetch(world, _MATCH, b"m" * 16, NOW, old, b"no key at all")
        add_kek(tmp_path / "ring", NOW)
        done = await again(world)
        assert (done.keys, done.broken) == ({"subject": 1, "match_case": 0}, {"match_case": 1})
        rows = await fetch(
            world, "SELECT wrapped_key IS NULL, kek_id = $1 FROM subject ORDER BY subject_id", old
        )
        assert [tuple(row) for row in rows] == [(True, True), (False, False)]
        async with world.hub.database.connection() as connection, connection.transaction():
            with pytest.raises(InputError, match="1 data keys of match_case"):
                await shut_out(connection, old)

    run(database_url, tmp_path, scene)


def test_a_key_goes_only_when_it_is_old_no_more_active_and_its_successor_settled(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        folder = tmp_path / "ring"
        old = world.hub.ring.keks.active.facts.id
        add_kek(folder, NOW)
        add_signing_key(folder, KeyPurpose.TOKEN, NOW)
        ring = load_ring(folder, demo=True)
        retired = next(key.id for key in ring.manifest.keys if key.purpose is KeyPurpose.TOKEN)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        for key, now in (
            (ring.keks.active.facts.id, LATER), (retired, LATER), ("kek_0", LATER), (old, LATER - timedelta(seconds=1)),
        ):  # fmt: skip
            with pytest.raises(KeyRingError):
                check_destroyable(ring, key, now)
            with pytest.raises(KeyRingError):
                destroy_kek(folder, key, now)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        async with world.hub.database.connection() as connection, connection.transaction():
            with pytest.raises(InputError, match="2 data keys of subject"):
                await shut_out(connection, old)

    run(database_url, tmp_path, scene)
