"""Takes one file in: read, check, merge chunk by chunk, quarantine what is wrong.

Rules
- A file that is unreadable, or has columns outside the catalogue, is refused before anything lands.
- One chunk is one transaction, and the batch's counters are part of it: kill -9 loses and doubles nothing.
- While the database takes one chunk, the next is read and checked, a few rows at a time. Chunks land one after the
  other in the order of the file; at most two are in memory, and one ends early when its rows are very long.
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

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from hub.catalog.types import Catalog, Dataset
from hub.clock import Clock, civil_date
from hub.errors import IdentifierError, IntakeError
from hub.intake import store
from hub.intake.encoding import file_sha256
from hub.intake.faults import Fault
from hub.intake.headers import HeaderMap, is_known, map_headers
from hub.intake.merge import CHUNK_ROWS, Keyed, Merger, Origin
from hub.intake.quality import Tally
from hub.intake.quarantine import QuarantineFile, unguard_row
from hub.intake.readers import Format, open_source
from hub.intake.rows import ValidRow
from hub.intake.source import SourceFile, SourceRow
from hub.intake.suppliers import Supplier, source_unit_supplier
from hub.intake.validate import RowValidator
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.model.identifiers import parse_uscc
from hub.policies.clocks import Clocks
from hub.store.database import Database

CHUNK_CHARACTERS = 16 << 20
"""Characters after which a chunk ends, whatever its number of rows."""
_SLICE = 16
"""Rows checked before others get their turn, the database's answers first of all."""


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of a file. `rows` = inserted + updated + unchanged + quarantined."""

    batch_id: str
    dataset: str
    source_unit: str
    """USCC of the unit that supplied the file."""
    rows: int
    """Data rows of the file that are not blank."""
    inserted: int
    updated: int
    unchanged: int
    quarantined: int
    quarantine_file: Path | None
    """Where the refused rows are; None when none was."""
    repeated: bool
    """Whether an earlier run of the same file had been cut off."""
    findings: tuple[Fault, ...] = ()
    """The first faults of refused rows, as many as were asked for, in the order of the file."""


@dataclass(frozen=True, slots=True)
class IntakeProgress:
    """How far a run is."""

    rows: int
    total: int | None
    """Data rows of the file; None when only reading can tell."""
    inserted: int
    updated: int
    unchanged: int
    quarantined: int


Progress = Callable[[IntakeProgress], None]
Record = Callable[[IntakeReport], Awaitable[None]]
"""Records that a file was taken in; when it raises, the batch stays unfinished."""


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
    """A file as supply; the arguments are those of `ingest`."""
    return Supply(
        path.name if name is None else name,
        lambda: file_sha256(path),
        lambda dataset: open_source(path, lambda header: is_known(dataset, header), file_format),
    )


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
            unit = await find_source_unit(connection, source_unit, demo=demo)
            supplier = source_unit_supplier(catalog, dataset, unit)
        unit, sha256 = supplier.source_unit, supply.sha256()
        async with store.only_run(connection, dataset.id, unit, sha256):
            batch_id, repeated = await store.open_batch(
                connection, dataset.id, unit, supply.name, sha256, now
            )
            run = _Run(
                connection=connection,
                supplier=supplier,
                validator=RowValidator(
                    dataset, header, today=civil_date(now), demo=demo, known_codes=catalog.known_codes
                ),
                merger=Merger(
                    Origin(dataset, unit, batch_id, now),
                    indexer=indexer,
                    sealer=sealer,
                    track_duplicates=True,
                    resumed=repeated,
                    clocks=clocks,
                ),
                quarantine=QuarantineFile(quarantine_dir, f"{dataset.id}-{batch_id}", header),
                batch_id=batch_id,
                keep_findings=keep_findings,
                tally=Tally(
                    Origin(dataset, unit, batch_id, now),
                    clocks.calendar,
                    resent=header.quarantine,
                ),
            )
            try:
                await run.chunks(_data_rows(source, header), chunk_rows, source.row_count, progress)
                file = run.quarantine.finish()
            finally:
                run.quarantine.discard()
            report = IntakeReport(
                batch_id,
                dataset.id,
                unit,
                run.rows,
                run.inserted,
                run.updated,
                run.unchanged,
                run.quarantined,
                file,
                repeated,
                tuple(run.findings),
            )
            if record is not None:
                await record(report)
            await store.finish_batch(connection, batch_id, clock.now())
    return report


class _Chunk(NamedTuple):
    """Rows of one transaction."""

    rows: list[SourceRow]
    refused: dict[int, list[Fault]]
    prepared: list[Keyed]


class _Run:
    """One pass over a file, with its counters."""

    def __init__(
        self,
        *,
        connection: store.Connection,
        supplier: Supplier,
        validator: RowValidator,
        merger: Merger,
        quarantine: QuarantineFile,
        batch_id: str,
        keep_findings: int,
        tally: Tally,
    ) -> None:
        self._connection = connection
        self._tally = tally
        self._supplier = supplier
        self._validator = validator
        self._merger = merger
        self._batch_id = batch_id
        self._keep = keep_findings
        self.findings: list[Fault] = []
        self.quarantine = quarantine
        self.rows = self.inserted = self.updated = self.unchanged = self.quarantined = 0

    async def chunks(
        self, rows: Iterator[SourceRow], size: int, total: int | None, progress: Progress | None
    ) -> None:
        """Merge all rows, `size` at a time."""
        ahead = asyncio.create_task(self._read(rows, size))
        try:
            while (chunk := await ahead).rows:
                ahead = asyncio.create_task(self._read(rows, size))
                await self._land(chunk)
                if progress is not None:
                    counts = (self.inserted, self.updated, self.unchanged, self.quarantined)
                    progress(IntakeProgress(self.rows, total, *counts))
        finally:
            ahead.cancel()
            await asyncio.wait([ahead])
            if not ahead.cancelled():
                ahead.exception()  # retrieved; what ended the run came first

    async def _read(self, rows: Iterator[SourceRow], size: int) -> _Chunk:
        """The next chunk, checked and ready to be merged, made while the database is busy with the one before."""
        chunk = _Chunk([], {}, [])
        characters = 0
        while (left := size - len(chunk.rows)) and characters < CHUNK_CHARACTERS:
            part = list(islice(rows, min(_SLICE, left)))
            if not part:
                break
            valid: list[ValidRow] = []
            for row in part:
                characters += sum(map(len, row.cells))
                found = self._validator.check(row)
                if isinstance(found, ValidRow):
                    taken = self._supplier.take(found, self._validator.column)
                    if isinstance(taken, ValidRow):
                        valid.append(taken)
                    else:
                        chunk.refused[row.number] = [taken]
                else:
                    chunk.refused[row.number] = found
            chunk.rows.extend(part)
            chunk.prepared.extend(self._merger.prepare(valid))
            await asyncio.sleep(0)
        return chunk

    async def _land(self, chunk: _Chunk) -> None:
        refused = chunk.refused
        async with self._connection.transaction():
            merged = await self._merger.merge_prepared(self._connection, chunk.prepared)
            for row, found in merged.faults:
                refused[row.number] = [found]
            self.rows += len(chunk.rows)
            self.inserted += merged.inserted
            self.updated += merged.updated
            self.unchanged += merged.unchanged
            self.quarantined += len(refused)
            counts = (self.inserted, self.updated, self.unchanged, self.quarantined)
            await store.count_rows(self._connection, self._batch_id, self.rows, counts)
            self._tally.add(chunk.prepared, refused, merged)
            await self._tally.write(self._connection, self.rows, counts)
        for source_row in chunk.rows if refused else ():
            if source_row.number in refused:
                faults = refused[source_row.number]
                self.quarantine.add(source_row, faults)
                self.findings += faults[: self._keep - len(self.findings)]


def _data_rows(source: SourceFile, header: HeaderMap) -> Iterator[SourceRow]:
    """The rows of the file, without repetitions of the header and with what quarantine put on taken off."""
    for row in source.rows():
        plain = unguard_row(row) if header.quarantine else row
        if not header.repeats(plain.cells):
            yield plain


def entry_detail(report: IntakeReport) -> dict[str, str | int]:
    """What an entry of the audit log says about a file: ids and counts, never a value."""
    return {
        "batch": report.batch_id,
        "dataset": report.dataset,
        "sourceUnit": report.source_unit,
        "inserted": report.inserted,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "quarantined": report.quarantined,
    }


def find_dataset(catalog: Catalog, dataset_id: str) -> Dataset:
    """The dataset with this id.

    Raises:
        IntakeError: when the catalogue has none, naming the nearest ids.
    """
    dataset = catalog.datasets.get(dataset_id)
    if dataset is None:
        near = difflib.get_close_matches(dataset_id, catalog.datasets, n=3, cutoff=0.4) or sorted(
            catalog.datasets
        )
        raise IntakeError(
            "The catalogue has no such dataset.",
            hint=f"Did you mean {', '.join(near)}?",
            message_zh="目录中没有该数据集。",
        )
    return dataset


async def find_source_unit(connection: store.Connection, text: str, *, demo: bool) -> str:
    """USCC of a source unit, given as such or by the id of an active client that acts for it.

    Raises:
        IntakeError: when it is neither, naming the nearest clients.
    """
    institution = await store.client_institution(connection, text)
    if institution is not None:
        return institution
    try:
        return parse_uscc(text, demo=demo).text
    except IdentifierError as error:
        near = difflib.get_close_matches(text, await store.client_ids(connection), n=3, cutoff=0.4)
        hint = f"Did you mean {', '.join(near)}?" if near else error.hint
        raise IntakeError(
            "The source unit is neither a known client nor a unified social credit code.",
            hint=hint,
            message_zh="信源单位既不是已登记的客户端，也不是有效的统一社会信用代码。",
        ) from None
