"""A sweep finds what is due and issues it exactly once, also when it was killed halfway."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from world import World, run

from hub.demo import story_facts as facts
from hub.recall.sweep import RecallSweep, Swept

from .recall_world import TAX, counts, pay, records, set_record, show


async def sweep(world: World, *, page: int = 1000) -> Swept:
    return await RecallSweep(world.hub.database, world.hub.recalls).run(world.clock.now(), "test", page=page)


async def issued(world: World) -> dict[str, str]:
    """Cause of the recall by record; each record has one at most."""
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch("SELECT record_id, cause FROM recall")
    found = {row["record_id"].hex(): row["cause"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_each_kind_of_end_is_found_once_whatever_the_size_of_a_page(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        for month in range(1, 7):
            await pay(world, month, 1000 + month)
        assert len(await show(world, await world.bank_token())) == 6
        ids = await records(world)
        await pay(world, 1, 99)
        await set_record(world, ids[1], "state", "REVOKED")
        await set_record(world, ids[2], "state", "REPAIRED")
        await set_record(world, ids[3], "visible_until", date(2026, 11, 20))
        await set_record(world, ids[4], "visible_until", date(2026, 11, 21))
        swept = await sweep(world, page=1)
        assert (swept.issued, swept.notices) == (4, 4)
        due = {ids[0]: "CORRECTED", ids[1]: "WITHDRAWN", ids[2]: "REPAIRED", ids[3]: "EXPIRED"}
        assert await issued(world) == due
        assert (await sweep(world)).issued == 0
        world.clock.advance(timedelta(days=1))
        assert (await sweep(world)).issued == 1
        assert await issued(world) == {**due, ids[4]: "EXPIRED"}
        for _ in range(3):
            world.clock.advance(timedelta(days=1))
            assert (await sweep(world)).issued == 0

    run(database_url, tmp_path, scene)


def test_records_that_nobody_got_leave_no_trace(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await pay(world, 1, 99)
        await set_record(world, (await records(world))[1], "state", "REVOKED")
        assert await sweep(world) == (2, 0, 0)
        assert await counts(world) == (0, 0, 0)

    run(database_url, tmp_path, scene)


def test_a_late_answer_is_found_by_the_next_sweep(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        record = (await show(world, await world.bank_token()))[0]
        await set_record(world, record, "state", "REVOKED")
        assert (await sweep(world)).notices == 1
        await set_record(world, record, "state", "VALID")
        consent = await world.consent(grantee=facts.BANK_QZB)
        assert record in await show(world, await world.token("bank-qzb", "LOAN_APPLICATION", consent=consent))
        await set_record(world, record, "state", "REVOKED")
        assert (await sweep(world)).notices == 1
        async with world.hub.database.connection() as connection:
            told = await connection.fetch("SELECT institution FROM recall_notice")
        assert sorted(row[0] for row in told) == sorted((facts.BANK_HKB, facts.BANK_QZB))

    run(database_url, tmp_path, scene)


def test_a_sweep_that_was_killed_is_run_again_and_nothing_is_lost_or_doubled(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        for month in range(1, 13):
            await pay(world, month, month)
        shown = await show(world, await world.bank_token(), first=100)
        async with world.hub.database.connection() as connection:
            await connection.execute("UPDATE record SET state = 'REVOKED' WHERE dataset = $1", TAX)
        environment = {
            **os.environ, "HUB_DATABASE_URL": database_url, "HUB_KEYS_DIR": str(tmp_path / "ring"), "HUB_DEMO": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "hub", "recall", "sweep"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None and (await counts(world))[0] < 3:
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(await issued(world)) >= 3
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        assert await issued(world) == dict.fromkeys(shown, "WITHDRAWN")
        entries = "SELECT count(*) FROM log_entry WHERE convert_from(body, 'UTF8') LIKE '%recall.issue%'"
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval(entries) == len(shown)

    run(database_url, tmp_path, scene)
