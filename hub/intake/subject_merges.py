"""Two codes of one organisation: a merge that redirects legacy codes, and can be undone.

Rules (reasons in ADR 0010)
- A merge makes the legacy codes of the losing subject lead to the winning one, for rows that carry no other code.
  It moves no record, no key, no alias and no consent: a file is read under the code and the consent it was
  collected under, so that no consent can widen, and nothing vanishes behind a merge.
- Undoing removes the redirect and with it all that the merge did; the register is as it was before. How many records
  came through it meanwhile is known from their lineage (`record_lineage`) and told, for the source to correct.
- Both steps, merging and undoing, are proposed by one person and confirmed by another, each with an entry. Both are
  done in one place, at the command line or through clients: across the two nobody could tell the persons apart.
- Only organisations are merged, no chains and no circles: a losing subject wins nowhere and the other way round.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hub.audit.log import AuditLog
from hub.errors import InputError
from hub.intake.acting import Steward
from hub.intake.lineage import count_by_reference
from hub.store.database import Database

MOST = 200
"""Merges of one list at most."""


class MergeState(StrEnum):
    """How far a merge is."""

    PROPOSED = "PROPOSED"
    REFUSED = "REFUSED"
    IN_FORCE = "IN_FORCE"
    UNDO_PROPOSED = "UNDO_PROPOSED"
    UNDONE = "UNDONE"


class MergeReason(StrEnum):
    """Why two subjects are one."""

    CODE_CHANGED = "CODE_CHANGED"
    DUPLICATE_REGISTRATION = "DUPLICATE_REGISTRATION"
    ORGANIZATIONS_MERGED = "ORGANIZATIONS_MERGED"


@dataclass(frozen=True, slots=True)
class SubjectMerge:
    """A merge."""

    merge_id: str
    losing: bytes
    winning: bytes
    state: MergeState
    reason: MergeReason
    proposed_at: datetime
    moved_at: datetime
    """Of the newest step."""
    records: int = 0
    """Records that came through it."""


_COLUMNS = "merge_id, subject_id, winning_id, state, reason, proposed_at, moved_at"
_LIST = f"SELECT {_COLUMNS} FROM subject_merge ORDER BY moved_at DESC, merge_id LIMIT $1"  # noqa: S608
_TAKE = (
    f"SELECT {_COLUMNS}, client_id, institution, operator FROM subject_merge WHERE merge_id = $1 FOR UPDATE"  # noqa: S608
)
_ADD = """
INSERT INTO subject_merge (subject_id, merge_id, winning_id, state, reason, proposed_at, moved_at, client_id,
                           institution, operator)
VALUES ($1, $2, $3, 'PROPOSED', $4, $5, $5, $6, $7, $8)
"""
_MOVE = """
UPDATE subject_merge SET state = $2, moved_at = $3, client_id = $4, institution = $5, operator = $6
WHERE merge_id = $1
"""
_BUSY = """
SELECT EXISTS (SELECT 1 FROM subject_merge WHERE state IN ('PROPOSED', 'IN_FORCE', 'UNDO_PROPOSED')
  AND (subject_id = $1 OR subject_id = $2 OR winning_id = $1))
"""
_ORGANIZATIONS = """
SELECT count(*) FROM subject WHERE subject_id = ANY($1::bytea[]) AND kind = 'ORG' AND wrapped_key IS NOT NULL
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('credit-hub/subject-merge'))"


