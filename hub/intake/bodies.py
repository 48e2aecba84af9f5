"""What a record stores of its values, made for many rows at once and column by column.

Open values become one JSON text, names in the order of their code points; of every other value there is a JSON text
of its own, to be sealed alone. Equal values give equal texts, so the texts are what the content hash is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from orjson import OPT_INDENT_2, dumps

from hub.catalog.types import Dataset, FieldType, SubjectKind
from hub.intake.rows import Columns

Body: TypeAlias = "tuple[bytes, Mapping[str, bytes]]"
"""Open values by field name in JSON, and the JSON of each value that is to be sealed by field name."""
_LISTS = (FieldType.ENUM_LIST, FieldType.TEXT_LIST)
_NOTHING: Mapping[str, bytes] = {}
_PREFIX = "f_"
"""Makes an attribute's name of a field's, whatever that is."""
_OPEN, _BETWEEN, _CLOSE = b"[\n  ", b",\n  ", b"\n]"
"""Of a list in indented JSON; no line feed is in a text of it."""
_encode = msgspec.json.Encoder().encode


class BodyWriter:
    """Writes the values of records of one dataset about one kind of subject."""

    def __init__(self, dataset: Dataset, kind: SubjectKind) -> None:
        names = sorted(field.name for field in dataset.fields)
        self.sealed = tuple(name for name in names if dataset.by_name[name].is_sealed(kind))
        """Names of the fields that are sealed."""
        self._open = tuple(name for name in names if name not in self.sealed)
        self._names = frozenset(names)
        self._lists = frozenset(field.name for field in dataset.fields if field.type in _LISTS)
        self._shape = _shape(self._open)

    def all(self, columns: Columns, count: int) -> list[Body]:
        """The body of each row.

        Args:
            columns: the values of the rows.
            count: how many rows there are.

        Raises:
            ValueError: when a column is no field of the dataset.
        """
        if not columns.keys() <= self._names:
            raise ValueError(f"no fields of the dataset: {sorted(columns.keys() - self._names)}")
        nothing = [None] * count
        shown = map(self._shape, *(columns.get(name, nothing) for name in self._open))
        return list(zip(map(_encode, shown), self._hidden(columns, count), strict=True))

    def _hidden(self, columns: Columns, count: int) -> Sequence[Mapping[str, bytes]]:
        names: list[str] = []
        texts: list[Sequence[bytes]] = []
        gaps = False
        for name in self.sealed:
            values = columns.get(name)
            missing = count if values is None else values.count(None)
            if values is not None and missing < count:
                names.append(name)
                texts.append(list(map(dumps, values)) if name in self._lists else _each(values))
                gaps = gaps or missing > 0
        if not names:
            return [_NOTHING] * count
        rows = zip(*texts, strict=True)
        if gaps:
            return [{n: v for n, v in zip(names, row) if v != b"null"} for row in rows]  # noqa: B905 - one of each
        return [dict(zip(names, row)) for row in rows]  # noqa: B905


@lru_cache(maxsize=256)
def _shape(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Objects with these values, written without those that are None; one for all writers of a dataset."""
    fields = [(_PREFIX + name, Any, None) for name in names]
    rename = {_PREFIX + name: name for name in names}
    return msgspec.defstruct("Open", fields, rename=rename, omit_defaults=True, gc=False)


def _each(values: Sequence[Any]) -> list[bytes]:
    """JSON of each value, none of which is a list: written as one list, in which an indent stands before each."""
    return dumps(values, option=OPT_INDENT_2)[len(_OPEN) : -len(_CLOSE)].split(_BETWEEN)
