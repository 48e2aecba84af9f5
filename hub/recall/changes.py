"""Which fields a correction changed, so that it is told to nobody who could not see them.

A reader that never saw a field must not learn that it was corrected. Sealed values are opened, compared and
forgotten: every version seals them anew, so their ciphertexts always differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import asyncpg
import orjson

from hub.keys.cache import DataKeyCache
from hub.keys.sealing import DataKey, aad

_VERSIONS = """
SELECT version, clear, sealed FROM record_history
WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND version >= $4
UNION ALL
SELECT version, clear, sealed FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3
ORDER BY version
"""
_KEY = "SELECT kek_id, wrapped_key FROM subject WHERE subject_id = $1"


class Changes(NamedTuple):
    """What versions of a record changed."""

    fields: frozenset[str]
    opened: int
    """How many sealed values were opened, to be compared."""


async def changed_fields(
    connection: asyncpg.Connection,
    keys: DataKeyCache,
    subject_id: bytes,
    dataset: str,
    record_id: bytes,
    since: int,
) -> Changes:
    """Names of the fields whose value one of the versions from `since` on changed, the current one included.

    Raises:
        SealError: when a sealed value does not open.
    """
    rows = await connection.fetch(_VERSIONS, subject_id, dataset, record_id, since)
    if len(rows) < 2:
        return Changes(frozenset(), 0)
    subject = await connection.fetchrow(_KEY, subject_id)
    key = keys.open(subject_id, subject["kek_id"], subject["wrapped_key"])
    values = [_values(row, key, subject_id, dataset, record_id) for row in rows]
    changed = frozenset(
        name
        for old, new in pairwise(values)
        for name in old.keys() | new.keys()
        if old.get(name) != new.get(name)
    )
    return Changes(changed, sum(len(orjson.loads(row["sealed"])) for row in rows))


def _values(row: Any, key: DataKey, subject_id: bytes, dataset: str, record_id: bytes) -> Mapping[str, Any]:
    sealed = {
        name: orjson.loads(key.unseal(aad(subject_id, dataset, record_id, row["version"], name), token))
        for name, token in orjson.loads(row["sealed"]).items()
    }
    return {**orjson.loads(row["clear"]), **sealed}
