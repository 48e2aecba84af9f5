"""Which encoding a text file is in, decided over the whole file before a row is read.

Rules
- UTF-8 with or without byte order mark, or GB18030 (which contains GBK and GB 2312). Nothing is replaced or skipped.
- A file that is UTF-8 in some lines and GB18030 in others is refused: pasted parts would land as wrong characters.
- A byte that fits no encoding is named by its offset in the file and its line.
- NUL bytes and UTF-16 are refused; a line longer than 64 MB is refused, so reading stays within bounds.

A line of GB18030 text that happens to be valid UTF-8 (a few pairs of two bytes are) is taken as undecided, not
as a proof of mixing; three-byte sequences, which all Chinese text in UTF-8 has, decide.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from pathlib import Path
from typing import BinaryIO

from hub.errors import IntakeError

MAX_LINE_BYTES = 64 << 20
"""Longest line of a text file in bytes."""
_BLOCK = 1 << 20
_THREE_BYTES = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")


def file_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def detect_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-8` or `gb18030`.

    Raises:
        IntakeError: when the file is none of them, mixes them, or holds NUL bytes or a line beyond the limit.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise IntakeError(
                "The file is in UTF-16.",
                hint="Save it as UTF-8 and submit it again.",
                message_zh="文件为 UTF-16 编码，请另存为 UTF-8。",
            )
        marked = start.startswith(codecs.BOM_UTF8)
        file.seek(0)
        if _is_utf8(file):
            return "utf-8-sig" if marked else "utf-8"
        file.seek(0)
        _check_lines(file, must_be_utf8=marked)
    return "gb18030"


def _is_utf8(file: BinaryIO) -> bool:
    """Whether all bytes are UTF-8; refuses NUL bytes and endless lines on the way."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, line_bytes, valid = 1, 0, True
    while block := file.read(_BLOCK):
        zero = block.find(0)
        if zero >= 0:
            raise _nul(line + block.count(b"\n", 0, zero))
        last = block.rfind(b"\n")
        line_bytes = len(block) - last - 1 if last >= 0 else line_bytes + len(block)
        line += block.count(b"\n")
        if line_bytes > MAX_LINE_BYTES:
            raise IntakeError(
                f"Line {line} is longer than {MAX_LINE_BYTES >> 20} MB.",
                hint="Check that this is a text file with line ends and that its quotes are closed.",
                message_zh=f"第 {line} 行超长。",
            )
        if valid:
            valid = _feeds(decoder, block)
    return valid and _feeds(decoder, b"", final=True)


def _feeds(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _check_lines(file: BinaryIO, *, must_be_utf8: bool) -> None:
    """Hold that every line is GB18030 and none is decidedly UTF-8."""
    offset = 0
    sure_utf8: int | None = None
    for number, line in enumerate(file, 1):
        if not line.isascii():
            bad = _first_bad(line, "utf-8")
            if bad is None:
                if sure_utf8 is None and _THREE_BYTES.search(line):
                    sure_utf8 = number
            else:
                if must_be_utf8:
                    raise _undecodable(offset + bad, number, "UTF-8")
                bad_gb = _first_bad(line, "gb18030")
                if bad_gb is not None:
                    wanted, at = ("UTF-8", bad) if sure_utf8 else ("GB18030", bad_gb)
                    raise _undecodable(offset + at, number, wanted)
                if sure_utf8 is not None:
                    raise _mixed(sure_utf8, number)
                gb_line = number
                _refuse_later_utf8(file, offset + len(line), gb_line)
                return
        offset += len(line)


def _refuse_later_utf8(file: BinaryIO, offset: int, gb_line: int) -> None:
    """The rest of a file of which one line is decidedly GB18030."""
    for number, line in enumerate(file, gb_line + 1):
        if not line.isascii():
            bad = _first_bad(line, "gb18030")
            if _THREE_BYTES.search(line) and _first_bad(line, "utf-8") is None:
                raise _mixed(gb_line, number)
            if bad is not None:
                raise _undecodable(offset + bad, number, "GB18030")
        offset += len(line)


def _first_bad(line: bytes, encoding: str) -> int | None:
    try:
        line.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return None


def _nul(line: int) -> IntakeError:
    return IntakeError(
        f"Line {line} holds a NUL byte, so this is no text file or it was damaged.",
        hint="Export the file again from its source.",
        message_zh=f"第 {line} 行含有 NUL 字节，文件已损坏或不是文本文件。",
    )


def _undecodable(offset: int, line: int, encoding: str) -> IntakeError:
    return IntakeError(
        f"The byte at offset {offset} (line {line}) is not {encoding}.",
        hint="Save the whole file as UTF-8 and submit it again.",
        message_zh=f"偏移 {offset}（第 {line} 行）处的字节不是 {encoding} 编码。",
    )


def _mixed(first: int, second: int) -> IntakeError:
    return IntakeError(
        f"The file mixes UTF-8 and GB18030: lines {first} and {second} differ.",
        hint="Open each part in its own encoding, join them, and save all as UTF-8.",
        message_zh=f"文件混用 UTF-8 与 GB18030 编码（第 {first} 行与第 {second} 行不一致）。",
    )
