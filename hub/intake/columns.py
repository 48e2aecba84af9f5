"""The mapped columns of a file, with what their cells said lately: authorities, dates and codes repeat.

Rules
- A short cell that was read once says the same again; everything is forgotten when there is too much.
- A column whose cells hardly ever repeat (document numbers) stops remembering.
- What is wrong with a cell, or whether it says nothing, is never remembered: that is asked anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from hub.catalog.types import Field
from hub.catalog.values import StoredValue, is_missing, plain_column_reader, plain_reader, read_value
from hub.errors import ValueFormatError

_SHORT = 64
_REMEMBERED = 4_000
_WORTH = 1.25
"""Rows for one new value in a column whose values are worth remembering."""


_FEW = 4
"""Cells for one distinct text from which on it is quicker to remember than to read."""


class Sign:
    """What a cell is read as when it gives no value to be stored."""


OPEN: Final = Sign()
"""An open end."""
ODD: Final = Sign()
"""A cell that calls for a second look: it says something wrong, or nothing in other words than no text."""

Found = StoredValue | Sign
"""A value, `OPEN`, `ODD`, or None for an empty cell."""


class Column:
    """One mapped column."""

    __slots__ = (
        "_demo",
        "_forgotten_at",
        "_get",
        "_plain",
        "_plain_all",
        "_today",
        "_unique",
        "field",
        "header",
        "known",
        "name",
        "odd",
        "opens",
        "position",
        "row",
    )

    def __init__(self, position: int, header: str, field: Field, *, today: date, demo: bool) -> None:
        """Begin with nothing remembered.

        Args:
            position: from 0.
            header: its text in the file.
            field: what it holds.
            today: bounds birth dates.
            demo: whether synthetic identifiers are accepted.
        """
        self.position = position
        self.header = header
        self.field = field
        self.name = field.name
        self.known: dict[str, Found] = _Known(self._new)
        self._get = self.known.__getitem__
        self.row = 0
        """Number of the row that is being read, or of the last one of those that are."""
        self.odd = False
        """Whether a cell of the last `read` was odd."""
        self.opens = False
        """Whether any cell so far was an open end."""
        self._today = today
        self._demo = demo
        self._plain: Callable[[str], StoredValue] = plain_reader(field, demo=demo)
        self._plain_all = plain_column_reader(field)
        self._forgotten_at = 0
        self._unique = False
        self._forget()

    def read(self, cells: Sequence[str], last_row: int) -> Sequence[Found]:
        """What the cells of a number of rows say, the last of which has the number `last_row`."""
        self.row, self.odd = last_row, False
        if self._plain_all is not None and len(set(cells)) * _FEW > len(cells):
            plain = self._plain_all(cells)
            if plain is not None:
                return plain
        return list(map(self._get, cells))

    def remember(self, cell: str, value: Found) -> None:
        """Keep what a short cell says."""
        self.opens = self.opens or value is OPEN
        if self._unique or len(cell) > _SHORT:
            return
        if len(self.known) > _REMEMBERED:
            self._unique = self.row - self._forgotten_at < _REMEMBERED * _WORTH
            self._forgotten_at = self.row
            self._forget()
        self.known[cell] = value

    def _forget(self) -> None:
        self.known.clear()
        self.known[""] = None

    def _new(self, cell: str) -> Found:
        """A cell that is not remembered."""
        value: Found = self._plain(cell)
        if value is not None:
            if not self._unique:
                self.remember(cell, value)
            return value
        value = self._read(cell)
        if value is ODD:
            self.odd = True
        else:
            self.remember(cell, value)
        return value

    def _read(self, cell: str) -> Found:
        try:
            value = read_value(self.field, cell, today=self._today, demo=self._demo)
        except ValueFormatError:
            return ODD
        if value is not None:
            return value
        return ODD if is_missing(self.field, cell) else OPEN


class _Known(dict[str, Found]):
    """What cells say; asks for what it does not have."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[str], Found]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, cell: str) -> Found:
        return self._ask(cell)
