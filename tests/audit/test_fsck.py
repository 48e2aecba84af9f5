"""What fsck says of a log that does not fit together, and that it says nothing of one that does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from hub.audit.fsck import Checked, fsck
from hub.audit.log import AuditLog
from hub.audit.publish import Publisher
from hub.errors import ConfigurationError
from hub.store.database import Database

from .audit_world import SIGNER, administrator, an_entry, open_log

COUNT = 300


@asynccontextmanager
async def published(url: str, folder: Path) -> AsyncIterator[tuple[Database, AuditLog]]:
    """A log of which everything but the last entries is published."""
    async with open_log(url) as (database, log):
        await asyncio.gather(*(log.append(an_entry()) for _ in range(COUNT)))
        async with httpx.AsyncClient() as client:
            await Publisher(folder, [SIGNER.verifier]).publish(database, client, lambda *_: None)
        for _ in range(20):
            await log.append(an_entry())
        yield database, log


def test_a_sound_log_has_no_fault_also_while_it_grows(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with published(database_url, tmp_path) as (database, log):
            busy = asyncio.gather(*(log.append(an_entry()) for _ in range(200)))
            done = [await fsck(database, [SIGNER.verifier], tmp_path) for _ in range(3)]
            await busy
            done.append(await fsck(database, [SIGNER.verifier], tmp_path, rebuild=True))
            assert [checked.faults for checked in done] == [()] * 4
            assert (done[-1].size, done[-1].published) == (COUNT + 220, COUNT)

    asyncio.run(scenario())


# What is done to the database; where and how fsck says so.
SQL: dict[str, tuple[str, str, str]] = {
    "the state row is gone": ("DELETE FROM log_state", "state", "is missing, but there are entries"),
    "another size": ("UPDATE log_state SET size = 310", "state", "size or root"),
    "another right edge": ("UPDATE log_state SET frontier = frontier || frontier", "state", "does not belong"),
    "a checkpoint that is not signed": (
        "UPDATE log_state SET checkpoint = replace(checkpoint, '320', '321')", "checkpoint", "does not hold",
    ),
    "an entry is missing": ("DELETE FROM log_entry WHERE idx = 77", "entries", "the first of them 77"),
    "an entry behind the end": ("UPDATE log_entry SET idx = 900 WHERE idx = 319", "entries", "1 stand behind the end"),
    "another body": ("UPDATE log_entry SET body = body || ' ' WHERE idx = 42", "entries", "entry 42 does not"),
    "another column": ("UPDATE log_entry SET purpose = 'X' WHERE idx = 43", "entries", "entry 43 contradict"),
    "another leaf hash": ("UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 1", "entries", "entry 1 does not"),
    "another stored subtree": ("UPDATE log_node SET hash = sha256('x')", "tree", "signed root"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "place", "what"), SQL.values(), ids=SQL.keys())
def test_a_database_out_of_joint_is_said_to_be_and_what_to_do(
    database_url: str, tmp_path: Path, act: str, place: str, what: str
) -> None:
    async def scenario() -> Checked:
        async with published(database_url, tmp_path) as (database, _):
            assert (await fsck(database, [SIGNER.verifier], tmp_path)).faults == ()
            await administrator(database_url, act)
            return await fsck(database, [SIGNER.verifier], tmp_path)

    faults = asyncio.run(scenario()).faults
    found = [fault for fault in faults if fault.place == place and what in fault.what]
    assert found, faults
    assert all(fault.advice for fault in faults)
    assert not found[0].mild


def test_altered_subtree_roots_are_mended_by_making_them_anew(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await asyncio.gather(*(log.append(an_entry()) for _ in range(COUNT)))
            assert (await fsck(database, [SIGNER.verifier])).faults == ()
            await administrator(database_url, "UPDATE log_node SET hash = sha256('x')")
            assert (await fsck(database, [SIGNER.verifier])).faults
            assert (await fsck(database, [SIGNER.verifier], rebuild=True)).faults == ()
            assert (await fsck(database, [SIGNER.verifier])).faults == ()

    asyncio.run(scenario())


def test_an_account_that_may_only_read_is_told_that_it_cannot_rebuild(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(300):
                await log.append(an_entry())
            await fsck(database, [SIGNER.verifier])
            stored = await administrator(database_url, "SELECT * FROM log_node")
            await administrator(
                database_url,
                "DROP ROLE IF EXISTS reader",
                "CREATE ROLE reader LOGIN",
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
            )
            reading = await Database.open(database_url.replace("hub@", "reader@"), pool_size=1)
            try:
                with pytest.raises(ConfigurationError, match="may only read"):
                    await fsck(reading, [SIGNER.verifier], rebuild=True)
                assert (await fsck(reading, [SIGNER.verifier])).faults == ()
            finally:
                await reading.close()
            assert await administrator(database_url, "SELECT * FROM log_node") == stored
            await administrator(database_url, "DROP OWNED BY reader", "DROP ROLE reader")

    asyncio.run(scenario())


def _cut_tile(folder: Path) -> None:
    tile = folder / "tile/0/000"
    tile.write_bytes(tile.read_bytes()[:-1])


def _alter_tile(folder: Path) -> None:
    tile = folder / "tile/0/000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])


FOLDER: dict[str, tuple[Callable[[Path], object], str, bool]] = {
    "a tile is altered": (lambda f: (f / "tile/1/000.p/1").write_bytes(bytes(32)), "are not the tree", False),
    "a tile is cut short": (_cut_tile, "not as long", False),
    "a hash in a full tile is altered": (_alter_tile, "tile/0/000 is not what", False),
    "a tile is missing": (lambda f: (f / "tile/0/001.p/44").unlink(), "missing", False),
    "the checkpoint is altered": (lambda f: (f / "checkpoint").write_text("x\n1\n\n"), "", False),
    "a file is left over": (lambda f: (f / "tile/0/001.new").write_bytes(b""), "left over", True),
    "nothing is published": (lambda f: (f / "checkpoint").unlink(), "nothing is published", True),
}


@pytest.mark.parametrize(("act", "what", "mild"), FOLDER.values(), ids=FOLDER.keys())
def test_a_folder_out_of_joint_is_said_to_be(
    database_url: str, tmp_path: Path, act: Callable[[Path], object], what: str, mild: bool
) -> None:
    async def scenario() -> Checked:
        async with published(database_url, tmp_path) as (database, _):
            act(tmp_path)
            return await fsck(database, [SIGNER.verifier], tmp_path)

    (fault,) = asyncio.run(scenario()).faults
    assert (fault.place, fault.mild) == ("folder", mild)
    assert what in fault.what
    assert fault.advice


def test_a_database_set_back_behind_what_is_published_is_found(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> Checked:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await administrator(database_url, "CREATE TABLE kept AS SELECT * FROM log_state")
            await log.append(an_entry())
            async with httpx.AsyncClient() as client:
                await Publisher(tmp_path, [SIGNER.verifier]).publish(database, client, lambda *_: None)
            await administrator(
                database_url,
                "DELETE FROM log_state",
                "INSERT INTO log_state SELECT * FROM kept",
                "DELETE FROM log_entry WHERE idx = 1",
            )
            return await fsck(database, [SIGNER.verifier], tmp_path)

    (fault,) = asyncio.run(scenario()).faults
    assert fault.what == "2 entries are published, and the log has 1"
