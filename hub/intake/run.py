"""One pass over the rows of a supply, chunk by chunk.

Rules
- One chunk is one transaction, and the batch's counters are part of it.
- Repetitions of the header, as long lists have them, are no rows.
- While the database takes one chunk, the next is read and checked, a few rows at a time. Chunks land one after the
  other in the order of the file; at most two are in memory, and one ends early when its rows are very long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from hub.intake import store
from hub.intake.faults import Fault
from hub.intake.keyed import Keyed
from hub.intake.merge import Merger
from hub.intake.quality import Tally
from hub.intake.quarantine import QuarantineFile
from hub.intake.report import IntakeProgress, IntakeReport, Progress
from hub.intake.rows import Columns, Origin, ValidRow
from hub.intake.source import SourceRow
from hub.intake.suppliers import Supplier
from hub.intake.validate import RowValidator

CHUNK_CHARACTERS = 16 << 20
"""Characters and cells after which a chunk ends, whatever its number of rows."""
_SLICE = 64
"""Rows checked before others get their turn, the database's answers first of all."""


class _Chunk(NamedTuple):
    """Rows of one transaction."""

    rows: list[SourceRow]
    refused: dict[int, list[Fault]]
    prepared: list[Keyed]


class Run:
    """One pass, with its counters."""

    def __init__(
        self,
        origin: Origin,
        *,
        connection: store.Connection,
        supplier: Supplier,
        validator: RowValidator,
        merger: Merger,
        quarantine: QuarantineFile,
        tally: Tally,
        keep_findings: int,
    ) -> None:
        """Begin with nothing.

        Args:
            origin: dataset, source unit and batch.
            connection: kept from beginning to end.
            supplier: says which rows are its own to supply.
            validator: checks the rows.
            merger: merges them.
            quarantine: takes the refused ones.
            tally: counts their quality.
            keep_findings: most faults that the report lists.
        """
        self._origin = origin
        self._connection = connection
        self._tally = tally
        self._supplier = supplier
        self._validator = validator
        self._merger = merger
        self._quarantine = quarantine
        self._keep = keep_findings
        self._findings: list[Fault] = []
        self._rows = self._inserted = self._updated = self._unchanged = self._quarantined = 0

    async def whole(
        self,
        rows: Iterator[SourceRow],
        size: int,
        total: int | None,
        progress: Progress | None,
        *,
        repeated: bool,
    ) -> IntakeReport:
        """Take all rows in.

        Args:
            rows: the data rows.
            size: rows of one chunk.
            total: how many there are; None when only reading can tell.
            progress: called after every chunk.
            repeated: whether an earlier run of the same batch had been cut off.
        """
        try:
            await self._chunks(rows, size, total, progress)
            file = self._quarantine.finish()
        finally:
            self._quarantine.discard()
        origin = self._origin
        return IntakeReport(
            origin.batch_id, origin.dataset.id, origin.source_unit, self._rows, *self._counts, file, repeated,
            tuple(self._findings),
        )  # fmt: skip

    @property
    def _counts(self) -> tuple[int, int, int, int]:
        """Rows inserted, updated, unchanged and quarantined so far."""
        return self._inserted, self._updated, self._unchanged, self._quarantined

    async def _chunks(
        self, rows: Iterator[SourceRow], size: int, total: int | None, progress: Progress | None
    ) -> None:
        """Merge all rows, `size` at a time."""
        ahead = asyncio.create_task(self._read(rows, size))
        try:
            while (chunk := await ahead).rows:
                ahead = asyncio.create_task(self._read(rows, size))
                await self._land(chunk)
                if progress is not None:
                    progress(IntakeProgress(self._rows, total, *self._counts))
        finally:
            ahead.cancel()
            await asyncio.wait([ahead])
            if not ahead.cancelled():
                ahead.exception()  # retrieved; what ended the run came first

    async def _read(self, rows: Iterator[SourceRow], size: int) -> _Chunk:
        """The next chunk, checked and ready to be merged, made while the database is busy with the one before."""
        chunk = _Chunk([], {}, [])
        characters = 0
        while (left := size - len(chunk.rows)) and (characters < CHUNK_CHARACTERS or not chunk.rows):
            part: list[SourceRow] = []
            for row in islice(rows, min(_SLICE, left)):
                part.append(row)
                characters += len("".join(row.cells)) + len(row.cells)
                if characters >= CHUNK_CHARACTERS:
                    break
            if not part:
                break
            await asyncio.sleep(0)
            valid = self._valid(part, chunk)
            await asyncio.sleep(0)
            chunk.prepared.extend(self._merger.prepare(*valid))
            await asyncio.sleep(0)
        return chunk

    def _valid(self, rows: Sequence[SourceRow], chunk: _Chunk) -> tuple[Sequence[ValidRow], Columns | None]:
        """The rows that pass the checks and are the supplier's to supply; all go to the chunk, with their faults.

        With them come their columns, where the rows are all there and as they were read.
        """
        checked = self._validator.check_all(rows)
        if checked.columns is not None and self._supplier.takes_all:
            chunk.rows.extend(rows)
            return [row for row in checked.found if isinstance(row, ValidRow)], checked.columns
        valid: list[ValidRow] = []
        column, take = self._validator.column, self._supplier.take
        for row, found in zip(rows, checked.found, strict=True):
            if found is None:
                continue
            chunk.rows.append(row)
            taken = take(found, column) if isinstance(found, ValidRow) else found
            if isinstance(taken, ValidRow):
                valid.append(taken)
            else:
                chunk.refused[row.number] = taken if isinstance(taken, list) else [taken]
        return valid, None

    async def _land(self, chunk: _Chunk) -> None:
        refused = chunk.refused
        async with self._connection.transaction():
            await store.begin_chunk(self._connection)
            merged = await self._merger.merge_prepared(self._connection, chunk.prepared)
            for row, found in merged.faults:
                refused[row.number] = [found]
            self._rows += len(chunk.rows)
            self._inserted += merged.inserted
            self._updated += merged.updated
            self._unchanged += merged.unchanged
            self._quarantined += len(refused)
            counts = self._counts
            await store.count_rows(self._connection, self._origin.batch_id, self._rows, counts)
            self._tally.add(chunk.prepared, refused, merged)
            await self._tally.write(self._connection, self._rows, counts)
        for source_row in chunk.rows if refused else ():
            if source_row.number in refused:
                faults = refused[source_row.number]
                self._quarantine.add(source_row, faults)
                self._findings += faults[: self._keep - len(self._findings)]
