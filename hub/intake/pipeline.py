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

Example:
    report = await ingest(Path("penalties.csv"), "government.penalty", "11460000DEM0050180", database=database, …)
    report.inserted, report.quarantined, report.quarantine_file
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hub.catalog.types import Catalog, Dataset
from hub.clock import Clock, civil_date
from hub.errors import IdentifierError, IntakeError
from hub.intake import store
from hub.intake.encoding import file_sha256
from hub.intake.headers import HeaderMap, is_known, map_headers
from hub.intake.merge import CHUNK_ROWS, Merger, Origin
from hub.intake.quarantine import QuarantineFile, unguard_row
from hub.intake.readers import open_source
from hub.intake.rows import ValidRow
from hub.intake.source import SourceFile, SourceRow
from hub.intake.validate import RowValidator
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.model.identifiers import parse_uscc
from hub.store.database import Database


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
    progress: Progress | None = None,
    demo: bool = False,
    chunk_rows: int = CHUNK_ROWS,
) -> IntakeReport:
    """Take one file in.

    Args:
        path: a CSV or XLSX file.
        dataset_id: for example `government.penalty`.
        source_unit: USCC of the unit that supplies the file, or the id of a client that acts for it.
        database: where the records go.
        catalog: the active catalogue.
        indexer: the ring's keyed hashes.
        sealer: the ring's sealer.
        clock: read at the start, for all checks and records, and at the end for the batch.
        quarantine_dir: folder for refused rows; made with mode 0700 when it does not exist.
        progress: called after every chunk.
        demo: whether synthetic identifiers are accepted.
        chunk_rows: rows of one transaction.

    Raises:
        IntakeError: when the dataset, the source unit or the file as a whole is refused, or another process is
            taking in the same file.
        UnavailableError: when the database is away; run the file again.
    """
    now = clock.now()
    dataset = find_dataset(catalog, dataset_id)
    source = open_source(path, lambda header: is_known(dataset, header))
    header = map_headers(dataset, source.headers)
    sha256 = file_sha256(path)
    async with database.connection() as connection:
        unit = await find_source_unit(connection, source_unit, demo=demo)
        async with store.only_run(connection, dataset.id, unit, sha256):
            batch_id, repeated = await store.open_batch(connection, dataset.id, unit, path.name, sha256, now)
            run = _Run(
                connection=connection,
                validator=RowValidator(dataset, header, today=civil_date(now), demo=demo),
                merger=Merger(
                    Origin(dataset, unit, batch_id, now),
                    indexer=indexer,
                    sealer=sealer,
                    track_duplicates=True,
                    resumed=repeated,
                ),
                quarantine=QuarantineFile(quarantine_dir, f"{dataset.id}-{batch_id}", header),
                batch_id=batch_id,
            )
            try:
                await run.chunks(_data_rows(source, header), chunk_rows, source.row_count, progress)
                file = run.quarantine.finish()
            finally:
                run.quarantine.discard()
            await store.finish_batch(connection, batch_id, clock.now())
    return IntakeReport(
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
    )


class _Run:
    """One pass over a file, with its counters."""

    def __init__(
        self,
        *,
        connection: store.Connection,
        validator: RowValidator,
        merger: Merger,
        quarantine: QuarantineFile,
        batch_id: str,
    ) -> None:
        self._connection = connection
        self._validator = validator
        self._merger = merger
        self._batch_id = batch_id
        self.quarantine = quarantine
        self.rows = self.inserted = self.updated = self.unchanged = self.quarantined = 0

    async def chunks(
        self, rows: Iterator[SourceRow], size: int, total: int | None, progress: Progress | None
    ) -> None:
        """Merge all rows, `size` at a time."""
        while chunk := list(islice(rows, size)):
            await self._chunk(chunk)
            if progress is not None:
                counts = (self.inserted, self.updated, self.unchanged, self.quarantined)
                progress(IntakeProgress(self.rows, total, *counts))

    async def _chunk(self, chunk: Sequence[SourceRow]) -> None:
        checked = [(row.number, self._validator.check(row)) for row in chunk]
        refused = {number: found for number, found in checked if isinstance(found, list)}
        valid = [found for _, found in checked if isinstance(found, ValidRow)]
        async with self._connection.transaction():
            merged = await self._merger.merge(self._connection, valid)
            for row, found in merged.faults:
                refused[row.number] = [found]
            self.rows += len(chunk)
            self.inserted += merged.inserted
            self.updated += merged.updated
            self.unchanged += merged.unchanged
            self.quarantined += len(refused)
            counts = (self.inserted, self.updated, self.unchanged, self.quarantined)
            await store.count_rows(self._connection, self._batch_id, self.rows, counts)
        for source_row in chunk:
            if source_row.number in refused:
                self.quarantine.add(source_row, refused[source_row.number])


def _data_rows(source: SourceFile, header: HeaderMap) -> Iterator[SourceRow]:
    """The rows of the file, without repetitions of the header and with what quarantine put on taken off."""
    for row in source.rows():
        plain = unguard_row(row) if header.quarantine else row
        if not header.repeats(plain.cells):
            yield plain


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
