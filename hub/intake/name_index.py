"""Names under which organisations are or were registered (曾用名), and the index that finds them by a name.

Kept from the rows of the registration itself, in the transaction that stores them; rows of other datasets cost
nothing. A name is found by its keys (`hub.intake.names`), which is an equality in an index: at a million
organisations a look-up reads as many rows as there are near names, and at most `_MOST` of them beside as many of the
very same core, so that a name that has many neighbours is still found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from hub.intake.names import Why, key_of, keys, score

_MOST = 500
_KEEP = """
INSERT INTO organization_name (subject_id, name, first_seen, last_seen)
SELECT u.id, u.name, $3, $3 FROM unnest($1::bytea[], $2::text[]) AS u (id, name)
ON CONFLICT (subject_id, name) DO UPDATE SET last_seen = greatest(organization_name.last_seen, excluded.last_seen)
"""
_KEEP_KEYS = """
INSERT INTO organization_name_key (key, subject_id)
SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING
"""
_NEAR = """
SELECT n.subject_id, n.name, n.last_seen = max(n.last_seen) OVER (PARTITION BY n.subject_id) AS current
FROM organization_name n JOIN subject s ON s.subject_id = n.subject_id AND s.wrapped_key IS NOT NULL
WHERE n.subject_id IN (
  (SELECT subject_id FROM organization_name_key WHERE key = $3 LIMIT $2)
  UNION (SELECT subject_id FROM organization_name_key WHERE key = ANY($1::text[]) LIMIT $2))
"""
_NAMES = """
SELECT n.name, n.first_seen, n.last_seen FROM organization_name n
JOIN subject s ON s.subject_id = n.subject_id AND s.wrapped_key IS NOT NULL
WHERE n.subject_id = $1 ORDER BY n.last_seen DESC, n.name
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An organisation that a name may mean."""

    subject_id: bytes
    name: str
    """The registered name that is nearest."""
    score: int
    """0 to 100."""
    why: Why
    former: bool
    """Whether it goes by another name now."""


class RegisteredName(NamedTuple):
    """A name and when registrations first and last gave it."""

    name: str
    first_seen: datetime
    last_seen: datetime


async def keep(connection: Any, named: Sequence[tuple[bytes, str]], now: datetime) -> None:
    """Keep the names of registrations; inside the transaction that stores them."""
    named = sorted(set(named))
    if not named:
        return
    await connection.execute(_KEEP, [i for i, _ in named], [n for _, n in named], now)
    pairs = sorted({(key, i) for i, name in named for key in keys(name)})
    await connection.execute(_KEEP_KEYS, [key for key, _ in pairs], [i for _, i in pairs])


async def names_of(connection: Any, subject_id: bytes) -> list[RegisteredName]:
    """The names of an organisation, the present one first."""
    return [RegisteredName(*row) for row in await connection.fetch(_NAMES, subject_id)]


async def candidates(connection: Any, name: str, *, most: int = 5, least: int = 60) -> list[Candidate]:
    """Organisations that a name may mean, the likeliest first.

    Args:
        connection: to the database.
        name: as the source wrote it.
        most: candidates at most.
        least: lowest score.
    """
    wanted, same = sorted(keys(name)), key_of(name)
    best: dict[bytes, Candidate] = {}
    for subject_id, registered, current in (
        await connection.fetch(_NEAR, wanted, _MOST, same) if wanted else ()
    ):
        points, why = score(name, registered)
        found = Candidate(subject_id, registered, points, why, not current)
        if points >= least and (subject_id not in best or _order(found) < _order(best[subject_id])):
            best[subject_id] = found
    return sorted(best.values(), key=_order)[:most]


def _order(candidate: Candidate) -> tuple[int, bool, str, bytes]:
    return -candidate.score, candidate.former, candidate.name, candidate.subject_id
