"""Uses of consents, counted in the same commit as the entry that spends them.

- A use is reserved when its entry is appended: both are committed, or neither.
- A consent that was withdrawn, changed, expired or used up in the meantime refuses the operation; its entry
  is not written, and the caller of the log writes a refusal instead.
- Rows of consents are locked before the log's state and in key order, everywhere, so no two writers wait for
  each other in a ring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hub.errors import DisclosureRefusedError
from hub.model.outcome import Reason

ConsentKey = tuple[bytes, str]
"""Subject id and consent id."""


class ConsentUse(NamedTuple):
    """One use of one version of a consent."""

    subject_id: bytes
    consent_id: str
    version: int


class ReservationRefusedError(DisclosureRefusedError):
    """A consent can no longer be used; nothing was counted and nothing logged. `reason` says why."""

    def __init__(self, use: ConsentUse, reason: Reason) -> None:
        super().__init__(
            "The consent can no longer be used for this request.",
            reason=reason.value,
            hint="Ask the subject for a consent that is in force.",
            message_zh="该授权已不能用于本次查询，请向信息主体重新取得授权。",
        )
        self.use = use


class UseGroup(NamedTuple):
    """All uses of one version of one consent in a batch."""

    use: ConsentUse
    uses: int
    earliest: datetime
    latest: datetime


def group_uses(uses: Iterable[tuple[ConsentUse, datetime]]) -> list[UseGroup]:
    """Uses and their instants, summed by consent and version, in key order."""
    groups: dict[ConsentUse, UseGroup] = {}
    for use, at in uses:
        seen = groups.get(use)
        groups[use] = (
            UseGroup(use, seen.uses + 1, min(seen.earliest, at), max(seen.latest, at))
            if seen
            else UseGroup(use, 1, at, at)
        )
    return [groups[use] for use in sorted(groups)]


class ConsentCounter:
    """Judges uses one after the other against locked rows of consents."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = {(row["subject_id"], row["consent_id"]): row for row in rows}
        self._used: dict[ConsentKey, int] = {}

    def take(self, uses: Iterable[ConsentUse], at: datetime) -> ReservationRefusedError | None:
        """Count all these uses at this instant, or none of them and say which was refused and why."""
        taken: dict[ConsentKey, int] = {}
        for use in uses:
            key = (use.subject_id, use.consent_id)
            count = taken.get(key, 0) + 1
            reason = self._judge(use, at, count)
            if reason is not Reason.ALLOWED:
                return ReservationRefusedError(use, reason)
            taken[key] = count
        for key, count in taken.items():
            self._used[key] = self._used.get(key, 0) + count
        return None

    def _judge(self, use: ConsentUse, at: datetime, count: int) -> Reason:
        key = (use.subject_id, use.consent_id)
        row = self._rows.get(key)
        if row is None:
            return Reason.CONSENT_REQUIRED
        if row["status"] != "ACTIVE":
            return Reason.CONSENT_WITHDRAWN
        if row["version"] != use.version:
            return Reason.CONSENT_REQUIRED
        if at < row["valid_from"]:
            return Reason.CONSENT_NOT_YET_VALID
        if at >= row["valid_to"]:
            return Reason.CONSENT_EXPIRED
        limit = row["max_uses"]
        if limit is not None and row["used_count"] + self._used.get(key, 0) + count > limit:
            return Reason.CONSENT_EXHAUSTED
        return Reason.ALLOWED
