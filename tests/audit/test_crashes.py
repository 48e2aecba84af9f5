"""Processes, servers and disks fail under load: nothing acknowledged is lost or doubled, and no fork is made.

Two processes append to one log, by dozens of waiters each. What they acknowledge, they write to a pipe at once; what is
in the pipe was acknowledged before the blow. `HUB_CRASHES` says how many blows; default 4.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.audit.fsck import fsck
from hub.audit.merkle import Frontier
from hub.audit.walk import walk
from hub.errors import UnavailableError
from hub.store.database import Database
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import migrate

from .audit_world import SIGNER, administrator, an_entry, open_log

CRASHES = int(os.environ.get("HUB_CRASHES", "4"))
WAITERS = 24
_POSITIONS = "SELECT entry_id, idx, leaf_hash FROM log_entry ORDER BY idx"


class Appender:
    """A process that appends."""

    def __init__(self, url: str, folder: Path, number: int) -> None:
        self._file = folder / f"acknowledged.{number}"
        with self._file.open("wb") as out, (folder / f"errors.{number}").open("wb") as errors:
            command = [sys.executable, str(Path(__file__).with_name("appender.py")), url, str(WAITERS)]
            path = os.pathsep.join(str(Path(__file__).parents[n]) for n in (2, 1))
            self._process = subprocess.Popen(
                command, stdout=out, stderr=errors, env={**os.environ, "PYTHONPATH": path}
            )

    def acknowledged(self) -> list[tuple[int, str, int, str]]:
        """Index, entry id, tree size and root of all whole lines."""
        lines = self._file.read_bytes().decode().split("\n")[:-1]
        parts = [line.split(" ") for line in lines if line != "ready"]
        return [(int(p[0]), p[1], int(p[2]), p[3]) for p in parts]

    def wait(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        while self._file.read_bytes().count(b"\n") <= count:
            assert self._process.poll() is None
            time.sleep(0.002)

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


class Book:
    """Everything that was ever acknowledged."""

    def __init__(self) -> None:
        self.entries: dict[str, int] = {}
        self.roots: dict[int, str] = {}

    def add(self, lines: list[tuple[int, str, int, str]]) -> None:
        for index, entry_id, size, root in lines:
            assert self.entries.setdefault(entry_id, index) == index, "one entry, two places"
            assert self.roots.setdefault(size, root) == root, "one size, two roots"

    async def check(self, url: str) -> None:
        """Each entry stands once and where it was said to; each root is that of the log of that size."""
        rows = await administrator(url, _POSITIONS)
        places = {row["entry_id"]: row["idx"] for row in rows}
        assert len(places) == len(rows)
        assert self.entries.items() <= places.items()
        tree, leaves = Frontier.empty(), [row["leaf_hash"] for row in rows]
        for size in sorted(self.roots):
            tree = tree.extend(leaves[tree.size : size]).frontier
            assert tree.root().hex() == self.roots[size]
        database = await Database.open(url, pool_size=2)
        try:
            assert (await fsck(database, [SIGNER.verifier])).faults == ()
            (await walk(database, [SIGNER.verifier])).require_whole()
        finally:
            await database.close()


def test_processes_killed_while_they_append_lose_double_and_fork_nothing(
    database_url: str, tmp_path: Path
) -> None:
    dice, book = random.Random(26), Book()
    appenders = [Appender(database_url, tmp_path, number) for number in range(2)]
    for blow in range(CRASHES):
        victim = appenders.pop(0)
        victim.wait(dice.randint(1, 400))
        time.sleep(dice.random() * 0.05)
        victim.kill()
        book.add(victim.acknowledged())
        appenders.append(Appender(database_url, tmp_path, blow + 2))
        if blow % 10 == 9:
            asyncio.run(book.check(database_url))
    for appender in appenders:
        appender.wait(10)  # it went on, and whoever came new began
        appender.kill()
        book.add(appender.acknowledged())
    assert len(book.entries) > CRASHES
    asyncio.run(book.check(database_url))


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server that nobody else uses."""
    server = EmbeddedServer(Path(tmp_path_factory.mktemp("own")))
    server.start()
    migrate(server.url())
    yield server
    server.remove()


def test_a_database_server_that_dies_and_comes_back_loses_doubles_and_forks_nothing(
    own_server: EmbeddedServer, tmp_path: Path
) -> None:
    dice, book = random.Random(27), Book()
    appenders = [Appender(own_server.url(), tmp_path, number) for number in range(2)]
    for _ in range(max(2, CRASHES // 5)):
        before = [len(appender.acknowledged()) for appender in appenders]
        for appender, count in zip(appenders, before, strict=True):
            appender.wait(count + dice.randint(1, 300))
        own_server._call("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(own_server._data))
        own_server.start()
    for appender in appenders:
        appender.wait(len(appender.acknowledged()) + 5)
        appender.kill()
        book.add(appender.acknowledged())
    asyncio.run(book.check(own_server.url()))


@pytest.fixture
def small_disk(own_server: EmbeddedServer) -> Iterator[Path]:
    """A file system of a few megabytes that the server's user owns; needs root."""
    user = own_server._user
    if user is None:
        pytest.skip("mounting a small file system needs root")
    folder = own_server._home / "small"
    folder.mkdir()
    options = f"size=6m,mode=0700,uid={user.pw_uid},gid={user.pw_gid}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    yield folder
    own_server.stop()
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_every_entry_and_with_room_again_the_log_goes_on(
    own_server: EmbeddedServer, small_disk: Path
) -> None:
    url = own_server.url()
    asyncio.run(
        administrator(
            url,
            f"CREATE TABLESPACE small LOCATION '{small_disk}'",
            "ALTER TABLE log_entry SET TABLESPACE small",
        )
    )

    async def scenario() -> None:
        book = Book()
        async with open_log(url) as (_, log):
            taken = 0
            refused: list[BaseException] = []
            while not refused and taken < 100_000:
                done = await asyncio.gather(
                    *(log.append(an_entry()) for _ in range(50)), return_exceptions=True
                )
                refused = [error for error in done if isinstance(error, BaseException)]
                taken += len(done) - len(refused)
            assert refused
            assert taken > 100
            assert all(isinstance(error, UnavailableError) for error in refused)
            size = await administrator(url, "SELECT size FROM log_state")
            for _ in range(3):
                with pytest.raises(UnavailableError):
                    await log.append(an_entry(reason="x" * 100_000))
            assert await administrator(url, "SELECT size FROM log_state") == size
            subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
            after = await log.append(an_entry())
            assert after.index == size[0]["size"]
            assert after.index >= taken
        await book.check(url)

    asyncio.run(scenario())
