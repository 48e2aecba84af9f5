"""Reads a cell as the catalogue declares its field, into the form in which it is stored.

Rules
- The stored form is the one named at `hub.catalog.types.FieldType`: text, whole number, boolean or texts.
- None means "open end" for an open date and "nothing there" for all else; whether a value had to be there is
  asked first, with `is_missing`.
- Enumerations are matched on code, both labels and aliases, without regard to width, case and spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache

import orjson

from hub.catalog.types import Dataset, Field, FieldType, SubjectKind
from hub.errors import IdentifierError, ValueFormatError
from hub.model.dates import read_date, read_month, read_open_date
from hub.model.identifiers import is_plain_uscc, normalise, parse_resident_id, parse_uscc
from hub.model.money import read_money, read_plain_money, read_plain_money_column
from hub.model.values import (
    Cell,
    cell_text,
    decimal_string,
    is_blank,
    read_boolean,
    read_decimal,
    read_integer,
    read_text,
    refuse,
)

StoredValue = str | int | bool | list[str] | None
"""A field's value as it is stored."""

_ANY_WORD = (FieldType.TEXT, FieldType.TEXT_LIST, FieldType.BOOLEAN)
"""Types for which words such as 无 say something."""

_TEXT_SEPARATORS = re.compile(r"[;；\n]")
_ENUM_SEPARATORS = re.compile(r"[;；、,，\n]")
_FIRST = "0-9A-Za-z\u4e00-\u65df\u65e1-\u7a79\u7a7b-\u9fff"
"""Letters, digits, and Chinese characters but those with which words for nothing begin."""
_REST = (
    '!"$-~\u4e00-\u9fff\u3001\u3002\u300a\u300b\u3010\u3011'
    "\u3014\u3015\u2014\u201c\u201d\uff08\uff09\uff0c\uff1a\uff1b"
)
_PLAIN_TEXT = re.compile(f"[{_FIRST}][{_REST}]{{0,63}}")
"""Text without spaces, signs of formulas and errors, or words for nothing; stored as it is."""
_PLAIN_TEXTS = re.compile(f"(?:[{_FIRST}][{_REST}]*)?(?:\\n(?:[{_FIRST}][{_REST}]*)?)*")
"""Any number of them or of empty cells, a line each."""
_LONGEST_PLAIN = 5_000
_SAME = dict.fromkeys(map(ord, "[{\u3014\u3010\u3016\u3008\u300a"), "(")
_SAME |= dict.fromkeys(map(ord, "]}\u3015\u3011\u3017\u3009\u300b"), ")")
_SAME |= dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")
"""Brackets and dashes that are written for one another, as the one of them that keys have."""
_SAME_SIGNS = tuple((chr(other), one) for other, one in _SAME.items())
_NORMAL_TEXTS = re.compile("[\\n!-`{-~\u3008-\u300b\u3010\u3011\u3014\u3015\u4e00-\u9fff]*")
"""Texts, a line each, that are in normal form but for brackets and dashes."""
_OTHER = re.compile(r"其他[-—:(].+")


def is_missing(field: Field, cell: Cell) -> bool:
    """Whether a cell says nothing for this field; an open end is not missing."""
    if not is_blank(cell, free_text=field.type in _ANY_WORD):
        return False
    return not (field.values and isinstance(cell, str) and normalise(cell) in _spellings(field))


def must_be_given(field: Field, kind: SubjectKind) -> bool:
    """Whether the field is required in records of a subject of this kind (C, conditional, is not)."""
    return field.required == "Y" or field.required == ("O" if kind is SubjectKind.ORG else "P")


def read_value(field: Field, cell: Cell, *, today: date, demo: bool) -> StoredValue:
    """The stored value of a cell, or None when it says nothing or is an open end.

    `today` bounds birth dates, `demo` admits synthetic identifiers.

    Raises:
        ValueFormatError: with a stable detail code: BAD_DATE, BAD_MONTH, BAD_NUMBER, BAD_MONEY, BAD_UNIT,
            NEGATIVE_NUMBER, NEGATIVE_AMOUNT, NUMBER_TOO_LARGE, BAD_BOOLEAN, BAD_ENUM, TOO_LONG,
            CELL_TOO_LARGE, FORMULA, CELL_ERROR, CONTROL_CHARACTER, DIGITS_LOST, and those of identifiers
            (LENGTH, ALPHABET, CHECKSUM_MISMATCH, FUTURE_DATE, DEMO_ONLY).
    """
    if is_missing(field, cell):
        return None
    return _READERS[field.type](field, cell, today, demo)


def plain_reader(field: Field, *, demo: bool) -> Callable[[str], StoredValue]:
    """A quick reader of the cells that need no tidying: it gives what `read_value` gives, or None for "ask that"."""
    limit = field.max_length
    if field.type is FieldType.TEXT:
        return lambda cell: cell if _PLAIN_TEXT.fullmatch(cell) and not 0 < limit < len(cell) else None
    if field.type is FieldType.MONEY:
        unit = field.unit
        return lambda cell: read_plain_money(cell, unit)
    if field.type is FieldType.USCC:
        return lambda cell: cell if is_plain_uscc(cell, demo=demo) else None
    return lambda cell: None


def plain_column_reader(field: Field) -> Callable[[Sequence[str]], Sequence[StoredValue] | None] | None:
    """As `plain_reader`, for many cells at once: what each says, None for an empty one; None for "ask cell by cell".

    None where a type has no such reader.
    """
    if field.type is FieldType.MONEY:
        unit = field.unit
        return lambda cells: read_plain_money_column(cells, unit)
    if field.type is FieldType.TEXT:
        limit = min(field.max_length or _LONGEST_PLAIN, _LONGEST_PLAIN)
        return lambda cells: _plain_texts(cells, limit)
    return None


