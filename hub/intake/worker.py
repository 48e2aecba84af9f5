"""Runs intake beside the server: in one thread, with a database connection of its own, so that questions are answered.

- One supply after the other, whichever door it came in by.
- What is recorded (the log's entry, a stored answer) is the server's to write and is done in the server's event loop;
  the batch is finished only after that.
- Stopping lets the chunk that is being merged land, and ends the run there; it is continued when it is sent again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hub import loop
from hub.catalog.types import Catalog
from hub.clock import Clock
from hub.errors import UnavailableError
from hub.intake.pipeline import Supply, take_in
from hub.intake.report import IntakeProgress, IntakeReport, Record
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.policies.clocks import Clocks
from hub.store.database import Database


@dataclass(frozen=True)
class Intake:
    """What taking rows in needs besides the rows."""

    database_url: str
    indexer: Indexer
    sealer: Sealer
    clock: Clock
    home: Path
    """Folder with the quarantine, where supplies lie meanwhile, too."""
    demo: bool


class IntakeWorker:
    """The thread."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub-intake")
        self.stopping = False

    def close(self) -> None:
        """Wait for what runs, and take no more."""
        self.stopping = True
        self._thread.shutdown(wait=True)

    async def run(
        self,
        supply: Supply,
        dataset: str,
        source_unit: str,
        catalog: Catalog,
        clocks: Clocks,
        record: Record,
        keep_findings: int,
    ) -> IntakeReport:
        """Take one supply in.

        Args:
            supply: what is taken in.
            dataset: id of the dataset.
            source_unit: USCC of the unit; not looked at when the supply names its supplier.
            catalog: the catalogue in force.
            clocks: working days, by which lateness is judged, and how long records are kept.
            record: run in the caller's event loop once all rows are in.
            keep_findings: most faults that the report lists.

        Raises:
            IntakeError: when the supply is refused as a whole.
            UnavailableError: when the database is away or the hub is stopping.
        """
        server = asyncio.get_running_loop()

        def body() -> IntakeReport:
            return loop.run(
                self._run(supply, dataset, source_unit, catalog, clocks, record, keep_findings, server)
            )

        return await server.run_in_executor(self._thread, body)

    async def _run(
        self,
        supply: Supply,
        dataset: str,
        source_unit: str,
        catalog: Catalog,
        clocks: Clocks,
        record: Record,
        keep_findings: int,
        server: asyncio.AbstractEventLoop,
    ) -> IntakeReport:
        intake = self.intake

        async def recorded(report: IntakeReport) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_await(record, report), server))

        database = await Database.open(intake.database_url, pool_size=1)
        try:
            return await take_in(
                supply, dataset, source_unit, database=database, catalog=catalog, indexer=intake.indexer,
                sealer=intake.sealer, clock=intake.clock, quarantine_dir=intake.home / "quarantine",
                progress=self._moved, record=recorded, keep_findings=keep_findings, demo=intake.demo,
                clocks=clocks,
            )  # fmt: skip
        finally:
            await database.close()

    def _moved(self, _state: IntakeProgress) -> None:
        if self.stopping:
            raise UnavailableError(
                "The hub is shutting down; a part of the rows has landed.",
                hint="Send the same again; it is continued.",
                message_zh="系统正在停机，请稍后重新发送。",
            )


async def _await(record: Record, report: IntakeReport) -> None:
    await record(report)
