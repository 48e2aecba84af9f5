"""First versions of records in the form in which `COPY` takes them, made once and handed over as they are.

The binary format of COPY: https://www.postgresql.org/docs/current/sql-copy.html (File Formats, Binary Format). Most
fields of a record are the same in a whole run or repeat from row to row, so they are encoded once; the driver would
encode each of the eighteen anew for every row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from struct import Struct
from typing import Any

from hub.intake.rows import Origin, ValidRow
from hub.keys.index import ID_BYTES

COLUMNS = (
    "subject_id", "dataset", "record_id", "version", "edition", "event_date", "severity", "severity_source",
    "state", "visible_from", "visible_until", "source_unit", "batch_id", "batch_row", "received_at",
    "content_hash", "clear", "sealed",
)  # fmt: skip
"""Columns of the table `record`, in the order of the fields here."""
FIRST_STATE = "VALID"
_FILE_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_FILE_END = b"\xff\xff"
_EPOCH = date(2000, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_NULL = b"\xff\xff\xff\xff"
_length = Struct(">i").pack
_integer = Struct(">ii").pack
_time = Struct(">iq").pack
_TOGETHER = 100
"""Records in one message."""


class RecordEncoder:
    """Encodes the new records of one run."""

    def __init__(self, origin: Origin) -> None:
        """Encode what all records of the run share."""
        dataset = origin.dataset
        since = origin.received_at - datetime(2000, 1, 1, tzinfo=UTC)
        self._dataset = _text(dataset.id) + _length(ID_BYTES)
        self._version = _integer(4, 1) + _text(dataset.edition)
        self._batch = _text(origin.source_unit) + _text(origin.batch_id)
        self._received = _time(8, since // _MICROSECOND)

    def record(
        self,
        row: ValidRow,
        ids: tuple[bytes, bytes],
        content_hash: bytes,
        clear: bytes,
        sealed: bytes,
    ) -> bytes:
        """One record.

        Args:
            row: the row it comes from.
            ids: of its subject and of itself, 16 bytes each.
            content_hash: keyed hash of its content.
            clear: open values by field name, in JSON.
            sealed: sealed values by field name, in JSON.
        """
        subject_id, record_id = ids
        return b"".join((
            _HEAD, subject_id, self._dataset, record_id, self._version,
            _standing(row.event_date, row.severity, row.severity_source, row.visible_from, row.visible_until),
            self._batch, _integer(4, row.number), self._received, _length(len(content_hash)), content_hash,
            _length(len(clear)), clear, _length(len(sealed)), sealed,
        ))  # fmt: skip


async def copy_records(connection: Any, records: Iterable[bytes]) -> None:
    """Add records from a `RecordEncoder` to the table; the database takes the first while the last are being made."""
    source = iter(records)
    first = list(islice(source, _TOGETHER))
    if first:
        await connection.copy_to_table(
            "record", source=_file(first, source), columns=COLUMNS, format="binary"
        )


async def _file(part: list[bytes], rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield _FILE_HEAD
    while part:
        yield b"".join(part)
        part = list(islice(rest, _TOGETHER))
    yield _FILE_END


@lru_cache(maxsize=4096)
def _standing(
    event: date, severity: str | None, source: str | None, first: date | None, until: date | None
) -> bytes:
    """The fields from the event's date to the end of publication; those of a run are few."""
    return _day(event) + _text(severity) + _text(source) + _STATE + _day(first) + _day(until)


def _day(day: date | None) -> bytes:
    return _NULL if day is None else _integer(4, (day - _EPOCH).days)


@lru_cache(maxsize=256)
def _text(text: str | None) -> bytes:
    if text is None:
        return _NULL
    encoded = text.encode()
    return _length(len(encoded)) + encoded


_HEAD = Struct(">h").pack(len(COLUMNS)) + _length(ID_BYTES)
_STATE = _text(FIRST_STATE)
