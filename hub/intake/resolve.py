"""Whose a row is that carries legacy codes or only a name.

Rules
- Only the registration of an organisation (the profile dataset) binds a legacy code to it: what another source
  writes beside a credit code is kept in its record and leads nowhere, or else it could claim another's code. The
  organisation code needs no binding, because it is a part of the credit code (GB 32100-2015).
- Every legacy code of the row is looked up by its keyed hash. All that are known must lead to one subject. Where
  several have one code, the registered one counts, if it is only one.
- A code that leads to a subject which was merged into another leads to that other one, as long as the merge is in
  force (`hub.intake.subject_merges`).
- A name leads somewhere only where a person has matched this spelling of this source before; else the row waits
  for the review of names. Nothing is decided by likeness.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, NamedTuple, TypeAlias

from hub.intake.lineage import LEGACY_CODE, SPELLING
from hub.intake.names import normal
from hub.intake.rows import ValidRow
from hub.keys.index import Indexer
from hub.model.identifiers import LegacyKind

SPELLING_SCHEME = "spelling"
REVIEWED = frozenset(("NAME_IN_REVIEW", "UNKNOWN_ORGANIZATION_CODE", "UNKNOWN_LEGACY_CODE"))
"""Faults of rows that go to the review of names when they have a name."""
_LOOK_UP = """
SELECT a.alias_hash, coalesce(r.winning_id, a.subject_id), coalesce(r.merge_id, ''),
  EXISTS (SELECT 1 FROM organization_name n WHERE n.subject_id = a.subject_id)
FROM subject_alias a LEFT JOIN subject_redirect r ON r.subject_id = a.subject_id
WHERE a.alias_hash = ANY($1::bytea[])
"""


_Whose: TypeAlias = "tuple[bytes, str]"
"""A subject, and the merge that leads to it, if any."""


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
    registered: dict[bytes, set[_Whose]] = {}
    others: dict[bytes, set[_Whose]] = {}
    for code, subject_id, merge, is_registered in await connection.fetch(_LOOK_UP, wanted):
        (registered if is_registered else others).setdefault(code, set()).add((subject_id, merge))
    known = others | registered
    return [
        _resolved(row, set().union(*(known.get(h, ()) for h in hashes)), known.get(name, set()))
        for row, hashes, name in zip(rows, codes, names, strict=True)
    ]


def _resolved(row: ValidRow, by_code: Set[_Whose], by_name: Set[_Whose]) -> Resolved:
    if len({subject_id for subject_id, _ in by_code}) > 1:
        return Resolved(b"", "", "", "CODES_DISAGREE")
    if by_code:
        subject_id, merge = max(by_code, key=lambda whose: whose[1])
        return Resolved(subject_id, LEGACY_CODE, merge, None)
    for subject_id, merge in by_name:
        return Resolved(subject_id, SPELLING, merge, None)
    return Resolved(b"", "", "", _unknown(row))


def _unknown(row: ValidRow) -> str:
    schemes = {scheme for scheme, _ in row.subject.aliases}
    if LegacyKind.ORGANIZATION_CODE in schemes:
        return "UNKNOWN_ORGANIZATION_CODE"
    return "UNKNOWN_LEGACY_CODE" if schemes else "NAME_IN_REVIEW"
