"""Rows with their ids: what a merge needs of them that no database has to say.

"Content" is what a row says and what follows from it (values, severity, publication window), under a keyed hash.
Who sent it, when and in which edition of the catalogue is not content, so a repetition is recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from orjson import OPT_SORT_KEYS, dumps

from hub.catalog.types import Dataset
from hub.catalog.values import natural_key
from hub.intake.rows import ValidRow
from hub.keys.index import Indexer


class Keyed(NamedTuple):
    """A row with its ids; they are empty as long as only an organisation code says whose it is."""

    row: ValidRow
    subject_id: bytes
    record_id: bytes
    content_hash: bytes
    values: bytes
    """Its values in canonical JSON."""


class Keyer:
    """Gives the rows of one dataset their ids."""

    def __init__(self, dataset: Dataset, indexer: Indexer) -> None:
        """Set up for a dataset, with the ring's keyed hashes."""
        self._dataset = dataset
        self._indexer = indexer

    def all(self, rows: Sequence[ValidRow]) -> list[Keyed]:
        """Each of the rows, in their order."""
        ids: dict[tuple[str, str], bytes] = {}
        found: list[Keyed] = []
        for row in rows:
            who = row.subject.kind, row.subject.identifier
            subject_id = ids.get(who)
            if subject_id is None:
                subject_id = ids[who] = self._indexer.subject_id(*who) if who[1] else b""
            found.append(self.one(row, subject_id) if subject_id else Keyed(row, b"", b"", b"", b""))
        return found

    def one(self, row: ValidRow, subject_id: bytes) -> Keyed:
        """A row of this subject."""
        key = natural_key(self._dataset, row.values).encode()
        record_id = self._indexer.record_id(subject_id, self._dataset.id, key)
        values = dumps(row.values, option=OPT_SORT_KEYS)
        content_hash = self._indexer.content_hash(record_id, _content(row, values))
        return Keyed(row, subject_id, record_id, content_hash, values)


def _content(row: ValidRow, values: bytes) -> bytes:
    """What a row says, its values being in canonical JSON, and what follows from it."""
    return b"[%b,%b]" % (
        values,
        _derived(row.severity, row.severity_source, row.visible_from, row.visible_until),
    )


@lru_cache(maxsize=4096)
def _derived(*parts: str | date | None) -> bytes:
    return dumps(parts)
