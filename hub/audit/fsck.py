"""`hub audit fsck`: what to look at after a crash, in seconds also for a long log.

It does not recompute every entry, as `hub audit verify` does; it looks at what a crash, a full disk, a restored backup
or a copied folder can put out of joint:

- the state row: its signature, root and right edge belong together;
- the entries: as many as it says, without a gap, none behind its end, and the newest of them as they were written;
- the tree: the stored hashes fold to the signed root (`hub.audit.nodes`), so that proofs can be made;
- the published folder: its checkpoint is signed, its tiles are the tree of it, the database continues it, and nothing
  is left over from a publication that was cut off.

Appending is one statement and PostgreSQL keeps it whole, so after a crash of hub or server all of this holds by itself.
What does not hold has another cause, and each fault says what to do about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from hub.audit import nodes, store
from hub.audit.columns import NAMES, columns_agree
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.audit.publish import FRESH, Publisher
from hub.audit.tiles import first_bad_tile
from hub.errors import HubError, IntegrityError, VerificationError
from hub.keys.note import NoteVerifier
from hub.store.database import Database

NEWEST = 10_000
"""Entries at the end that are looked at one by one."""

_COUNT = """
SELECT count(*) AS entries, count(*) FILTER (WHERE idx >= $1) AS beyond FROM log_entry WHERE log_id = 0
"""
_GAP = """
SELECT min(idx) FROM generate_series($1::bigint, $2::bigint - 1) AS g(idx)
WHERE NOT EXISTS (SELECT FROM log_entry e WHERE e.log_id = 0 AND e.idx = g.idx)
"""
_TAIL = f"SELECT {NAMES} FROM log_entry WHERE log_id = 0 AND idx >= $1 ORDER BY idx"  # noqa: S608
_RESTORE = (
    "Keep the database as it is, stop the hub, and restore from a backup; then run `hub audit verify --from`."
)
_VERIFY = "Run `hub audit verify`; it names the first entry that is not as it was signed."


@dataclass(frozen=True, slots=True)
class Fault:
    """Something out of joint."""

    place: str
    what: str
    advice: str
    """What to do."""
    mild: bool = False
    """Whether the log itself is sound, and only what was made from it is not."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what was found."""

    size: int
    """Entries of the signed log."""
    published: int | None
    """Entries of the published checkpoint; None: no folder was looked at, or nothing is published."""
    faults: tuple[Fault, ...]


