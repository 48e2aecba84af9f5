"""The quarantine file: refused rows as the source wrote them, with what is wrong, ready to be mended and sent again.

Rules
- CSV, UTF-8 with byte order mark, so that spreadsheets show Chinese; five columns of findings, then the columns
  of the source under its own headers. One line per refused row, several findings joined by ` | `.
- Sent again, the finding columns are recognised and skipped.
- Safe in a spreadsheet and lossless: a cell that a spreadsheet would run as a formula (first sign `=`, `+`, `-`,
  `@` or their full-width forms, tab, line break) or rewrite (long digits, leading zeros, `2026-03`, `1E5`) gets
  an apostrophe in front. On the way in that one apostrophe is taken off again, in quarantine files only, and
  only where this rule would have put it. A cell that begins with an apostrophe gets a second one.
- It holds personal data: mode 0600 in a folder of mode 0700. It is written aside and appears under its name when
  the run is complete.
- A cell that was refused by the file reader (formula, too large) comes empty: it is not kept anywhere.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from hub.errors import IntakeError
from hub.intake.faults import Fault
from hub.intake.headers import QUARANTINE_COLUMNS, HeaderMap
from hub.intake.source import SourceRow

_FORMULA = frozenset("=+-@＝＋－＠'\t\r\n|%")
_REWRITTEN = re.compile(
    r"0\d+|\d{12,}|[\d,]*\.?\d+[eE][+-]?\d+|\d{4}[-/.]\d{1,2}|\d{1,2}[-/:]\d{1,2}([-/:]\d{1,4})?"
)


def needs_guard(cell: str) -> bool:
    """Whether a spreadsheet would run or rewrite the cell."""
    start = cell.lstrip(" \u3000\ufeff")[:1]
    return bool(start) and (start in _FORMULA or _REWRITTEN.fullmatch(cell.strip()) is not None)


def guard(cell: str) -> str:
    """The cell as it stands in a quarantine file."""
    return "'" + cell if needs_guard(cell) else cell


def unguard(cell: str) -> str:
    """The cell as the source wrote it; `unguard(guard(cell)) == cell` for every cell."""
    return cell[1:] if cell[:1] == "'" and needs_guard(cell[1:]) else cell


def unguard_row(row: SourceRow) -> SourceRow:
    """A row of a quarantine file with its cells as the source wrote them."""
    return SourceRow(row.number, [unguard(cell) for cell in row.cells], row.faults)


class QuarantineFile:
    """Collects refused rows; the file appears with the first one, and under its name with `finish`."""

    def __init__(self, folder: Path, name: str, header: HeaderMap) -> None:
        self._path = folder / f"{name}.csv"
        self._part = folder / f".{name}.part"
        self._columns = header.source_columns
        self._file: TextIO | None = None

    def add(self, row: SourceRow, faults: Sequence[Fault]) -> None:
        """Write one refused row with everything that is wrong with it."""
        if self._file is None:
            self._file = self._open()
        findings = (
            str(row.number),
            " | ".join(f.column or "-" for f in faults),
            " | ".join(f.code for f in faults),
            " | ".join(f"{f.message_zh} {f.message_en}" for f in faults),
            " | ".join(f.hint for f in faults),
        )
        width = len(row.cells)
        cells = (guard(row.cells[n]) if n < width else "" for n, _ in self._columns)
        try:
            csv.writer(self._file).writerow((*findings, *cells))
        except OSError:
            raise _unwritable() from None

    def _open(self) -> TextIO:
        try:
            self._part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._part.unlink(missing_ok=True)
            handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError:
            raise _unwritable() from None
        file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        csv.writer(file).writerow((*QUARANTINE_COLUMNS, *(header for _, header in self._columns)))
        return file

    def finish(self) -> Path | None:
        """Make the file durable under its name; None when no row was refused.

        Raises:
            IntakeError: when it cannot be written.
        """
        if self._file is None:
            return None
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self._path)
        except OSError:
            raise _unwritable() from None
        self._file = None
        return self._path

    def discard(self) -> None:
        """Drop what was written so far; does nothing after `finish`."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._part.unlink(missing_ok=True)


def _unwritable() -> IntakeError:
    return IntakeError(
        "The quarantine file cannot be written.",
        hint="Check the quarantine folder, its permissions and its free space, and run the file again.",
        message_zh="隔离文件无法写入。",
    )
