"""`hub audit verify`: walks the log, or a part of it, and names the first entry that is not as it was signed.

- Every leaf is recomputed from its body; a body may be missing only where an entry says so (`hub.audit.withheld`,
  `hub.audit.pruned`).
- The columns the log is searched by must say what the body says, so that no entry can be hidden from a view.
- The tree is compared with the signed checkpoint, with the subtree roots of its right edge, and with earlier
  checkpoints that the caller kept (a receipt holds one). A log set back as a whole, or signed anew with the log's own
  key, is found only against such an earlier checkpoint.
- Where body and hash were changed together, the tree tells between which two agreeing sizes; the more earlier
  checkpoints are given, the narrower that range. The report says up to where the entries are proven.
- A part is compared with the root of the whole tree, through stored subtree roots of what lies before and behind it
  (`hub.audit.nodes`); those need not be trusted, because with other ones the root would not come out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

import asyncpg

from hub.audit import nodes, store
from hub.audit.columns import NAMES, column_digest, columns_agree
from hub.audit.findings import Findings, Problem, WalkReport
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.audit.pruned import ColumnCheck, Pruned
from hub.audit.tiles import TileTree
from hub.audit.withheld import Withheld
from hub.errors import InputError, IntegrityError, VerificationError
from hub.keys.note import NoteVerifier
from hub.store.database import Database

CHUNK = 5_000
_ENTRIES = f"SELECT {NAMES} FROM log_entry WHERE log_id = 0 AND idx > $1 AND idx < $2 ORDER BY idx LIMIT $3"  # noqa: S608
_LAST = 2**62

Progress = Callable[[int, int], None]
"""Takes entries done and entries in all."""


async def walk(
    database: Database,
    verifiers: Sequence[NoteVerifier],
    *,
    checkpoints: Sequence[str] = (),
    start: int = 0,
    end: int | None = None,
    progress: Progress | None = None,
) -> WalkReport:
    """Verify the log.

    Args:
        database: where the log lies.
        verifiers: the log's key, and earlier ones.
        checkpoints: earlier checkpoints (signed notes) that the log must continue.
        start: first index of the part that is walked.
        end: first index behind it; None: walk to the end.
        progress: told after each chunk.

    Raises:
        InputError: when there is no such part.
        VerificationError: when one of `checkpoints` is not signed by the log's key.
        UnavailableError: when the database is away.
    """
    anchors = [verify_checkpoint(note, *verifiers) for note in checkpoints]
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        state = await store.read_state(connection)
        size = state.size if state else 0
        if not 0 <= start < max(size, 1) or (end is not None and not start < end <= size):
            raise InputError(
                "The log has no such part.", hint=f"It has {size} entries; indices start at 0.",
                message_zh="日志没有这一段。",
            )  # fmt: skip
        withheld, pruned = await Withheld.read(connection), await Pruned.search(connection)
        walker = _Walker(state, anchors, verifiers, withheld, pruned, (start, end))
        around = await _tree_around(connection, start, end)
        if around is not None:
            walker.begin(around.edge(start))
        last, stop = start - 1, _LAST if end is None else end
        while rows := await connection.fetch(_ENTRIES, last, stop, CHUNK):
            walker.take(rows)
            last = rows[-1]["idx"]
            if progress is not None:
                progress(walker.entries, max(walker.length, walker.entries))
        return walker.finish(around)


async def _tree_around(connection: asyncpg.Connection, start: int, end: int | None) -> TileTree | None:
    """The tree before and behind a part, from stored hashes; None for the whole log, and where they do not fold."""
    head = await nodes.read_head(connection)
    if head is None or (start == 0 and end is None):
        return None
    spans = [(0, start), (head.size if end is None else end, head.size)]
    try:
        fresh = await nodes.integrate(connection, head)
        tree = await nodes.read_tree(connection, head.size, spans, fresh)
        tree.check(spans)
    except IntegrityError:
        return None
    return tree


class _Walker:
    """Takes the entries in order and compares."""

    def __init__(
        self,
        state: store.StateRow | None,
        checkpoints: Sequence[Checkpoint],
        verifiers: Sequence[NoteVerifier],
        withheld: Withheld,
        pruned: Pruned,
        part: tuple[int, int | None],
    ) -> None:
        self._size = state.size if state else 0
        self._start = self._next = self._agreed = part[0]
        self._end = part[1]
        self.entries = 0
        self._withheld_count = self._archived_count = 0
        self._withheld, self._pruned = withheld, pruned
        self._columns = ColumnCheck(pruned)
        self._found = Findings()
        self._trees: list[Frontier] = [Frontier.empty()]
        """The tree over what the bodies give, and, where a stored hash differs, that over the stored hashes. None
        at all once there is nothing to compare any more."""
        self._rewritten = False
        self._unsigned: list[Problem] = []
        self._root = b""
        """Root of the whole log as it was signed; empty: it was not."""
        signed = self._signed(state, verifiers)
        self._longest = max((c.size for c in checkpoints), default=0)
        stop = part[1] if part[1] is not None else _LAST
        self._anchors = sorted(
            {(a.size, a.root) for a in (*checkpoints, *signed) if part[0] < a.size <= stop}
        )

    @property
    def length(self) -> int:
        """How many entries there are to walk."""
        return (self._size if self._end is None else self._end) - self._start

    def _signed(self, state: store.StateRow | None, verifiers: Sequence[NoteVerifier]) -> list[Checkpoint]:
        """What the state row vouches for: its checkpoint, and by its right edge the trees before."""
        if state is None:
            self._unsigned.append(Problem.STATE)
            return []
        try:
            checkpoint = verify_checkpoint(state.checkpoint, *verifiers)
        except VerificationError:
            self._unsigned.append(Problem.SIGNATURE)
            return []
        try:
            edge = Frontier.decode(state.size, state.frontier)
        except VerificationError:
            edge = Frontier.empty()
        if checkpoint != Checkpoint(state.origin, state.size, state.root) or edge.root() != state.root:
            self._unsigned.append(Problem.STATE)
            return [checkpoint]
        self._root = state.root
        return [Checkpoint(state.origin, tree.size, tree.root()) for tree in edge.prefixes()]

    def begin(self, edge: Frontier) -> None:
        """Begin behind the tree of what lies before the part."""
        self._trees = [edge]

    def take(self, rows: Sequence[Any]) -> None:
        """The next entries, by index."""
        leaves: list[tuple[bytes, bytes]] = []
        for row in rows:
            index = row["idx"]
            if index > self._next:
                self._found.add(Problem.MISSING, self._next, index)
                self._grow(leaves)
                leaves, self._trees = [], []
            if index >= self._size:
                self._found.add(Problem.BEYOND, index)
            leaves.append(self._leaf(row))
            self._next = index + 1
            self.entries += 1
        self._grow(leaves)

    def _leaf(self, row: Any) -> tuple[bytes, bytes]:
        """The hash that an entry must have, as far as it can be said, and the stored one."""
        stored: bytes = row["leaf_hash"]
        if row["body"] is None:
            return self._bodiless(row), stored
        leaf = leaf_hash(row["body"])
        if leaf != stored:
            self._found.add(Problem.ALTERED, row["idx"])
        elif not columns_agree(row):
            self._found.add(Problem.COLUMNS, row["idx"])
        taker = self._pruned.taker(row["idx"], row["kind"], row["at"])
        if taker is not None or self._withheld.taken(row["idx"]) is not None:
            self._found.add(Problem.RETURNED, row["idx"])
        return leaf, stored

    def _bodiless(self, row: Any) -> bytes:
        stored: bytes = row["leaf_hash"]
        taken = self._withheld.taken(row["idx"])
        pruning = self._pruned.taker(row["idx"], row["kind"], row["at"]) if taken is None else None
        if pruning is not None:
            self._archived_count += 1
            self._columns.take(pruning, row)
            return stored
        self._withheld_count += 1
        if taken is None:
            self._found.add(Problem.UNEXPLAINED, row["idx"])
            return stored
        if taken.leaf != stored:
            self._found.add(Problem.ALTERED, row["idx"])
        elif column_digest(row).hex() != taken.columns:
            self._found.add(Problem.COLUMNS, row["idx"])
        return taken.leaf

    def _grow(self, leaves: list[tuple[bytes, bytes]]) -> None:
        """Append to the tree, and stop to compare at each size that was signed."""
        while leaves and self._trees:
            at = self._trees[0].size
            ahead = next((size - at for size, _ in self._anchors if size > at), None)
            step, leaves = leaves[:ahead], leaves[ahead:] if ahead is not None else []
            self._extend(step)
            size = self._trees[0].size
            roots = {root for anchor, root in self._anchors if anchor == size}
            if roots and not self._rewritten:
                self._compare(size, roots)

    def _extend(self, leaves: Sequence[tuple[bytes, bytes]]) -> None:
        made, stored = [leaf for leaf, _ in leaves], [leaf for _, leaf in leaves]
        if made == stored:
            self._trees = [tree.extend(made).frontier for tree in self._trees]
        else:
            self._trees = [
                self._trees[0].extend(made).frontier,
                self._trees[-1].extend(stored).frontier,
            ]

    def _compare(self, size: int, roots: Set[bytes]) -> None:
        """Bodies or stored hashes must agree with what was signed; whatever differs between them is named already.

        Where two roots were signed for one size, nothing can agree with both.
        """
        for tree in self._trees:
            if {tree.root()} == roots:
                self._trees = [tree]
                self._agreed = size
                return
        self._rewritten = True
        self._found.add(Problem.REWRITTEN, self._agreed, size)

    def finish(self, around: TileTree | None) -> WalkReport:
        """The report, after the last entry."""
        stop = self._size if self._end is None else self._end
        if self._next < stop:
            self._found.add(Problem.MISSING, self._next, stop)
        elif self._end is not None or self._start > 0:
            self._compare_part(around)
        if self._longest > max(self._next, self._size):
            self._found.add(Problem.SHORTER, max(self._next, self._size), self._longest)
        for low, high in self._columns.wrong(self._start, self._next):
            self._found.add(Problem.COLUMNS, low, high)
        for problem in self._unsigned:
            self._found.add(problem, self._agreed, max(self._size, self._next, self._agreed + 1))
        findings = self._found.sorted()
        proven = min([self._agreed, *(f.index for f in findings)])
        counts = self._withheld_count, self._archived_count
        return WalkReport(self._size, self.entries, *counts, findings, self._start, proven)

    def _compare_part(self, around: TileTree | None) -> None:
        """The part must stand in the signed tree, between what lies before and behind it."""
        if self._rewritten or not self._root or not self._trees:
            return
        if around is None or self._root not in [around.root_with(tree) for tree in self._trees]:
            self._found.add(Problem.PART, self._start, self._next)
        else:
            self._agreed = self._next
