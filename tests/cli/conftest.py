"""A command line over a real database, with demo keys and demo clients in a folder of its own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from intake.intake_world import penalty, uscc, write_csv
from typer.testing import CliRunner
from world import unentered

from hub.cli.main import build_app
from hub.cli.places import Places
from hub.clock import SystemClock
from hub.demo import story_facts as facts
from hub.demo.clients import register_demo_clients
from hub.identity.clients import ClientRegistry
from hub.keys.ring import create_ring, load_ring
from hub.store.database import Database

UNIT = facts.DEPT_AMR
COMPANY = uscc(1)


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs commands in this process, in the environment of the test."""

    folder: Path
    database_url: str

    def __call__(self, *arguments: str) -> Ran:
        result = CliRunner().invoke(build_app(), list(arguments), prog_name="hub")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def done(self, *arguments: str) -> str:
        """The stdout of a command that must succeed."""
        ran = self(*arguments)
        assert ran.code == 0, ran
        return ran.out

    @property
    def places(self) -> Places:
        return Places(self.folder / "state" / "demo")

    def count(self, table: str) -> int:
        async def body() -> int:
            database = await Database.open(self.database_url, pool_size=1)
            try:
                return int(await database.pool.fetchval(f"SELECT count(*) FROM {table}"))
            finally:
                await database.close()

        return asyncio.run(body())

    def penalties(self, *rows: dict[str, str], name: str = "penalties.csv") -> Path:
        return write_csv(self.folder / name, list(rows) or [penalty(1)])

    def ingest(self, path: Path) -> Ran:
        return self("ingest", str(path), "--dataset", "government.penalty", "--source", UNIT)

    def grant(self, *more: str) -> Ran:
        """The company lets the bank see it, with all acknowledgements."""
        return self(
            "consent", "grant", "--subject", COMPANY, "--grantee", "bank-hkb", "--purpose", "LOAN_APPLICATION",
            "--separate-consent", "--adverse-notice-acknowledged", *more,
        )  # fmt: skip


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in which nothing is set but the folder for state."""
    for name in [n for n in os.environ if n.startswith("HUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUB_STATE_DIR", str(tmp_path / "state"))
    return Shell(tmp_path, "")


@pytest.fixture
def shell(bare: Shell, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell of the demo: database, keys, and the clients of the demo."""
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_DEMO", "1")
    made = Shell(bare.folder, database_url)
    create_ring(made.places.ring, demo=True, now=SystemClock().now())
    asyncio.run(_register(made))
    return made


async def _register(shell: Shell) -> None:
    database = await Database.open(shell.database_url, pool_size=1)
    try:
        ring, clock = load_ring(shell.places.ring, demo=True), SystemClock()
        registry = await ClientRegistry.load(database, ring.client_seal())
        await register_demo_clients(
            registry, ring.indexer(), shell.places.clients, clock.now(), lambda client: unentered
        )
    finally:
        await database.close()
