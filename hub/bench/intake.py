"""`hub bench intake`: files of departments taken in, beside a raw COPY of the records that they become.

* **intake**: `hub.intake.pipeline.ingest` as `hub ingest` runs it, one process: structure of the file checked, rows
  read, normalised and validated, subjects made, values sealed, records merged with their lineage, batch counted,
  entry in the audit log.
* **copy**: the same rows of `record`, finished and held in memory, by asyncpg's binary COPY into a table of the same
  layout with the same indexes, one statement and one commit.

Both start from empty tables in every round, one after the other in one process; who begins alternates. Each must
leave the same number of rows. Memory is that of a first pass of intake alone, before there are rows for COPY.
"""

from __future__ import annotations

import dataclasses
import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from hub import loop
from hub.app import Hub, open_hub, settle
from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.bench import machine
from hub.bench.databases import fresh_database
from hub.bench.department import ROWS_PER_COMPANY, DepartmentFile, write_files
from hub.bench.measure import Spread, spread
from hub.bench.setup import bench_settings, workspace
from hub.clock import Clock, civil_date
from hub.config import Settings
from hub.intake.pipeline import ingest

_EMPTY = (
    "TRUNCATE record, record_history, record_mark, record_lineage, subject, subject_alias, blind_index, intake_batch,"
    " organization_name, organization_name_key, match_case, quality_batch, quality_fault"
)
_COPY_TABLE = "CREATE TABLE bench_copy (LIKE record INCLUDING ALL)"

ROWS = 100_000
"""Rows of the files, unless fewer are asked for."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Memory:
    """Memory of this process in bytes: before the first file, and at its highest while files came in."""

    before: int
    peak: int


@dataclass(frozen=True)
class IntakeOutcome:
    """Rows a second of both ways, and what intake needed."""

    rows: int
    intake: list[float]
    copy: list[float]
    cpu_us: Spread | None
    """CPU time of this process for one row in microseconds, intake; PostgreSQL's is not in it."""
    memory: Memory | None

    @property
    def ratio(self) -> Spread:
        """Intake over COPY, within single rounds."""
        return spread([one / other for one, other in zip(self.intake, self.copy, strict=True)])

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ratios": {"intake_to_copy": round(self.ratio.median, 3)},
            "rows": self.rows,
            "rows_per_second": {
                "intake": dataclasses.asdict(spread(self.intake)),
                "copy": dataclasses.asdict(spread(self.copy)),
            },
            "ratio": dataclasses.asdict(self.ratio),
            "cpu_us": self.cpu_us and dataclasses.asdict(self.cpu_us),
            "memory_bytes": self.memory and dataclasses.asdict(self.memory),
            "machine": machine.facts(),
        }


def run(settings: Settings, clock: Clock, *, rows: int, rounds: int, say: Say) -> IntakeOutcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        rows: how many rows the files hold in all; rounded to whole companies.
        rounds: how often each way is measured.
        say: told what is being done.

    Raises:
        UnavailableError: when the database does not come up.
    """
    with workspace() as folder, fresh_database(settings, folder) as database:
        chosen = bench_settings(settings, database.url, folder, clock.now())
        return loop.run(_run(chosen, clock, folder, max(1, rows // ROWS_PER_COMPANY), rounds, say))


async def _run(
    settings: Settings, clock: Clock, folder: Path, companies: int, rounds: int, say: Say
) -> IntakeOutcome:
    async with open_hub(settings, clock) as hub:
        say(f"writing files of {companies} companies")
        files = write_files(folder, hub.rules.catalog, companies, civil_date(clock.now()))
        count = sum(file.rows for file in files)
        async with hub.database.connection() as connection:
            await connection.execute(_COPY_TABLE)
        settle()
        say(f"first pass, {count} rows")
        memory = await _memory_of(hub, folder, files)
        async with hub.database.connection() as connection:
            copied = [tuple(row) for row in await connection.fetch("SELECT * FROM record")]
        intake: list[float] = []
        copy: list[float] = []
        cpu: list[float] = []
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for way in ("intake", "copy") if number % 2 == 0 else ("copy", "intake"):
                await _empty(hub)
                if way == "copy":
                    copy.append(count / await _copy(hub, copied))
                else:
                    used = _cpu()
                    intake.append(count / await _take_in(hub, folder, files))
                    cpu.append((_cpu() - used) / count * 1e6)
    return IntakeOutcome(count, intake, copy, spread(cpu) if any(cpu) else None, memory)


async def _empty(hub: Hub) -> None:
    """Empty all tables and write out what the run before has left to do, so that nobody pays for the other."""
    async with hub.database.connection() as connection:
        await connection.execute(_EMPTY)
        await connection.execute("TRUNCATE bench_copy")
        if await connection.fetchval("SELECT pg_has_role('pg_checkpoint', 'USAGE')"):
            await connection.execute("CHECKPOINT")
    gc.collect()


async def _memory_of(hub: Hub, folder: Path, files: Sequence[DepartmentFile]) -> Memory | None:
    before = machine.memory_bytes(os.getpid())
    await _take_in(hub, folder, files)
    after = machine.memory_bytes(os.getpid())
    return Memory(before[0], after[1]) if before and after else None


async def _take_in(hub: Hub, folder: Path, files: Sequence[DepartmentFile]) -> float:
    """Seconds for all files, each with its entry in the log."""
    started = perf_counter()
    for file in files:
        report = await ingest(
            file.path, file.dataset, file.unit, database=hub.database, catalog=hub.rules.catalog,
            indexer=hub.indexer, sealer=hub.ring.sealer(), clock=hub.clock,
            quarantine_dir=folder / "quarantine", demo=True,
        )  # fmt: skip
        _expect("rows landed", report.inserted, file.rows)
        entry = Entry(
            new_entry_id(), hub.clock.now(), Kind.ADMIN, EntryOutcome.DONE, "bench", purpose="DATA_SUPPLY",
            operation="intake.file", policy=hub.rules.policy.revision, catalogue=hub.rules.catalog.revision,
            detail={"batch": report.batch_id, "dataset": report.dataset, "inserted": report.inserted},
        )  # fmt: skip
        await hub.log.append(entry)
    return perf_counter() - started


async def _copy(hub: Hub, rows: Sequence[tuple[Any, ...]]) -> float:
    async with hub.database.connection() as connection:
        started = perf_counter()
        await connection.copy_records_to_table("bench_copy", records=rows)
        seconds = perf_counter() - started
        _expect("rows copied", await connection.fetchval("SELECT count(*) FROM bench_copy"), len(rows))
    return seconds


def _expect(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise AssertionError(f"{what}: {found} instead of {wanted}")


def _cpu() -> float:
    return machine.cpu_seconds(os.getpid()) or 0.0
