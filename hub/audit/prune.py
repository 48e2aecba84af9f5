"""Taking out the bodies of a whole month whose time is over.

- Only of kinds that `policies/retention.toml` gives a term, and only when that term is over for the whole month.
- Only what stands in an archive: its line is held against the leaf hash and the columns of each entry. The caller has
  verified the archive as a whole before.
- Nothing under hold, and no entry of an administrative act. A hold whose entry stands before `audit.prune` counts: one
  that is placed while the month is gone through leaves the month as it was.
- The bodies go in the same transaction as the entry `audit.prune` (`hub.audit.pruned`), which names month, rule,
  archive and digests. Leaf hashes and columns stay, so every proof still holds.

Sources: PIPL article 19 (kept no longer than needed), article 47 (erased when the term of storage has ended).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg

from hub.audit.columns import column_digest, columns_agree
from hub.audit.entry import Kind
from hub.audit.holds import Held
from hub.audit.log import AuditLog
from hub.audit.merkle import leaf_hash
from hub.audit.months import Progress, end_of, last_expired
from hub.audit.offline_archive import GONE, Month, read_lines
from hub.audit.pruned import PRUNE, as_ranges, blocks_of
from hub.audit.withhold import EntryOf
from hub.clock import to_millis
from hub.errors import IntegrityError, UnavailableError
from hub.policies.retention import Term
from hub.store.database import Database

_ROWS = """
SELECT idx, leaf_hash, body IS NULL AS gone, at, kind, caller, purpose, outcome, subjects, entry_id
FROM log_entry WHERE log_id = 0 AND idx >= $1 AND idx < $2 ORDER BY idx
"""
_TAKE_OUT = "UPDATE log_entry SET body = NULL WHERE log_id = 0 AND idx = ANY($1::bigint[])"
_POINT = "INSERT INTO log_pruning (log_id, act) VALUES (0, $1)"


@dataclass(slots=True)
class MonthPruned:
    """What came of a month, or would."""

    name: str
    taken: int = 0
    """Bodies taken out."""
    held: int = 0
    """Entries whose time is over, kept because a hold covers them."""
    act: int | None = None
    """Index of the entry that says so; None: nothing was done."""
    spared: list[int] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """The archive that holds what goes."""

    folder: Path
    manifest: str
    """SHA-256 of its manifest, hex."""


def expired_kinds(terms: Mapping[str, Term], now: datetime, month: str) -> tuple[str, ...]:
    """The kinds of entries whose term is over for a whole civil month."""
    over = [term for term in terms.values() if month <= last_expired(now, term.months)]
    return tuple(sorted({kind for term in over for kind in term.kinds} - {Kind.ADMIN.value}))


async def prune_month(
    database: Database,
    log: AuditLog,
    entry_of: EntryOf,
    source: Source,
    month: Month,
    kinds: Collection[str],
    progress: Progress,
    *,
    apply: bool,
) -> MonthPruned:
    """Take out the bodies of a month, or only count them.

    Args:
        database: where the log lies.
        log: takes the entry.
        entry_of: makes the entry of the act.
        source: the archive; verified.
        month: from its manifest.
        kinds: from `expired_kinds`.
        progress: told after each block.
        apply: whether it is done.

    Raises:
        IntegrityError: when the archive does not hold what the database does; nothing is changed.
        UnavailableError: when the database or the log cannot take it, or a hold was placed meanwhile; nothing is
            changed.
    """
    found = MonthPruned(month.name)
    async with database.connection() as connection, connection.transaction():
        held = await Held.read(connection)
        lines = read_lines(source.folder, month)
        for low, high in blocks_of(month.first, month.stop):
            rows = await connection.fetch(_ROWS + (" FOR UPDATE" if apply else ""), low, high)
            block = list(islice(lines, high - low))
            if [row["idx"] for row in rows] != [index for index, _ in block]:
                raise _differs(low)
            taken = _choose(rows, block, month, kinds, held, found)
            if apply and taken:
                await connection.execute(_TAKE_OUT, taken)
            progress(high - month.first, month.stop - month.first)
        if apply and found.taken:
            entry = entry_of(PRUNE, _facts(found, source, month, kinds))
            found.act = (await log.append_in(connection, [entry]))[0].index
            await connection.execute(_POINT, found.act)
            if not (await Held.read(connection)).within(held):  # the log's lock is held: no more can come
                raise _held_meanwhile()
    return found


def _choose(
    rows: list[asyncpg.Record],
    block: list[tuple[int, bytes]],
    month: Month,
    kinds: Collection[str],
    held: Held,
    found: MonthPruned,
) -> list[int]:
    """The entries of a block whose bodies go; counts them, and those that stay."""
    taken, digest, before = [], sha256(), end_of(month.name)
    for row, (index, line) in zip(rows, block, strict=True):
        _hold_against(row, line)
        if row["kind"] not in kinds or row["at"] >= before:
            continue
        under = not row["gone"] and held.covers(row)
        if row["gone"] or under:
            found.held += under
            found.spared.append(index)
        else:
            taken.append(index)
            digest.update(column_digest(row))
    found.taken += len(taken)
    found.blocks.append(digest.hexdigest())
    return taken


def _hold_against(row: Any, line: bytes) -> None:
    """The archive must hold what the log took, unless the body is gone from both or was taken out since."""
    if line == GONE:
        if not row["gone"]:
            raise _differs(row["idx"])
    elif leaf_hash(line) != row["leaf_hash"] or not columns_agree(dict(row) | {"body": line}):
        raise _differs(row["idx"])


def _facts(found: MonthPruned, source: Source, month: Month, kinds: Collection[str]) -> dict[str, Any]:
    return {
        "archive": source.manifest,
        "before": to_millis(end_of(month.name)),
        "blocks": found.blocks,
        "first": month.first,
        "held": found.held,
        "kinds": sorted(kinds),
        "month": month.name,
        "spared": as_ranges(found.spared),
        "stop": month.stop,
        "taken": found.taken,
    }


def _differs(index: int) -> IntegrityError:
    return IntegrityError(
        f"From entry {index} on, the log does not hold what the archive does; nothing was taken out.",
        hint="Run `hub audit verify`, and `hub verify` on the archive.",
        message_zh=f"自第 {index} 条起，日志与归档不一致，未清理。",
    )


def _held_meanwhile() -> UnavailableError:
    return UnavailableError(
        "A hold was placed meanwhile; nothing of this month was taken out.",
        hint="Run it again.",
        message_zh="清理期间有新的保全，本月未清理。",
    )