class SubjectMerges:
    """Proposes, confirms and undoes merges."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        """Set up over a database and the log."""
        self._database = database
        self._log = log

    async def all(self, limit: int = MOST) -> list[SubjectMerge]:
        """Merges, the one that moved last first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_LIST, min(limit, MOST))
            return [_merge(row, await count_by_reference(connection, row["merge_id"])) for row in rows]

    async def propose(
        self, losing: bytes, winning: bytes, reason: MergeReason, steward: Steward, now: datetime
    ) -> SubjectMerge:
        """Propose that the codes of one organisation lead to another.

        Raises:
            InputError: when one of them is no known organisation, or takes part in another merge.
        """
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(_LOCK)
            known = await connection.fetchval(_ORGANIZATIONS, [losing, winning])
            if losing == winning or known != 2 or await connection.fetchval(_BUSY, losing, winning):
                raise InputError(
                    "These two subjects cannot be merged.",
                    hint="Both must be known organisations, and the one must not take part in another merge, "
                    "nor the other lose in one.",
                    message_zh="这两个主体不能合并：须均为已知组织，且不得与其他合并相互交叉。",
                )
            merge_id = f"m_{secrets.token_hex(10)}"
            who = (steward.client_id, steward.institution, steward.operator)
            await connection.execute(_ADD, losing, merge_id, winning, reason, now, *who)
            merge = SubjectMerge(merge_id, losing, winning, MergeState.PROPOSED, reason, now, now)
            await self._enter(connection, "subject.merge.propose", merge, steward, now)
        return merge

    async def confirm(self, merge_id: str, steward: Steward, now: datetime) -> SubjectMerge:
        """Put a proposed merge into force, or a proposed undoing into effect; by another person than proposed it.

        Raises:
            InputError: when nothing waits for confirmation, or the same person asks.
        """
        async with self._database.connection() as connection, connection.transaction():
            merge, row = await self._take(connection, merge_id, MergeState.PROPOSED, MergeState.UNDO_PROPOSED)
            if steward.is_also(row["client_id"], row["institution"], row["operator"]):
                raise InputError(
                    "The same person has proposed it; somebody else must confirm it.",
                    hint="Let another person act in the same place (command line or client); tokens name the person as"
                    " `operator`, for both steps.",
                    message_zh="提议与确认须由不同人员办理。",
                )
            if merge.state is MergeState.PROPOSED:
                await connection.execute(
                    "INSERT INTO subject_redirect (subject_id, winning_id, merge_id) VALUES ($1, $2, $3)",
                    merge.losing, merge.winning, merge_id,
                )  # fmt: skip
                return await self._move(connection, merge, MergeState.IN_FORCE, "confirm", steward, now)
            await connection.execute("DELETE FROM subject_redirect WHERE merge_id = $1", merge_id)
            return await self._move(connection, merge, MergeState.UNDONE, "undone", steward, now)

    async def propose_undo(self, merge_id: str, steward: Steward, now: datetime) -> SubjectMerge:
        """Propose to undo a merge that is in force.

        Raises:
            InputError: when it is not in force.
        """
        async with self._database.connection() as connection, connection.transaction():
            merge, _ = await self._take(connection, merge_id, MergeState.IN_FORCE)
            return await self._move(connection, merge, MergeState.UNDO_PROPOSED, "propose-undo", steward, now)

    async def refuse(self, merge_id: str, steward: Steward, now: datetime) -> SubjectMerge:
        """Drop a proposal: a merge is not made, or stays in force. Whoever proposed it may, too.

        Raises:
            InputError: when nothing waits for confirmation.
        """
        async with self._database.connection() as connection, connection.transaction():
            merge, _ = await self._take(connection, merge_id, MergeState.PROPOSED, MergeState.UNDO_PROPOSED)
            state = MergeState.REFUSED if merge.state is MergeState.PROPOSED else MergeState.IN_FORCE
            return await self._move(connection, merge, state, "refuse", steward, now)

    async def _take(self, connection: Any, merge_id: str, *states: MergeState) -> tuple[SubjectMerge, Any]:
        await connection.execute(_LOCK)
        row = await connection.fetchrow(_TAKE, merge_id)
        if row is None or row["state"] not in states:
            raise InputError(
                "There is no such merge in a state that allows this.",
                hint="List the merges again.",
                message_zh="没有处于相应状态的主体合并。",
            )
        return _merge(row, await count_by_reference(connection, merge_id)), row

    async def _move(
        self,
        connection: Any,
        merge: SubjectMerge,
        state: MergeState,
        act: str,
        steward: Steward,
        now: datetime,
    ) -> SubjectMerge:
        who = (steward.client_id, steward.institution, steward.operator)
        await connection.execute(_MOVE, merge.merge_id, state, now, *who)
        moved = SubjectMerge(
            merge.merge_id, merge.losing, merge.winning, state, merge.reason, merge.proposed_at, now, merge.records
        )  # fmt: skip
        await self._enter(connection, f"subject.merge.{act}", moved, steward, now)
        return moved

    async def _enter(
        self, connection: Any, act: str, merge: SubjectMerge, steward: Steward, now: datetime
    ) -> None:
        detail = {
            "merge": merge.merge_id,
            "reason": merge.reason.value,
            "state": merge.state.value,
            "records": merge.records,
        }
        entry = steward.entry(act, now, (merge.losing, merge.winning), detail)
        await self._log.append_in(connection, [entry])


def _merge(row: Any, records: int) -> SubjectMerge:
    return SubjectMerge(
        row["merge_id"], row["subject_id"], row["winning_id"], MergeState(row["state"]), MergeReason(row["reason"]),
        row["proposed_at"], row["moved_at"], records,
    )  # fmt: skip
