"""One stored record on its way out: only the fields a plan shows are decoded, and sealed ones opened on demand.

Decoding skips every other field of the stored JSON, which is most of a wide record; what is not shown is not
even turned into an object.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from hub.keys.sealing import DataKey, aad_prefix

ABSENT = "absent"
"""Attribute of every decoded record that is always None; stands where nothing is shown."""
_PREFIX = "f_"
_NO_FIELD = "-"
"""Stored name of `ABSENT`: none that a catalogue field could have, so that nothing stored ever fills it."""


def attribute(name: str) -> str:
    """Attribute under which a decoded record holds a catalogue field."""
    return _PREFIX + name


class SlotReader:
    """Decodes the records of one read of one dataset."""

    __slots__ = ("_clear", "_sealed", "dataset")

    def __init__(self, dataset: str, clear: Iterable[str], sealed: Iterable[str]) -> None:
        """Set up for the fields that are shown.

        Args:
            dataset: id of the dataset.
            clear: names of fields that are stored in clear.
            sealed: names of fields that are stored sealed.
        """
        self.dataset = dataset
        self._clear = _decoder(sorted(set(clear)))
        self._sealed = _decoder(sorted(set(sealed)))

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
        """The record of a database row."""
        row = Row()
        row.record_id = record_id
        row.version = version
        row.event_date = event_date
        row.opened = 0
        row.clear = self._clear.decode(clear) if self._clear is not None else _NOTHING
        if self._sealed is not None:
            row.sealed = self._sealed.decode(sealed)
            row.unseal = key.unseal
            row.prefix = aad_prefix(subject_id, self.dataset, record_id, version)
        return row


class Row:
    """A decoded record; `unseal`, `sealed` and `prefix` are there only where the plan shows sealed fields."""

    __slots__ = ("clear", "event_date", "opened", "prefix", "record_id", "sealed", "unseal", "version")

    record_id: bytes
    version: int
    event_date: date
    opened: int
    """How many sealed fields were opened."""
    clear: Any
    sealed: Any
    unseal: Any
    """`DataKey.unseal` of the subject's key."""
    prefix: bytes
    """Additional data of this version of the record; a field's name completes it."""


LOOKED_AHEAD = Row()
"""Stands for a row that was read only to know that it is there."""


def _decoder(names: list[str]) -> msgspec.json.Decoder[Any] | None:
    if not names:
        return None
    fields = [(attribute(name), Any, None) for name in names]
    shape = msgspec.defstruct(
        "Stored",
        [*fields, (ABSENT, Any, None)],
        rename={ABSENT: _NO_FIELD, **{attribute(name): name for name in names}},
        gc=False,
    )
    return msgspec.json.Decoder(shape)


class _Nothing(msgspec.Struct):
    absent: None = None


_NOTHING = _Nothing()
