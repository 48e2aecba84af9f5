"""Marks in the lineage of records whose subject was not found by its own valid code.

LEGACY_CODE by a legacy code alone; SPELLING by a name that a person had matched for this source; CHECKSUM_OVERRIDE
by a code with a wrong check character that is known to exist. The reference names the merge of subjects that a
legacy code went through, so that undoing the merge can say which records are concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

LEGACY_CODE = "LEGACY_CODE"
SPELLING = "SPELLING"
CHECKSUM_OVERRIDE = "CHECKSUM_OVERRIDE"
_ADD = """
INSERT INTO record_lineage (subject_id, dataset, record_id, version, mark, reference)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::int[], $5::text[], $6::text[]) ON CONFLICT DO NOTHING
"""
_COUNT = "SELECT count(DISTINCT (subject_id, dataset, record_id)) FROM record_lineage WHERE reference = $1"


class Mark(NamedTuple):
    """A mark of one version of a record."""

    subject_id: bytes
    dataset: str
    record_id: bytes
    version: int
    mark: str
    reference: str


async def add_marks(connection: Any, marks: Sequence[Mark]) -> None:
    """Add marks; inside the transaction that stores the records."""
    if marks:
        await connection.execute(_ADD, *(list(column) for column in zip(*marks, strict=True)))


async def count_by_reference(connection: Any, reference: str) -> int:
    """How many records came by what a reference names."""
    found: int = await connection.fetchval(_COUNT, reference)
    return found
