"""Sets the stage of the demo: database, keys, clients and data, all below one folder.

Rules
- Ready means: the note `loaded.json` says which world was loaded, and the database answers for it. Then a second run
  loads nothing.
- An interrupted load is repaired by loading again: what is there already is recognised and left alone.
- Demo data go into an empty database only, or into one that this stage has filled with these keys. The embedded
  one is started anew when it does not fit the keys; one given by URL is never emptied.
- One stage is used by one process at a time. The database is stopped by the run that started it.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.catalog.types import Catalog, SubjectKind
from hub.clock import Clock, civil_date
from hub.demo import story_facts as facts
from hub.demo.clients import register_demo_clients, registrations
from hub.demo.generator import VERSION, Generator
from hub.demo.load import LoadProgress, load_demo
from hub.errors import ConfigurationError
from hub.identity.clients import ClientRegistry
from hub.keys.ring import KeyRing, create_ring, load_ring
from hub.store.database import Database
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import migrate

SEED = 1
Progress = Callable[[LoadProgress], None]


@dataclass(frozen=True)
class StageFolders:
    """Where the stage keeps its things."""

    home: Path
    database: Path
    ring: Path
    clients: Path

    @property
    def note(self) -> Path:
        """What was loaded."""
        return self.home / "loaded.json"

    @property
    def papers(self) -> Path:
        """Receipts and files of the story."""
        return self.home / "story"


@dataclass(frozen=True)
class World:
    """Which synthetic world is loaded."""

    organisations: int
    persons: int
    today: date
    records: int = 0


@dataclass(frozen=True)
class Stage:
    """A stage that is set."""

    folders: StageFolders
    url: str
    """Database URL."""
    ring: KeyRing
    world: World
    loaded: bool
    """Whether this run loaded the data; False: they were there."""

    @property
    def log_key(self) -> str:
        """The log's verifier key, as it is handed to outsiders (C2SP signed-note)."""
        return str(self.ring.note_verifier())


@contextmanager
def set_stage(
    folders: StageFolders,
    url: str,
    catalog: Catalog,
    clock: Clock,
    size: tuple[int, int],
    *,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Iterator[Stage]:
    """Set the stage, and clear up what was started when the block ends.

    Args:
        folders: where.
        url: an external database; empty: the embedded one.
        catalog: the active catalogue.
        clock: read for the day of the synthetic world.
        size: organisations and persons.
        fresh: remove everything and start anew.
        progress: called while data are loaded.

    Raises:
        ConfigurationError: when another demo runs here, or the database holds something else.
        UnavailableError: when the database does not come up.
    """
    folders.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folders.home / "lock"):
        if fresh:
            _remove(folders, url)
        ring = _ring(folders, url, clock)
        with _database(folders, url) as ready:
            wanted = World(*size, today=civil_date(clock.now()))
            world, loaded = asyncio.run(_fill(folders, ready, ring, catalog, clock, wanted, progress))
            yield Stage(folders, ready, ring, world, loaded)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError(
                "Another demo runs in this folder.",
                hint="Stop it, or set HUB_STATE_DIR to another folder.",
                message_zh="该目录中已有演示在运行。",
            ) from None
        yield


def _remove(folders: StageFolders, url: str) -> None:
    if url:
        raise ConfigurationError(
            "A database given by HUB_DATABASE_URL is never emptied by the demo.",
            hint="Empty it yourself, or unset HUB_DATABASE_URL to use the embedded one.",
            message_zh="演示不会清空由 HUB_DATABASE_URL 指定的数据库。",
        )
    EmbeddedServer(folders.database).remove()
    for folder in (folders.ring, folders.clients, folders.papers):
        shutil.rmtree(folder, ignore_errors=True)
    folders.note.unlink(missing_ok=True)


def _ring(folders: StageFolders, url: str, clock: Clock) -> KeyRing:
    """The demo's keys. New keys fit no old data, so an embedded database left by a lost ring goes."""
    if folders.ring.is_dir():
        return load_ring(folders.ring, demo=True)
    folders.note.unlink(missing_ok=True)
    if not url:
        EmbeddedServer(folders.database).remove()
    return create_ring(folders.ring, demo=True, now=clock.now())


@contextmanager
def _database(folders: StageFolders, url: str) -> Iterator[str]:
    if url:
        migrate(url)
        yield url
        return
    server, ours = EmbeddedServer(folders.database), folders.home / "started"
    if ours.exists() or not server.running:  # left by a run that was killed, or not running
        ours.touch()
    try:
        server.start()
        migrate(server.url())
        yield server.url()
    finally:
        if ours.exists():
            server.stop()
            ours.unlink(missing_ok=True)


async def _fill(
    folders: StageFolders,
    url: str,
    ring: KeyRing,
    catalog: Catalog,
    clock: Clock,
    wanted: World,
    progress: Progress | None,
) -> tuple[World, bool]:
    database = await Database.open(url, pool_size=2)
    try:
        indexer = ring.indexer()
        records, ours = await _contents(database, indexer.subject_id(SubjectKind.ORG, facts.COMPANY_USCC))
        if records and not ours:
            raise ConfigurationError(
                "The database holds records that this demo has not loaded.",
                hint="Use an empty database, or `hub demo --fresh` for the embedded one.",
                message_zh="数据库中已有非本演示的数据。",
            )
        await _register(folders, database, ring, clock)
        there = _noted(folders.note)
        if there is not None and _covers(there, wanted) and records >= there.records:
            return there, False
        generator = Generator(wanted.organisations, wanted.persons, SEED, wanted.today)
        report = await load_demo(database, catalog, ring, generator, clock, progress)
        async with database.connection() as connection:
            await connection.execute("ANALYZE")
        world = World(wanted.organisations, wanted.persons, wanted.today, sum(report.records.values()))
        _note(folders.note, world)
        return world, True
    finally:
        await database.close()


async def _register(folders: StageFolders, database: Database, ring: KeyRing, clock: Clock) -> None:
    origin, verifiers = ring.manifest.log_origin, ring.public().note_verifiers()
    signer = LogKeySigner(origin, ring.log.active)
    registry = await ClientRegistry.load(database, ring.client_seal())
    log = await AuditLog.open(database, origin, signer, clock, verifiers=verifiers)
    try:
        now = clock.now()
        await register_demo_clients(registry, ring.indexer(), folders.clients, now, registrations(log, now))
    finally:
        await log.close()


async def _contents(database: Database, company: bytes) -> tuple[int, bool]:
    """How many records there are, and whether the story's company is there under our keys."""
    async with database.connection() as connection:
        records = await connection.fetchval("SELECT count(*) FROM record")
        ours = await connection.fetchval("SELECT EXISTS (SELECT FROM record WHERE subject_id = $1)", company)
    return int(records), bool(ours)


def _covers(there: World, wanted: World) -> bool:
    return (there.organisations, there.persons) == (wanted.organisations, wanted.persons)


def _noted(path: Path) -> World | None:
    with suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        note = orjson.loads(path.read_bytes())
        if note["version"] == VERSION:
            counts = (int(note["organisations"]), int(note["persons"]))
            return World(*counts, date.fromisoformat(note["today"]), int(note["records"]))
    return None


def _note(path: Path, world: World) -> None:
    note = {
        "version": VERSION,
        "organisations": world.organisations,
        "persons": world.persons,
        "today": world.today.isoformat(),
        "records": world.records,
    }
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps(note))
    part.replace(path)
