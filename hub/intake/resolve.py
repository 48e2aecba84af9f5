"""Whose a row is that carries legacy codes or only a name.

Rules
- Every legacy code of the row is looked up by its keyed hash. All that are known must lead to one subject.
- A code that leads to a subject which was merged into another leads to that other one, as long as the merge is in
  force (`hub.intake.subject_merges`).
- A name leads somewhere only where a person has matched this spelling of this source before; else the row waits
  for the review of names. Nothing is decided by likeness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hub.intake.lineage import LEGACY_CODE, SPELLING
from hub.intake.names import normal
from hub.intake.rows import ValidRow
from hub.keys.index import Indexer
from hub.model.identifiers import LegacyKind

SPELLING_SCHEME = "spelling"
REVIEWED = frozenset(("NAME_IN_REVIEW", "UNKNOWN_ORGANIZATION_CODE", "UNKNOWN_LEGACY_CODE"))
"""Faults of rows that go to the review of names when they have a name."""
_LOOK_UP = """
SELECT a.alias_hash, coalesce(r.winning_id, a.subject_id), coalesce(r.merge_id, '')
FROM subject_alias a LEFT JOIN subject_redirect r ON r.subject_id = a.subject_id
WHERE a.alias_hash = ANY($1::bytea[])
"""


class Resolved(NamedTuple):
    """Whose a row is, or the code of the fault why that is not known."""

    subject_id: bytes
    mark: str
    reference: str
    fault: str | None


def spelling_hash(indexer: Indexer, source_unit: str, name: str) -> bytes:
    """The keyed hash of a source's spelling of a name."""
    return indexer.alias_hash(SPELLING_SCHEME, f"{source_unit}:{normal(name)}")


async def resolve(
    connection: Any, indexer: Indexer, source_unit: str, rows: Sequence[ValidRow]
) -> list[Resolved]:
    """Whose rows are that have no identifier, in their order, in one query."""
    codes = [[indexer.alias_hash(*alias) for alias in row.subject.aliases] for row in rows]
    names = [
        spelling_hash(indexer, source_unit, row.subject.name) if row.subject.name else b"" for row in rows
    ]
    wanted = list({*filter(None, names), *(h for hashes in codes for h in hashes)})
    known = {h: (i, m) for h, i, m in await connection.fetch(_LOOK_UP, wanted)}
    return [
        _resolved(row, [known[h] for h in hashes if h in known], known.get(name))
        for row, hashes, name in zip(rows, codes, names, strict=True)
    ]


def _resolved(
    row: ValidRow, by_code: Sequence[tuple[bytes, str]], by_name: tuple[bytes, str] | None
) -> Resolved:
    if len({subject_id for subject_id, _ in by_code}) > 1:
        return Resolved(b"", "", "", "CODES_DISAGREE")
    if by_code:
        merges = sorted({merge for _, merge in by_code})
        return Resolved(by_code[0][0], LEGACY_CODE, merges[-1], None)
    if by_name is not None:
        return Resolved(by_name[0], SPELLING, by_name[1], None)
    return Resolved(b"", "", "", _unknown(row))


def _unknown(row: ValidRow) -> str:
    schemes = {scheme for scheme, _ in row.subject.aliases}
    if LegacyKind.ORGANIZATION_CODE in schemes:
        return "UNKNOWN_ORGANIZATION_CODE"
    return "UNKNOWN_LEGACY_CODE" if schemes else "NAME_IN_REVIEW"