async def fsck(
    database: Database,
    verifiers: Sequence[NoteVerifier],
    folder: Path | None = None,
    *,
    rebuild: bool = False,
) -> Checked:
    """Look whether everything fits together.

    Args:
        database: where the log lies.
        verifiers: the log's key, and earlier ones.
        folder: where the log is published; None: do not look at it.
        rebuild: delete the stored subtree roots and make them anew from the entries.

    Raises:
        ConfigurationError: when it is to be rebuilt, and the account may only read.
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read"):
        if rebuild:
            await nodes.forget(connection)
        state = await store.read_state(connection)
        if state is None:
            return Checked(0, None, (await _no_state(connection),))
        faults = list(_state_faults(state, verifiers))
        faults += [fault async for fault in _entry_faults(connection, state.size)]
        fresh, fault = await _tree(connection)
        faults += [fault] if fault else []
        published = None
        if folder is not None:
            publisher = Publisher(folder, verifiers)
            published, found = _folder_faults(publisher, folder)
            faults += found
            if published is not None:
                faults += await _behind(connection, published, fresh, state.size)
    return Checked(state.size, published.size if published else None, tuple(faults))


async def _no_state(connection: asyncpg.Connection) -> Fault:
    if await connection.fetchval("SELECT count(*) FROM log_entry"):
        return Fault("state", "the state row is missing, but there are entries", _RESTORE)
    return Fault("state", "there is no log yet", "Start the hub once.", mild=True)


def _state_faults(state: store.StateRow, verifiers: Sequence[NoteVerifier]) -> Iterator[Fault]:
    try:
        signed = verify_checkpoint(state.checkpoint, *verifiers)
    except VerificationError as error:
        yield Fault("checkpoint", error.message, f"Check that the key is this log's. {_RESTORE}")
        return
    if signed != Checkpoint(state.origin, state.size, state.root):
        yield Fault("state", "size or root is not what the checkpoint signs", _RESTORE)
    try:
        if Frontier.decode(state.size, state.frontier).root() != state.root:
            yield Fault("state", "the right edge does not fold to the root", _RESTORE)
    except VerificationError as error:
        yield Fault("state", error.message, _RESTORE)


async def _entry_faults(connection: asyncpg.Connection, size: int) -> AsyncIterator[Fault]:
    row = await connection.fetchrow(_COUNT, size)
    if row["beyond"]:
        yield Fault(
            "entries", f"{row['beyond']} stand behind the end of the signed log, from {size} on", _RESTORE
        )
    if row["entries"] - row["beyond"] < size:
        gap = await connection.fetchval(_GAP, 0, size)
        missing = size - row["entries"] + row["beyond"]
        yield Fault("entries", f"{missing} are missing, the first of them {gap}", _RESTORE)
    for entry in await connection.fetch(_TAIL, max(0, size - NEWEST)):
        if entry["body"] is None:
            continue  # whether it may be is for the walk to say
        if leaf_hash(entry["body"]) != entry["leaf_hash"]:
            yield Fault("entries", f"the body of entry {entry['idx']} does not have its hash", _VERIFY)
            return
        if not columns_agree(entry):
            yield Fault("entries", f"the columns of entry {entry['idx']} contradict its body", _VERIFY)
            return


async def _tree(connection: asyncpg.Connection) -> tuple[nodes.Nodes | None, Fault | None]:
    """The subtree roots just computed, if the stored tree folds to the root of the state."""
    head = await nodes.read_head(connection)
    if head is None:
        return None, None
    try:
        fresh = await nodes.integrate(connection, head, worth=1)
        tree = await nodes.read_tree(connection, head.size, [(0, head.size)], fresh)
        if tree.root() == head.root:
            return fresh, None
    except IntegrityError:
        pass
    advice = f"Run `hub audit fsck --rebuild`. If it stays: {_VERIFY}"
    return None, Fault("tree", "the stored hashes do not fold to the signed root", advice)


def _folder_faults(publisher: Publisher, folder: Path) -> tuple[Checkpoint | None, list[Fault]]:
    """The published checkpoint, and what is wrong with the folder by itself."""
    faults: list[Fault] = []
    again = "Keep it for a comparison, and publish into an empty folder."
    try:
        published = publisher.published()
        if published is None:
            return None, [
                Fault("folder", "nothing is published there", "Run `hub audit publish`.", mild=True)
            ]
        publisher.check_published(published[0])
        bad = first_bad_tile(published[0].size, publisher.read_tile)
        if bad is not None:
            return None, [Fault("folder", f"{bad.path} is not what the tile above it says", again)]
    except HubError as error:
        return None, [Fault("folder", error.message, error.hint or again)]
    left = sum(1 for _ in folder.rglob(f"*{FRESH}"))
    if left:
        what = f"{left} files are left over from a publication that was cut off"
        faults.append(Fault("folder", what, "Run `hub audit publish` again; it writes them anew.", mild=True))
    return published[0], faults


async def _behind(
    connection: asyncpg.Connection, published: Checkpoint, fresh: nodes.Nodes | None, size: int
) -> list[Fault]:
    """Whether the database continues what is published."""
    set_back = "The database was set back or rewritten after publishing. " + _RESTORE
    if published.size > size:
        return [Fault("folder", f"{published.size} entries are published, and the log has {size}", set_back)]
    if fresh is None:
        return []
    older = await nodes.read_tree(connection, published.size, [(0, published.size)], fresh)
    try:
        same = older.root() == published.root
    except VerificationError:
        same = False
    return [] if same else [Fault("folder", "the log does not continue what is published", set_back)]
