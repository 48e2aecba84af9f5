"""Rows of organisations without a usable code, kept for a person to say whose they are.

Rules
- Nothing is matched automatically, and persons never come here: their rows are refused.
- A row is kept sealed under a key of its own, which is destroyed with the decision. The same row again is the same
  case; one that was rejected is not opened again.
- Candidates are found when the list is read, by the registered names of that moment, each with score and reason.
- Accepting remembers the spelling for this source, under a keyed hash, and sends the row through the merge that
  every row goes through; the next row with this spelling goes the same way. One transaction with its entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from hub.catalog.types import Dataset, SubjectKind
from hub.intake.name_index import Candidate
from hub.intake.rows import Origin, RowShape, SubjectRef, ValidRow
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer, subject_aad

_FIELD = "row"
_ADD = """
INSERT INTO match_case (case_id, dataset, source_unit, batch_id, batch_row, state, opened_at, kek_id,
                        wrapped_key, sealed)
SELECT u.id, $2, $3, $4, u.number, 'OPEN', $5, u.kek, u.wrapped, u.sealed
FROM unnest($1::bytea[], $6::int[], $7::text[], $8::bytea[], $9::text[]) AS u (id, number, kek, wrapped, sealed)
ON CONFLICT (case_id) DO NOTHING
"""


class CaseState(StrEnum):
    """What became of a case."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class MatchCase:
    """A row that waits for a person."""

    case_id: bytes
    dataset: str
    source_unit: str
    batch_id: str
    row: int
    """Row number in its file."""
    opened_at: datetime
    name: str
    """As the source wrote it."""
    candidates: tuple[Candidate, ...]


async def enqueue(
    connection: Any, indexer: Indexer, sealer: Sealer, origin: Origin, rows: Sequence[ValidRow]
) -> None:
    """Keep rows that have a name; inside the transaction of their chunk."""
    kept = []
    for row in rows:
        if row.subject.name:
            content = _content(row)
            case_id = indexer.content_hash(
                b"match", f"{origin.source_unit}:{origin.dataset.id}:".encode() + content
            )[:16]
            kek_id, wrapped, key = sealer.make_data_key(case_id)
            kept.append(
                (case_id, row.number, kek_id, wrapped, key.seal(subject_aad(case_id, _FIELD), content))
            )
    if not kept:
        return
    kept.sort()
    ids, *rest = (list(column) for column in zip(*kept, strict=True))
    unit, batch, now = origin.source_unit, origin.batch_id, origin.received_at
    await connection.execute(_ADD, ids, origin.dataset.id, unit, batch, now, *rest)


def unseal_row(
    sealer: Sealer, case_id: bytes, kek_id: str, wrapped: bytes, sealed: str
) -> tuple[str, dict[str, Any], list[list[str]]]:
    """Name, stored values and legacy codes of a kept row.

    Raises:
        SealError: when it was altered.
    """
    key = sealer.open_data_key(case_id, kek_id, wrapped)
    name, values, aliases = orjson.loads(key.unseal(subject_aad(case_id, _FIELD), sealed))
    return name, values, aliases


def rebuilt(
    dataset: Dataset, number: int, name: str, values: dict[str, Any], aliases: Sequence[Sequence[str]]
) -> ValidRow:
    """A kept row, as the checks had left it."""
    codes = tuple((scheme, code) for scheme, code in aliases)
    return RowShape(dataset).row(SubjectRef(SubjectKind.ORG, "", codes, name=name), values, number)


def _content(row: ValidRow) -> bytes:
    return orjson.dumps([row.subject.name, row.values, row.subject.aliases], option=orjson.OPT_SORT_KEYS)
