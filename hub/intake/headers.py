"""Maps the header row of a file to fields of a dataset: all or nothing.

Rules
- A header is an official Chinese name, an `XK_`/`CF_` code or the field's name, compared in the catalogue's
  normal form (width, spaces and case do not matter).
- A column the catalogue does not have refuses the file: what is outside the catalogue must not be collected.
  The nearest known columns are named.
- A required column that is missing, and two columns of one field, refuse the file.
- The columns that a quarantine file adds are known and skipped, so that a mended file can be submitted as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hub.catalog.loader import header_key
from hub.catalog.types import Dataset, Field, Role, SubjectKind
from hub.errors import IntakeError

QUARANTINE_COLUMNS = (
    "隔离_行号(row)",
    "隔离_列(column)",
    "隔离_错误码(code)",
    "隔离_说明(message)",
    "隔离_处理建议(hint)",
)
"""Columns that a quarantine file carries before those of the source file."""
_QUARANTINE_KEYS = frozenset(header_key(column) for column in QUARANTINE_COLUMNS)
_PLAIN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmopqrstuvwxyz")
_SHOWN = 40
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class HeaderMap:
    """Which column of a file holds which field."""

    headers: tuple[str, ...]
    """All headers as the file has them."""
    fields: tuple[tuple[int, str, Field], ...]
    """Position, header and field of every mapped column, in file order."""
    quarantine: bool
    """Whether the file is a quarantine file submitted again."""
    keys: tuple[tuple[int, frozenset[str]], ...]
    """Position and normal forms of all accepted headers of every mapped column."""
    named: frozenset[int]
    """Positions of all columns that have a header."""

    @property
    def source_columns(self) -> tuple[tuple[int, str], ...]:
        """Positions and headers of the file's own columns, without those a quarantine file adds."""
        return tuple((position, header) for position, header, _ in self.fields)

    def column_of(self, name: str) -> str:
        """The file's header for a field; its official name when the file has no such column."""
        return next((header for _, header, field in self.fields if field.name == name), "")

    def repeats(self, cells: Sequence[str]) -> bool:
        """Whether a row is the header row once more, in names or in codes, as templates and long lists have it."""
        filled = 0
        width = len(cells)
        for position, keys in self.keys:
            cell = cells[position] if position < width else ""
            if not cell:
                continue
            if len(cell) > _LONGEST or not _may_begin(cell, keys) or header_key(cell) not in keys:
                return False
            filled += 1
        return filled > 1


def _may_begin(cell: str, keys: frozenset[str]) -> bool:
    """Whether the first sign speaks against a header; a digit, a letter or a character stays in the normal form."""
    first = cell[0]
    plain = first in _PLAIN or "\u4e00" <= first <= "\u9fff"
    return not plain or first.upper() in _firsts(keys)


@lru_cache(maxsize=1024)
def _firsts(keys: frozenset[str]) -> frozenset[str]:
    return frozenset(key[0] for key in keys if key)


def _keys_of(field: Field) -> frozenset[str]:
    return frozenset(header_key(column) for column in (*field.columns, field.name))


def is_known(dataset: Dataset, header: str) -> bool:
    """Whether a text is the header of a column of the dataset or of a quarantine file."""
    key = header_key(header)
    return key in dataset.by_column or key in _QUARANTINE_KEYS


def map_headers(dataset: Dataset, headers: Sequence[str]) -> HeaderMap:
    """Map a header row.

    Args:
        dataset: the dataset the file is said to hold.
        headers: texts of the header row.

    Raises:
        IntakeError: on unknown, repeated or missing columns, naming all of them.
    """
    mapped: list[tuple[int, str, Field]] = []
    unknown: list[str] = []
    quarantine = False
    by_column = dataset.by_column
    for position, header in enumerate(headers):
        key = header_key(header)
        field = by_column.get(key)
        if field is not None:
            mapped.append((position, header, field))
        elif key in _QUARANTINE_KEYS:
            quarantine = True
        elif key:
            unknown.append(header)
    if unknown:
        raise _unknown(dataset, unknown)
    _refuse_repeated(mapped)
    _refuse_missing(dataset, {field.name for _, _, field in mapped})
    keys = tuple((position, _keys_of(field)) for position, _, field in mapped)
    named = frozenset(n for n, header in enumerate(headers) if header)
    return HeaderMap(tuple(headers), tuple(mapped), quarantine, keys, named)


def _unknown(dataset: Dataset, headers: Sequence[str]) -> IntakeError:
    names = [_suggest(dataset, header) for header in headers[:20]]
    more = f" and {len(headers) - 20} more" if len(headers) > 20 else ""
    return IntakeError(
        f"The file has columns that {dataset.id} does not have: {', '.join(names)}{more}.",
        hint="Rename or delete them; data outside the catalogue is not collected.",
        message_zh=f"文件含有目录之外的列：{'、'.join(_short(h) for h in headers[:20])}。",
    )


def _suggest(dataset: Dataset, header: str) -> str:
    official = {header_key(c): c for f in dataset.fields for c in (*f.columns, f.name)}
    near = difflib.get_close_matches(header_key(header)[:200], official, n=1, cutoff=0.5)
    return f"“{_short(header)}”" + (f" (nearest: {official[near[0]]})" if near else "")


def _short(header: str) -> str:
    flat = " ".join(header.split())
    return flat if len(flat) <= _SHOWN else flat[:_SHOWN] + "…"


def _refuse_repeated(mapped: Sequence[tuple[int, str, Field]]) -> None:
    by_field: dict[str, list[str]] = {}
    for _, header, field in mapped:
        by_field.setdefault(field.name, []).append(_short(header))
    repeated = [" + ".join(headers) for headers in by_field.values() if len(headers) > 1]
    if repeated:
        raise IntakeError(
            f"Several columns mean the same field: {', '.join(repeated)}.",
            hint="Keep one of each.",
            message_zh=f"多列对应同一字段：{'、'.join(repeated)}。",
        )


def _refuse_missing(dataset: Dataset, present: set[str]) -> None:
    missing = [f.columns[0] for f in dataset.fields if f.required == "Y" and f.name not in present]
    if not any(_identifies(dataset, kind, present) for kind in dataset.subjects):
        missing += [f.columns[0] for r in (Role.SUBJECT_USCC, Role.SUBJECT_CERT_NO) for f in dataset.role(r)]
    if missing:
        unique = list(dict.fromkeys(missing))
        raise IntakeError(
            f"Required columns are missing: {', '.join(unique)}.",
            hint="Add them; `hub schema` lists the columns of a dataset.",
            message_zh=f"缺少必填列：{'、'.join(unique)}。",
        )


def _identifies(dataset: Dataset, kind: SubjectKind, present: set[str]) -> bool:
    role = Role.SUBJECT_CERT_NO if kind is SubjectKind.PERSON else Role.SUBJECT_USCC
    return any(f.name in present for r in (role, *_extra(kind)) for f in dataset.role(r))


def _extra(kind: SubjectKind) -> tuple[Role, ...]:
    return (Role.LEGACY_ID,) if kind is SubjectKind.ORG else ()
