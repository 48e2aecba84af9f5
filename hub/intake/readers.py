"""Opens a file in the format it is said to have, else by what it holds: XLSX, XML, JSON Lines, and CSV otherwise.

Rules
- A workbook is known by its signature, whatever its name says.
- A format given by name holds; else the suffixes .jsonl, .ndjson and .xml, so that a broken first line is
  reported as what it is; else the first sign of the text: `<` is XML, `{` and `[` are JSON, all else is CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from hub.errors import IntakeError
from hub.intake.csv_file import open_csv
from hub.intake.json_lines import open_json_lines
from hub.intake.source import Recognise, SourceFile
from hub.intake.xlsx_file import open_xlsx
from hub.intake.xml_file import open_xml

_ZIP = b"PK\x03\x04"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""Signature of compound files: old .xls workbooks, and workbooks protected by a password."""
_START_BYTES = 256


class Format(StrEnum):
    """Formats of files."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    """JSON Lines, also called NDJSON."""
    XML = "xml"


_SUFFIXES = {".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".xml": Format.XML}
_SIGNS = {b"<": Format.XML, b"{": Format.JSONL, b"[": Format.JSONL}
_OPEN: Mapping[Format, Callable[[Path, Recognise], SourceFile]] = {
    Format.CSV: open_csv,
    Format.XLSX: open_xlsx,
    Format.JSONL: open_json_lines,
    Format.XML: open_xml,
}


def open_source(path: Path, recognise: Recognise, file_format: Format | None = None) -> SourceFile:
    """Open a file and find its columns.

    Args:
        path: the file.
        recognise: says whether a text is the header of a known column.
        file_format: the format it is said to have; None: found out.

    Raises:
        IntakeError: when the file is missing, empty, of another format, or unreadable as a whole.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
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
    if file_format is None:
        file_format = _format_of(path, start)
    if start.startswith(_ZIP) and file_format is not Format.XLSX:
        raise IntakeError(
            "The file is a workbook or an archive, not what it is said to be.",
            hint="Submit it as xlsx.",
            message_zh="文件是工作簿或压缩包，与所称格式不符。",
        )
    return _OPEN[file_format](path, recognise)


def _format_of(path: Path, start: bytes) -> Format:
    if start.startswith(_ZIP):
        return Format.XLSX
    sign = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return _SUFFIXES.get(path.suffix.lower()) or _SIGNS.get(sign, Format.CSV)
