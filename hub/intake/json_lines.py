"""JSON Lines files: one JSON object per line, its members named like the columns of a dataset.

Rules
- Members are official column names, column codes or field names, in any order; one that is missing or null is an
  empty cell. The columns of the file are all members of all its objects, so one that the catalogue does not have
  refuses the file before a row lands.
- The text is UTF-8 (RFC 8259, section 8.1), or GB18030 as for CSV. Lines end with a line feed; blank ones are
  skipped and counted.
- A line that is no JSON object, or is too long, refuses its row and not the file: it comes as a row without
  cells. A last line that breaks off without its line end refuses the file, because the file was truncated.
- Numbers are taken as they are written, never by way of a binary number. A whole number of 16 digits or more is
  refused as DIGITS_LOST: many programs keep 15 to 17 (RFC 8259, section 6), so identifiers must be texts.
- A member that stands twice in one object is refused, because which of the two is meant is not ours to say;
  so is an object inside the object. A list of texts is taken as their list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecoder
from pathlib import Path
from typing import Any

import orjson

from hub.errors import IntakeError
from hub.intake.encoding import detect_encoding
from hub.intake.source import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    WHOLE_ROW,
    CellFault,
    Recognise,
    SourceRow,
    changed_meanwhile,
    known_columns,
)

MAX_LINE_CHARACTERS = 4 << 20
"""Longest line in characters."""
_BLOCK = 1 << 20
_EXACT_DIGITS = 15
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SEPARATORS = re.compile("[;；\n]")


@dataclass(frozen=True, slots=True)
class JsonLinesFile:
    """A file that was read once to its end and found to be lines of objects."""

    path: Path
    encoding: str
    headers: tuple[str, ...]
    row_count: int | None

    def rows(self) -> Iterator[SourceRow]:
        """One row for each line that is not blank, numbered by its line.

        Raises:
            IntakeError: when the file was changed after it was opened.
        """
        positions = {header: n for n, header in enumerate(self.headers)}
        known = positions.keys()
        for number, line in _lines(self.path, self.encoding):
            texts = _texts(line)
            if texts is not None and texts.keys() <= known:
                yield SourceRow(number, [texts.get(header, "") for header in self.headers])
                continue
            found = _read(line)
            if isinstance(found, str):
                yield SourceRow(number, (), (CellFault(WHOLE_ROW, found),))
            else:
                yield _source_row(number, found, positions)


def open_json_lines(path: Path, recognise: Recognise) -> JsonLinesFile:
    """Open a JSON Lines file.

    Args:
        path: the file.
        recognise: says whether a text names a known column.

    Raises:
        IntakeError: when the encoding is broken, the file is truncated, or no line is an object with a known
            member; nothing has been given then.
    """
    encoding = detect_encoding(path)
    headers: dict[str, None] = {}
    count, line = 0, ""
    found: _Object | str | None = None
    for _, line in _lines(path, encoding):
        count += 1
        texts = _texts(line)
        if texts is not None:
            found = None
            if not texts.keys() <= headers.keys():
                headers.update(dict.fromkeys(texts))
        elif not isinstance(found := _read(line), str):
            headers.update(dict.fromkeys(name for name, _ in found))
        if len(headers) > MAX_COLUMNS:
            raise _too_many_columns()
    if not known_columns(headers, recognise):
        raise _no_objects()
    if isinstance(found, str) and not line.endswith("\n"):
        raise _truncated()
    return JsonLinesFile(path, encoding, tuple(headers), count)


class _Object(list[tuple[str, Any]]):
    """The members of an object in their order; a class of its own, so that it is told from an array."""


class _DigitsLost:
    """Stands for a number whose digits are not to be trusted."""


_DIGITS_LOST = _DigitsLost()


def _integer(text: str) -> str | _DigitsLost:
    return text if len(text.lstrip("-")) <= _EXACT_DIGITS else _DIGITS_LOST


def _constant(_text: str) -> str:
    raise ValueError  # NaN and Infinity are no JSON


_DECODER = JSONDecoder(
    object_pairs_hook=_Object, parse_float=str, parse_int=_integer, parse_constant=_constant, strict=True
)


def _read(line: str) -> _Object | str:
    """The members of the object in a line, or the code of what is wrong with the line."""
    if not line:
        return "LINE_TOO_LONG"
    try:
        found = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return "BAD_LINE"
    if not isinstance(found, _Object):
        return "BAD_LINE"
    if "\\u" in line and any(_UNSTORABLE.search(name) for name, _ in found):
        return "BAD_LINE"
    return found


def _texts(line: str) -> dict[str, str] | None:
    """The members of an object of which all are plain texts, read fast; None when the line needs a closer look.

    Without escapes, an object of n texts has exactly 4n quotes, so a repeated member cannot hide.
    """
    if "\\" in line or len(line) > MAX_CELL_CHARACTERS:
        return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if type(found) is not dict or line.count('"') != 4 * len(found):
        return None
    return found if all(type(value) is str for value in found.values()) else None


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Numbers and texts of all lines that are not blank; the text of one that is too long is left out."""
    with path.open(encoding=encoding, errors="strict", newline="\n") as file:
        number = 0
        try:
            while line := file.readline(MAX_LINE_CHARACTERS + 1):
                number += 1
                if len(line) > MAX_LINE_CHARACTERS:
                    while line and not line.endswith("\n"):
                        line = file.readline(_BLOCK)
                    yield number, ""
                elif not line.isspace():
                    yield number, line
        except UnicodeDecodeError:
            raise changed_meanwhile() from None


