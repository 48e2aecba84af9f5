"""`hub audit verify`: walks the whole log and names the first entry that is not as it was signed.

- Every leaf is recomputed from its body; where a body is withheld its stored hash is taken and counted.
- The columns the log is searched by must say what the body says, so that no entry can be hidden from a view.
- The tree is compared with the signed checkpoint, with the subtree roots of its right edge, and with earlier
  checkpoints that the caller kept (a receipt holds one). A log set back as a whole, or signed anew by another
  key, is found only against such an earlier checkpoint.
- Where body and hash were changed together, the tree tells between which two agreeing sizes; the more earlier
  checkpoints are given, the narrower that range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.audit import store
from hub.audit.entry import read_body, subject_ref
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.note import Checkpoint, verify_checkpoint
from hub.errors import VerificationError
from hub.keys.note import NoteVerifier
from hub.store.database import Database

CHUNK = 5_000
MAX_FINDINGS = 100
_ENTRIES = """
SELECT idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id
FROM log_entry WHERE log_id = 0 AND idx > $1 ORDER BY idx LIMIT $2
"""

Progress = Callable[[int, int], None]
"""Takes entries done and entries in all."""


class Problem(StrEnum):
    """What can be wrong."""

    STATE = "the log's state row is missing or contradicts its checkpoint"
    SIGNATURE = "the log's checkpoint is not signed by the log's key"
    MISSING = "an entry is missing"
    BEYOND = "an entry stands behind the end of the signed log"
    ALTERED = "an entry's body does not have its hash"
    COLUMNS = "an entry's columns do not say what its body says"
    REWRITTEN = "entries are not those that were signed"
    SHORTER = "the log is shorter than an earlier checkpoint says"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in the entries from `index` up to, not including, `until`."""

    problem: Problem
    index: int
    until: int


@dataclass(frozen=True, slots=True)
class WalkReport:
    """What a walk found. No findings: the log is whole."""

    size: int
    entries: int
    withheld: int
    findings: tuple[Finding, ...]
    """By index."""

    @property
    def first_bad(self) -> int | None:
        """Index of the first entry that is not as it was signed, or None."""
        return self.findings[0].index if self.findings else None

    def require_whole(self) -> None:
        """Pass only a log without findings.

        Raises:
            VerificationError: naming the first bad entry.
        """
        if self.findings:
            first = self.findings[0]
            raise VerificationError(
                f"The audit log does not verify from entry {first.index} on: {first.problem.value}.",
                hint="Keep the database as it is and compare with a backup and with receipts.",
            )


async def walk(
    database: Database,
    verifiers: Sequence[NoteVerifier],
    *,
    checkpoints: Sequence[str] = (),
    progress: Progress | None = None,
) -> WalkReport:
    """Verify the whole log.

    Args:
        database: where the log lies.
        verifiers: the log's key, and earlier ones.
        checkpoints: earlier checkpoints (signed notes) that the log must continue.
        progress: told after each chunk.

    Raises:
        VerificationError: when one of `checkpoints` is not signed by the log's key.
        UnavailableError: when the database is away.
    """
    anchors = [verify_checkpoint(note, *verifiers) for note in checkpoints]
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        walker = _Walker(await store.read_state(connection), anchors, verifiers)
        last = -1
        while rows := await connection.fetch(_ENTRIES, last, CHUNK):
            walker.take(rows)
            last = rows[-1]["idx"]
            if progress is not None:
                progress(walker.entries, max(walker.size, walker.entries))
        return walker.finish()


class _Walker:
    """Takes the entries in order and compares."""

    def __init__(
        self,
        state: store.StateRow | None,
        checkpoints: Sequence[Checkpoint],
        verifiers: Sequence[NoteVerifier],
    ) -> None:
        self.size = state.size if state else 0
        self.entries = 0
        self._findings: list[Finding] = []
        self._withheld = 0
        self._next = 0
        self._tree: Frontier | None = Frontier.empty()
        """None once an entry is missing: then there is nothing to compare any more."""
        self._agreed = 0
        """Largest size at which the tree agreed with a signed one."""
        self._rewritten: Finding | None = None
        self._unsigned: list[Problem] = []
        signed = self._signed(state, verifiers)
        self._anchors = sorted({(a.size, a.root) for a in (*checkpoints, *signed) if a.size})

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
        return [Checkpoint(state.origin, tree.size, tree.root()) for tree in edge.prefixes()]

    def take(self, rows: Sequence[Any]) -> None:
        """The next entries, by index."""
        leaves: list[bytes] = []
        for row in rows:
            index = row["idx"]
            if index > self._next:
                self._find(Problem.MISSING, self._next, index)
                self._grow(leaves)
                leaves, self._tree = [], None
            if index >= self.size:
                self._find(Problem.BEYOND, index)
            leaves.append(self._leaf(row))
            self._next = index + 1
            self.entries += 1
        self._grow(leaves)

    def _leaf(self, row: Any) -> bytes:
        stored: bytes = row["leaf_hash"]
        if row["body"] is None:
            self._withheld += 1
            return stored
        leaf = leaf_hash(row["body"])
        if leaf != stored:
            self._find(Problem.ALTERED, row["idx"])
        elif not _columns_agree(row):
            self._find(Problem.COLUMNS, row["idx"])
        return leaf

    def _grow(self, leaves: list[bytes]) -> None:
        """Append to the tree, and stop to compare at each size that was signed."""
        while leaves and self._tree is not None:
            ahead = next(
                (size - self._tree.size for size, _ in self._anchors if size > self._tree.size), None
            )
            step, leaves = leaves[:ahead], leaves[ahead:] if ahead is not None else []
            self._tree = self._tree.extend(step).frontier
            for size, root in self._anchors:
                if size == self._tree.size and self._rewritten is None:
                    if self._tree.root() == root:
                        self._agreed = size
                    else:
                        self._rewritten = Finding(Problem.REWRITTEN, self._agreed, size)

    def finish(self) -> WalkReport:
        """The report, after the last entry."""
        if self._next < self.size:
            self._find(Problem.MISSING, self._next, self.size)
        longest = max((size for size, _ in self._anchors), default=0)
        if longest > max(self._next, self.size):
            self._find(Problem.SHORTER, max(self._next, self.size), longest)
        for problem in self._unsigned:
            self._find(problem, self._agreed, max(self.size, self._next, self._agreed + 1))
        exact = [f for f in self._findings if f.problem is Problem.ALTERED]
        rewritten = self._rewritten
        if rewritten and not any(rewritten.index <= f.index < rewritten.until for f in exact):
            self._findings.append(rewritten)
        findings = tuple(sorted(self._findings, key=lambda f: (f.index, f.until)))
        return WalkReport(self.size, self.entries, self._withheld, findings)

    def _find(self, problem: Problem, index: int, until: int | None = None) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(Finding(problem, index, until if until is not None else index + 1))


def _columns_agree(row: Any) -> bool:
    try:
        body = read_body(row["body"])
        said = [body[name] for name in ("id", "kind", "caller", "purpose", "outcome", "at")]
        subjects = [part["subject"] for part in body["subjects"]]
    except (VerificationError, KeyError, TypeError):
        return False
    columns = [row[name] for name in ("entry_id", "kind", "caller", "purpose", "outcome")]
    return said == [*columns, round(row["at"].timestamp() * 1000)] and subjects == [
        subject_ref(s) for s in row["subjects"]
    ]
