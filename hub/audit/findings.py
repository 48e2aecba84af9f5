"""What a walk over the log found: each thing that is wrong, where, and up to where the log is proven."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hub.errors import VerificationError

MAX_FINDINGS = 100


class Problem(StrEnum):
    """What can be wrong."""

    STATE = "the log's state row is missing or contradicts its checkpoint"
    SIGNATURE = "the log's checkpoint is not signed by the log's key"
    MISSING = "an entry is missing"
    BEYOND = "an entry stands behind the end of the signed log"
    ALTERED = "an entry's body does not have its hash"
    COLUMNS = "an entry's columns do not say what its body says"
    UNEXPLAINED = "a body is gone, and no entry says who took it out and why"
    RETURNED = "a body that was taken out is there again"
    REWRITTEN = "entries are not those that were signed"
    PART = "the part, or the stored hashes around it, are not in the signed tree; walk the whole log"
    SHORTER = "the log is shorter than an earlier checkpoint says"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in the entries from `index` up to, not including, `until`."""

    problem: Problem
    index: int
    until: int


class Findings:
    """Collects findings; no more than `MAX_FINDINGS` of each problem, so that the first of another is not lost."""

    def __init__(self) -> None:
        self._found: dict[Problem, list[Finding]] = {}

    def add(self, problem: Problem, index: int, until: int | None = None) -> None:
        """Something wrong with an entry, or with those up to `until`."""
        found = self._found.setdefault(problem, [])
        if len(found) < MAX_FINDINGS:
            found.append(Finding(problem, index, until if until is not None else index + 1))

    def sorted(self) -> tuple[Finding, ...]:
        """All of them by index."""
        found = [finding for group in self._found.values() for finding in group]
        return tuple(sorted(found, key=lambda f: (f.index, f.until)))


@dataclass(frozen=True, slots=True)
class WalkReport:
    """What a walk found. No findings: the log, or the part that was walked, is whole."""

    size: int
    entries: int
    """How many were walked."""
    withheld: int
    """Bodies taken out one by one."""
    archived: int
    """Bodies that went because their time was over."""
    findings: tuple[Finding, ...]
    """By index."""
    start: int
    """First index that was walked."""
    proven: int
    """The entries from `start` up to this index are those that were signed."""

    @property
    def first_bad(self) -> int | None:
        """Index of the first entry that is not as it was signed, as far as can be said, or None."""
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
                message_zh=f"审计日志自第 {first.index} 条起未通过验证。",
            )