def _source_row(number: int, members: _Object, positions: Mapping[str, int]) -> SourceRow:
    cells = [""] * len(positions)
    faults: list[CellFault] = []
    seen: set[str] = set()
    for name, value in members:
        position = positions.get(name)
        if position is None:
            raise changed_meanwhile()
        if name in seen:
            faults.append(CellFault(position, "REPEATED_VALUE"))
            cells[position] = ""
            continue
        seen.add(name)
        text, code = (value, "") if type(value) is str else _text_of(value)
        if len(text) > MAX_CELL_CHARACTERS:
            text, code = "", "CELL_TOO_LARGE"
        elif _UNSTORABLE.search(text):
            text, code = "", "CONTROL_CHARACTER"
        cells[position] = text
        if code:
            faults.append(CellFault(position, code))
    return SourceRow(number, cells, tuple(faults))


def _text_of(value: object) -> tuple[str, str]:
    """A member that is no text as a cell, and the code of its fault or an empty text."""
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), ""
    if isinstance(value, _DigitsLost):
        return "", "DIGITS_LOST"
    if isinstance(value, _Object) or not isinstance(value, list):
        return "", "NESTED_VALUE"
    if any(not isinstance(item, str) or _SEPARATORS.search(item) for item in value):
        return "", "NESTED_VALUE"
    return ";".join(value), ""


def _too_many_columns() -> IntakeError:
    return IntakeError(
        f"The objects of the file have more than {MAX_COLUMNS} different members.",
        hint="Leave out what the dataset does not have.",
        message_zh=f"文件中不同的键超过 {MAX_COLUMNS} 个。",
    )


def _truncated() -> IntakeError:
    return IntakeError(
        "The last line breaks off in the middle; the file is probably truncated.",
        hint="Export or transfer the file again; nothing was taken in.",
        message_zh="最后一行不完整，文件可能被截断，未入库。",
    )


def _no_objects() -> IntakeError:
    return IntakeError(
        "No line of the file is a JSON object with columns of this dataset.",
        hint="Write one object per line, without an array around them, and check the dataset.",
        message_zh="文件中没有任何一行是含有该数据集列的 JSON 对象；请每行写一个对象，不要用数组包裹。",
    )
