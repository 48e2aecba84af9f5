"""Opens a file by what it holds, not by its name: XLSX by its signature, everything else as CSV text."""

from __future__ import annotations

from pathlib import Path

from hub.errors import IntakeError
from hub.intake.csv_file import open_csv
from hub.intake.source import Recognise, SourceFile
from hub.intake.xlsx_file import open_xlsx

_ZIP = b"PK\x03\x04"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""Signature of compound files: old .xls workbooks, and workbooks protected by a password."""


def open_source(path: Path, recognise: Recognise) -> SourceFile:
    """Open a CSV or XLSX file and find its header row.

    Args:
        path: the file.
        recognise: says whether a text is the header of a known column.

    Raises:
        IntakeError: when the file is missing, empty, of another format, or unreadable as a whole.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        raise IntakeError(
            "The file cannot be opened.",
            hint="Check its name and that you may read it.",
            message_zh="文件无法打开。",
        ) from None
    if not start:
        raise IntakeError("The file is empty.", hint="Export it again.", message_zh="文件为空。")
    if start.startswith(_OLE):
        raise IntakeError(
            "The file is an old .xls workbook or protected by a password.",
            hint="Save it as .xlsx without a password, or as CSV UTF-8.",
            message_zh="文件为旧版 .xls 或带密码的工作簿，请另存为不带密码的 .xlsx 或 CSV。",
        )
    return open_xlsx(path, recognise) if start.startswith(_ZIP) else open_csv(path, recognise)