def _plain_texts(cells: Sequence[str], limit: int) -> Sequence[StoredValue] | None:
    text = "\n".join(cells)
    if text.count("\n") != len(cells) - 1 or not _PLAIN_TEXTS.fullmatch(text) or max(map(len, cells)) > limit:
        return None
    return cells if all(cells) else [cell or None for cell in cells]


def _identifier(field: Field, cell: Cell, today: date, demo: bool) -> str:
    text = cell_text(cell)
    try:
        if field.type is FieldType.USCC:
            return parse_uscc(text, demo=demo).text
        return parse_resident_id(text, today=today, demo=demo).text
    except IdentifierError as error:
        raise ValueFormatError(
            error.message, detail=error.detail, hint=error.hint, message_zh=error.message_zh
        ) from error


def _list(field: Field, cell: Cell) -> list[str] | None:
    if field.type is FieldType.ENUM_LIST:
        parts = [p for p in _ENUM_SEPARATORS.split(cell_text(cell)) if not is_blank(p)]
        return list(dict.fromkeys(_code(field, p) for p in parts)) or None
    texts = [read_text(p, max_length=field.max_length) for p in _TEXT_SEPARATORS.split(cell_text(cell))]
    return [t for t in texts if not is_blank(t, free_text=True)] or None


def _code(field: Field, text: str) -> str:
    for value in field.values:
        if text in (value.label.zh, value.code):
            return value.code
    key = normalise(text)
    codes = _spellings(field)
    code = codes.get(key)
    if code is None and "OTHER" in codes and _OTHER.fullmatch(key):
        code = "OTHER"
    if code is None:
        raise refuse(
            "BAD_ENUM",
            "The cell holds none of the field's values.",
            "Use one of: " + "、".join(v.label.zh for v in field.values) + ".",
            "取值不在代码表内。",
        )
    return code


@lru_cache(maxsize=512)
def _spellings(field: Field) -> Mapping[str, str]:
    return {
        normalise(text): value.code
        for value in field.values
        for text in (value.code, value.label.zh, value.label.en, *value.aliases)
    }


def natural_key(dataset: Dataset, values: Mapping[str, StoredValue]) -> str:
    """The one of `natural_keys` for one record."""
    return natural_keys(dataset, {name: (value,) for name, value in values.items()}, 1)[0].decode()


def natural_keys(
    dataset: Dataset, columns: Mapping[str, Sequence[StoredValue]], count: int
) -> Sequence[bytes]:
    """Canonical texts of the natural keys of a number of records; empty for profiles.

    Texts are compared without regard to width, case, spaces and the kind of brackets and dashes, so 〔2026〕 equals
    (2026) and ［2026］: whoever writes a document number otherwise names no other document.

    Args:
        dataset: of the records.
        columns: their stored values by field name, one for each record.
        count: how many records there are.
    """
    if not dataset.natural_key:
        return [b""] * count
    nothing = [None] * count
    parts = [_spelt_all(columns.get(name, nothing)) for name in dataset.natural_key]
    return list(map(orjson.dumps, zip(*parts, strict=True)))


def _spelt_all(values: Sequence[StoredValue]) -> Sequence[StoredValue]:
    """Values of a key as they are compared; texts in which only brackets can differ are read all at once."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        text = "\n".join(texts)
        if text.count("\n") == len(values) - 1 and _NORMAL_TEXTS.fullmatch(text):
            for other, one in _SAME_SIGNS:
                if other in text:
                    text = text.replace(other, one)
            return text.split("\n")
    return [_spelt(value) if isinstance(value, str) else value for value in values]


@lru_cache(maxsize=4096)
def _spelt(text: str) -> str:
    """A text of a key as it is compared; periods, kinds and authorities repeat."""
    return normalise(text).translate(_SAME)


def _date(cell: Cell) -> str:
    return read_date(cell).isoformat()


def _open_date(cell: Cell) -> str | None:
    day = read_open_date(cell)
    return day.isoformat() if day else None


_Reader = Callable[[Field, Cell, date, bool], StoredValue]
_READERS: Mapping[FieldType, _Reader] = {
    FieldType.USCC: _identifier,
    FieldType.RESIDENT_ID: _identifier,
    FieldType.DATE: lambda field, cell, today, demo: _date(cell),
    FieldType.OPEN_DATE: lambda field, cell, today, demo: _open_date(cell),
    FieldType.MONTH: lambda field, cell, today, demo: read_month(cell),
    FieldType.ENUM: lambda field, cell, today, demo: _code(field, cell_text(cell)),
    FieldType.ENUM_LIST: lambda field, cell, today, demo: _list(field, cell),
    FieldType.TEXT_LIST: lambda field, cell, today, demo: _list(field, cell),
    FieldType.TEXT: lambda field, cell, today, demo: read_text(cell, max_length=field.max_length) or None,
    FieldType.MONEY: lambda field, cell, today, demo: read_money(cell, unit=field.unit),
    FieldType.INTEGER: lambda field, cell, today, demo: read_integer(cell, unit=field.unit),
    FieldType.DECIMAL: lambda field, cell, today, demo: decimal_string(read_decimal(cell, unit=field.unit)),
    FieldType.BOOLEAN: lambda field, cell, today, demo: read_boolean(cell),
}
"""How a cell of each type is read."""
