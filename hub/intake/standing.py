"""What stands on a record and is not undone by a correction of it.

- A repair that was taken back began the clock of publication anew. A correction keeps that clock: the record is
  shown as long as from that day on, by the severity that it has now.
- A statement of the subject shows to whoever sees the values that it quotes. When a correction brings a value that the
  statement names already, its field counts among them from the same commit on; what it quoted before stays, too.

Corrections are few, and few of them meet either, so both are asked of the database and hold no state here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hub.clock import civil_date
from hub.disclosure.marks import PUT_MARKS, MarkKind, statement_aad
from hub.intake.severity import Severity, last_shown
from hub.intake.store import Connection, RecordRow
from hub.keys.sealing import DataKey
from hub.model.quotes import hidden_in, quoted

_DAY = timedelta(days=1)
_TAKEN_BACK = """
SELECT r.record_id, r.severity, r.visible_until, max(c.revoked_at) AS since
FROM unnest($1::bytea[], $2::bytea[]) AS u (subject_id, record_id)
JOIN lifecycle_case c ON c.subject_id = u.subject_id AND c.dataset = $3 AND c.record_id = u.record_id
JOIN record r ON r.subject_id = u.subject_id AND r.dataset = $3 AND r.record_id = u.record_id
WHERE c.revoked_at IS NOT NULL GROUP BY r.record_id, r.severity, r.visible_until
"""
_STATEMENTS = f"""
SELECT m.subject_id, m.record_id, m.mark_id, m.quotes, m.sealed
FROM unnest($1::bytea[], $2::bytea[]) AS u (subject_id, record_id)
JOIN record_mark m ON m.subject_id = u.subject_id AND m.dataset = $3 AND m.record_id = u.record_id
WHERE m.kind = '{MarkKind.STATEMENT}' AND m.ended_at IS NULL
"""  # noqa: S608
_QUOTE = "UPDATE record_mark SET quotes = $3 WHERE subject_id = $1 AND mark_id = $2"


class Corrected(NamedTuple):
    """What a record says from now on."""

    values: Mapping[str, Any]
    """In stored form, before sealing."""
    hidden: Iterable[str]
    """Fields that are stored sealed."""
    key: DataKey
    """Of its subject."""


async def keep_clocks(connection: Connection, dataset: str, rows: Sequence[RecordRow]) -> list[RecordRow]:
    """The next versions of records, with the clock that a repair taken back has begun.

    Args:
        connection: in the transaction of their chunk, before they take their place.
        dataset: of all of them.
        rows: next versions.
    """
    found = await connection.fetch(_TAKEN_BACK, *_places(rows), dataset) if rows else ()
    begun = {row["record_id"]: row for row in found}
    return [_kept(row, begun[row.record_id]) if row.record_id in begun else row for row in rows]


def _kept(row: RecordRow, old: Any) -> RecordRow:
    if row.visible_until is None or row.severity is None:
        return row
    until = _restarted(row.severity, old["since"])
    if row.severity == old["severity"] and old["visible_until"] is not None:
        until = old["visible_until"]  # by the clocks in force when it was taken back
    return row._replace(visible_until=max(row.visible_until, until))


def _restarted(severity: str, since: datetime) -> Any:
    return last_shown(civil_date(since), Severity(severity)) + _DAY


async def keep_statements(
    connection: Connection, dataset: str, rows: Sequence[RecordRow], corrected: Mapping[bytes, Corrected]
) -> None:
    """Note what statements on corrected records quote now.

    Args:
        connection: in the transaction of their chunk, after they took their place, so that none is set meanwhile.
        dataset: of all of them.
        rows: the versions that took their place.
        corrected: what they say, by record id.

    Raises:
        SealError: when a statement does not open.
    """
    for mark in await connection.fetch(_STATEMENTS, *_places(rows), dataset) if rows else ():
        place = (mark["subject_id"], dataset, mark["record_id"])
        says = corrected[mark["record_id"]]
        text = says.key.unseal(statement_aad(place, mark["mark_id"]), mark["sealed"]).decode()
        sealed = {name for name in says.hidden if name in says.values}
        known = set(mark["quotes"] or ())
        quotes = known | quoted(text, {n: v for n, v in says.values.items() if n not in sealed})
        quotes |= {name for name in sealed if hidden_in(text, {name: says.values[name]})}
        if quotes != known:
            await connection.execute(_QUOTE, mark["subject_id"], mark["mark_id"], sorted(quotes))
            await connection.execute(PUT_MARKS, *place)


def _places(rows: Sequence[RecordRow]) -> tuple[list[bytes], list[bytes]]:
    return [row.subject_id for row in rows], [row.record_id for row in rows]
