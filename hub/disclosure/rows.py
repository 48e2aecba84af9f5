"""One stored record on its way out: a list of the values that the plan shows, sealed ones opened.

Decoding skips every other field of the stored JSON, which is most of a wide record; what is not shown is not
even turned into an object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import Any

import msgspec
import orjson

from hub.disclosure.marks import read_marks
from hub.keys.sealing import ID_BYTES, DataKey, aad_head, aad_prefix

Row = list[Any]
"""Record id, event date, number of values opened, marks (None: it has none), then the values of the fields that are
shown, in stored form: those stored in clear from the front, those stored sealed from the back."""
RECORD_ID, EVENT_DATE, OPENED, MARKS, FIRST = range(5)
"""Places in a row; the fields stored in clear begin at `FIRST`."""
_PREFIX = "f_"


@dataclass
class Shown:
    """The fields of one slot that its leaves need, in the order in which they were asked for."""

    clear: list[str] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)
    statement_beside: frozenset[str] | None = None
    """Fields that the caller sees in clear, if statements on the records are asked for; None: they are not."""

    def place(self, name: str, *, sealed: bool) -> int:
        """The place of a field in the rows of the slot; counted from the back where it is negative."""
        names = self.sealed if sealed else self.clear
        if name not in names:
            names.append(name)
        return -1 - names.index(name) if sealed else FIRST + names.index(name)


LOOKED_AHEAD: Row = [b"", date.min, 0, None]
"""Stands for a row that was read only to know that it is there."""


class SlotReader:
    """Decodes the records of one read of one dataset."""

    __slots__ = (
        "_beside", "_clear", "_clear_of", "_dataset", "_head", "_names", "_sealed", "_sealed_of", "blank",
    )  # fmt: skip

    def __init__(self, dataset: str, shown: Shown) -> None:
        """Set up for the fields that are shown.

        Args:
            dataset: id of the dataset.
            shown: the fields; complete.
        """
        sealed = shown.sealed[::-1]
        self._dataset, self._beside = dataset, shown.statement_beside
        self._head = aad_head(dataset, 1)
        self._names = [name.encode() for name in sealed]
        self._clear, self._clear_of = _decoder(shown.clear), _values(shown.clear)
        self._sealed, self._sealed_of = _decoder(sealed), _values(sealed)
        self.blank: Row = [b"", date.min, 0, None, *[None for _ in (*shown.clear, *sealed)]]
        """Stands for a record that does not exist: every field of it is null."""

    def read(
        self,
        key: DataKey,
        subject_id: bytes,
        record_id: bytes,
        version: int,
        event_date: date,
        clear: str,
        sealed: str,
    ) -> Row:
        """The record of a database row, with every sealed field that is shown opened.

        Raises:
            SealError: when a sealed value does not open.
        """
        row: Row = [record_id, event_date, 0, None]
        row += self._clear_of(self._clear(clear))
        if not self._names:
            return row
        if version == 1 and len(record_id) == ID_BYTES == len(subject_id):
            prefix = b"".join((self._head[0], subject_id, self._head[1], record_id))
        else:
            prefix = aad_prefix(subject_id, self._dataset, record_id, version)
        unseal, opened = key.unseal, 0
        for name, token in zip(self._names, self._sealed_of(self._sealed(sealed)), strict=False):
            if token is None:
                row.append(None)
            else:
                row.append(orjson.loads(unseal(prefix + name, token)))
                opened += 1
        row[OPENED] = opened
        return row

    def mark(self, row: Row, key: DataKey, subject_id: bytes, stored: str) -> None:
        """Put a record's marks into its row, its statement opened if it is asked for and may show.

        Raises:
            SealError: when a statement does not open.
        """
        row[MARKS], opened = read_marks(
            stored, key, (subject_id, self._dataset, row[RECORD_ID]), self._beside
        )
        row[OPENED] += opened


def _decoder(names: list[str]) -> Callable[[str], Any]:
    fields = [(_PREFIX + name, Any, None) for name in names]
    shape = msgspec.defstruct("Stored", fields, rename={_PREFIX + name: name for name in names}, gc=False)
    return msgspec.json.Decoder(shape).decode


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda _stored: ()
    get: Callable[[Any], Any] = attrgetter(*[_PREFIX + name for name in names])
    return get if len(names) > 1 else lambda stored: (get(stored),)
