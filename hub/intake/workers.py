"""Checking rows in processes of their own, so that a large file is not held up by one core.

- Workers validate and ready rows. They get the dataset and the header of the file, and neither keys nor database:
  ids, sealing and merging stay with the process that has them.
- They are started afresh (`spawn`), so nothing of the parent's memory is in them.
- Results come back in the order of the file, so the outcome is the same with any number of workers.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from hub.catalog.types import Dataset
from hub.errors import UnavailableError
from hub.intake.headers import HeaderMap
from hub.intake.ready import Checked, Checker
from hub.intake.source import CellFault, SourceRow
from hub.intake.validate import RowValidator

WORTH_BYTES = 8 << 20
"""Size of a file from which workers are started, where nobody says how many: starting them takes about a second."""
MOST_WORKERS = 3
"""The merging process is busy to its limit with so many."""
PART_ROWS = 256
"""Rows that one worker gets at a time."""

_Plain = tuple[int, Sequence[str], tuple[CellFault, ...]]


def usual_workers(path: Path) -> int:
    """How many workers suit a file on this machine; 0: check rows where they are merged."""
    return most_workers() if path.stat().st_size >= WORTH_BYTES else 0


def most_workers() -> int:
    """How many workers are of use on this machine."""
    return min(MOST_WORKERS, (os.cpu_count() or 1) - 1)


class Workers:
    """Processes that check the rows of one file."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    async def check(self, rows: Sequence[SourceRow]) -> Checked:
        """Check rows, spread over the workers.

        Raises:
            UnavailableError: when a worker was ended from outside.
        """
        loop = asyncio.get_running_loop()
        plain = [(row.number, row.cells, row.faults) for row in rows]
        parts = [plain[n : n + PART_ROWS] for n in range(0, len(plain), PART_ROWS)]
        checked = Checked([], {})
        try:
            for part in await asyncio.gather(*(loop.run_in_executor(self._pool, _check, p) for p in parts)):
                checked.ready.extend(part.ready)
                checked.refused.update(part.refused)
        except BrokenProcessPool:
            raise UnavailableError(
                "A process that checks rows was ended.",
                hint="Run the file again; what has landed is recognised. Check the machine's memory.",
                message_zh="核验进程被终止；请重新运行该文件，已入库的行会被识别。",
            ) from None
        return checked


@contextmanager
def workers(
    count: int, dataset: Dataset, header: HeaderMap, *, today: date, demo: bool
) -> Iterator[Workers | None]:
    """Workers for the rows of one file; none when `count` is 0.

    Args:
        count: how many.
        dataset: of the file.
        header: of the file.
        today: civil date of the check.
        demo: whether synthetic identifiers are accepted.
    """
    if count < 1:
        yield None
        return
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(dataset, header, today, demo),
    )
    try:
        yield Workers(pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_checkers: list[Checker] = []
"""In a worker, its one checker; the pool has no other place for what a worker keeps. Empty in every other process."""


def _begin(dataset: Dataset, header: HeaderMap, today: date, demo: bool) -> None:
    _checkers.append(Checker(dataset, RowValidator(dataset, header, today=today, demo=demo)))


def _check(rows: list[_Plain]) -> Checked:
    return _checkers[0].check(SourceRow(*row) for row in rows)
