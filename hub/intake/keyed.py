"""Rows with their ids: what a merge needs of them that no database has to say.

"Content" is what a row says and what follows from it (values, severity, publication window), under a keyed hash.
Who sent it, when and in which edition of the catalogue is not content, so a repetition is recognised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

from msgspec import Struct
from orjson import dumps

from hub.catalog.types import Dataset, SubjectKind
from hub.catalog.values import natural_keys
from hub.intake.bodies import Body, BodyWriter
from hub.intake.rows import Columns, ValidRow
from hub.keys.index import Indexer, record_place


class Keyed(Struct, frozen=True, gc=False):
    """A row with its ids; they are empty as long as only an organisation code says whose it is."""

    row: ValidRow
    subject_id: bytes
    record_id: bytes = b""
    content_hash: bytes = b""
    clear: bytes = b""
    """Its open values by field name, in JSON."""
    hidden: Mapping[str, bytes] = {}
    """JSON of each value that is to be sealed, by field name."""


class Keyer:
    """Gives the rows of one dataset their ids."""

    def __init__(self, dataset: Dataset, indexer: Indexer) -> None:
        """Set up for a dataset, with the ring's keyed hashes."""
        self._dataset = dataset
        self._indexer = indexer
        self._writers = {kind: BodyWriter(dataset, kind) for kind in SubjectKind}

    def sealed(self, kind: SubjectKind) -> Sequence[str]:
        """Names of the fields that are sealed in records about a kind of subject."""
        return self._writers[kind].sealed

    def all(self, rows: Sequence[ValidRow], columns: Columns | None = None) -> list[Keyed]:
        """Each of the rows, in their order.

        Args:
            rows: the rows.
            columns: their values column by column, where all are about organisations and somebody has them so.
        """
        if columns is not None:
            return self._alike(rows, columns)
        alike = {
            k: iter(self._alike([row for row in rows if row.subject.kind is k], None)) for k in SubjectKind
        }
        return [next(alike[row.subject.kind]) for row in rows]

    def _alike(self, rows: Sequence[ValidRow], columns: Columns | None) -> list[Keyed]:
        """Rows about one kind of subject."""
        if not rows:
            return []
        found: list[Keyed] = []
        subject, subject_id, place = None, b"", b""
        for row, key, body in zip(rows, *self._texts(rows, columns), strict=True):
            if row.subject is not subject:
                subject = row.subject
                subject_id = (
                    self._indexer.subject_id(subject.kind, subject.identifier) if subject.identifier else b""
                )
                place = record_place(subject_id, self._dataset.id)
            found.append(self._keyed(row, subject_id, place, key, body) if subject_id else Keyed(row, b""))
        return found

    def one(self, row: ValidRow, subject_id: bytes) -> Keyed:
        """A row of which it was found out that it is this subject's."""
        (key,), (body,) = self._texts((row,), None)
        return self._keyed(row, subject_id, record_place(subject_id, self._dataset.id), key, body)

    def _texts(
        self, rows: Sequence[ValidRow], columns: Columns | None
    ) -> tuple[Sequence[bytes], Sequence[Body]]:
        """Natural keys and bodies of rows about one kind of subject."""
        if columns is None:
            names = dict.fromkeys(name for row in rows for name in row.values)
            columns = {name: [row.values.get(name) for row in rows] for name in names}
        writer = self._writers[rows[0].subject.kind]
        return natural_keys(self._dataset, columns, len(rows)), writer.all(columns, len(rows))

    def _keyed(self, row: ValidRow, subject_id: bytes, place: bytes, key: bytes, body: Body) -> Keyed:
        clear, hidden = body
        record_id = self._indexer.record_id_at(place, key)
        content_hash = self._indexer.content_hash(record_id, _content(row, clear, hidden))
        return Keyed(row, subject_id, record_id, content_hash, clear, hidden)


def _content(row: ValidRow, clear: bytes, hidden: Mapping[str, bytes]) -> bytes:
    """What a row says, and what follows from it, in JSON texts a line each; no line feed is in one."""
    derived = _derived(row.severity, row.severity_source, row.visible_from, row.visible_until)
    return b"\n".join((clear, _names(*hidden), *hidden.values(), derived))


@lru_cache(maxsize=4096)
def _names(*names: str) -> bytes:
    return dumps(names)


@lru_cache(maxsize=4096)
def _derived(*parts: str | date | None) -> bytes:
    return dumps(parts)
