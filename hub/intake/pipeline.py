"""Takes one file in: read, check, merge chunk by chunk, quarantine what is wrong.

Rules
- A file that is unreadable, or has columns outside the catalogue, is refused before anything lands.
- One chunk is one transaction, and the batch's counters are part of it: kill -9 loses and doubles nothing.
- An interrupted run is repeated from the top of the file under the same batch id. Rows that landed are recognised
  by their content and counted as this batch's own, so the report equals that of an uninterrupted run, and the
  quarantine file is complete. Nothing is skipped by row number: what a row is checked against may have changed.
- A finished file may be taken in again: every row is found unchanged and no record is touched.
- The same file of the same source unit is not taken in by two processes at once; files of one dataset take turns
  chunk by chunk.
- Who asks for it to be recorded is called after the last row and before the batch is finished, so that no finished
  batch goes unrecorded; a batch whose recording failed is repeated like an interrupted one.

Example:
    report = await ingest(Path("penalties.csv"), "government.penalty", "11460000DEM0050180", database=database, …)
    report.inserted, report.quarantined, report.quarantine_file
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hub.catalog.types import Catalog, Dataset
from hub.clock import Clock, civil_date
from hub.intake import store
from hub.intake.encoding import file_sha256
from hub.intake.headers import is_known, map_headers
from hub.intake.merge import CHUNK_ROWS, Merger, Origin
from hub.intake.quality import Tally
from hub.intake.quarantine import QuarantineFile, unguard_row
from hub.intake.readers import Format, open_source
from hub.intake.report import IntakeReport, Progress, Record
from hub.intake.run import Run
from hub.intake.source import SourceFile
from hub.intake.suppliers import Supplier, source_unit_supplier
from hub.intake.target import find_dataset, find_source_unit
from hub.intake.validate import RowValidator
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.policies.clocks import Clocks
from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class Supply:
    """What is to be taken in, opened when its dataset is known."""

    name: str
    """Name under which the batch is listed."""
    sha256: Callable[[], str]
    """What makes two supplies the same: the digest of a file's bytes. Asked for after `open`."""
    open: Callable[[Dataset], SourceFile]
    supplier: Supplier | None = None
    """Who supplies it; None: the source unit that is named beside it."""


async def ingest(
    path: Path,
    dataset_id: str,
    source_unit: str,
    *,
    database: Database,
    catalog: Catalog,
    indexer: Indexer,
    sealer: Sealer,
    clock: Clock,
    quarantine_dir: Path,
    file_format: Format | None = None,
    file_name: str | None = None,
    progress: Progress | None = None,
    record: Record | None = None,
    keep_findings: int = 0,
    demo: bool = False,
    chunk_rows: int = CHUNK_ROWS,
    clocks: Clocks | None = None,
) -> IntakeReport:
    """Take one file in.

    Args:
        path: a CSV, XLSX, JSON Lines or XML file.
        dataset_id: for example `government.penalty`.
        source_unit: USCC of the unit that supplies the file, or the id of a client that acts for it.
        database: where the records go.
        catalog: the active catalogue.
        indexer: the ring's keyed hashes.
        sealer: the ring's sealer.
        clock: read at the start, for all checks and records, and at the end for the batch.
        quarantine_dir: folder for refused rows; made with mode 0700 when it does not exist.
        file_format: the format of the file; None: found out, see `hub.intake.readers`.
        file_name: name under which the batch is listed; None: the name of `path`.
        progress: called after every chunk; what it raises ends the run there.
        record: called once all rows are in.
        keep_findings: most faults that the report lists.
        demo: whether synthetic identifiers are accepted.
        chunk_rows: rows of one transaction.
        clocks: working days, by which lateness is judged, and how long records are kept; None: plain weeks, for good.

    Raises:
        IntakeError: when the dataset, the source unit or the file as a whole is refused, or another process is
            taking in the same file.
        UnavailableError: when the database is away; run the file again.
    """
    return await take_in(
        file_supply(path, file_format, file_name), dataset_id, source_unit,
        database=database, catalog=catalog, indexer=indexer, sealer=sealer, clock=clock,
        quarantine_dir=quarantine_dir, progress=progress, record=record, keep_findings=keep_findings, demo=demo,
        chunk_rows=chunk_rows, clocks=clocks,
    )  # fmt: skip


def file_supply(path: Path, file_format: Format | None = None, name: str | None = None) -> Supply:
    """A file as supply; the arguments are those of `ingest`. Its digest is taken while it is opened, in a thread."""
    digests: list[Future[str]] = []

    def opened(dataset: Dataset) -> SourceFile:
        with ThreadPoolExecutor(1, thread_name_prefix="hub-digest") as thread:
            digests.append(thread.submit(file_sha256, path))
            return open_source(path, lambda header: is_known(dataset, header), file_format)

    return Supply(path.name if name is None else name, lambda: digests[-1].result(), opened)


async def take_in(
    supply: Supply,
    dataset_id: str,
    source_unit: str,
    *,
    database: Database,
    catalog: Catalog,
    indexer: Indexer,
    sealer: Sealer,
    clock: Clock,
    quarantine_dir: Path,
    progress: Progress | None = None,
    record: Record | None = None,
    keep_findings: int = 0,
    demo: bool = False,
    chunk_rows: int = CHUNK_ROWS,
    clocks: Clocks | None = None,
) -> IntakeReport:
    """Take in what is no file; arguments and errors are those of `ingest`."""
    now, clocks = clock.now(), clocks or Clocks()
    dataset = find_dataset(catalog, dataset_id)
    source = supply.open(dataset)
    header = map_headers(dataset, source.headers)
    async with database.connection() as connection:
        supplier = supply.supplier
        if supplier is None:
            found = await find_source_unit(connection, source_unit, demo=demo)
            supplier = source_unit_supplier(catalog, dataset, found)
        unit, sha256 = supplier.source_unit, supply.sha256()
        async with store.only_run(connection, dataset.id, unit, sha256):
            batch_id, repeated = await store.open_batch(
                connection, dataset.id, unit, supply.name, sha256, now
            )
            origin = Origin(dataset, unit, batch_id, now)
            validator = RowValidator(
                dataset, header, today=civil_date(now), demo=demo, known_codes=catalog.known_codes
            )
            merger = Merger(
                origin, indexer=indexer, sealer=sealer, track_duplicates=True, resumed=repeated, clocks=clocks
            )
            run = Run(
                origin, connection=connection, supplier=supplier, validator=validator, merger=merger,
                quarantine=QuarantineFile(quarantine_dir, f"{dataset.id}-{batch_id}", header),
                tally=Tally(origin, clocks.calendar, resent=header.quarantine), keep_findings=keep_findings,
            )  # fmt: skip
            rows = map(unguard_row, source.rows()) if header.quarantine else source.rows()
            report = await run.whole(rows, chunk_rows, source.row_count, progress, repeated=repeated)
            if record is not None:
                await record(report)
            await store.finish_batch(connection, batch_id, clock.now())
    return report
