"""Where a person says whose a row without a code is: list, accept, reject; see `hub.intake.review`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.audit.entry import OPENED
from hub.audit.log import AuditLog
from hub.catalog.types import Catalog
from hub.errors import InputError
from hub.intake.acting import Steward
from hub.intake.lineage import SPELLING
from hub.intake.merge import Merged, Merger, Origin
from hub.intake.name_index import Candidate, candidates
from hub.intake.names import score
from hub.intake.resolve import SPELLING_SCHEME, resolve, spelling_hash
from hub.intake.review import CaseState, MatchCase, rebuilt, unseal_row
from hub.intake.rows import ValidRow
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.store.database import Database

MOST = 100
"""Cases of one list at most."""
_OPEN = """
SELECT case_id, dataset, source_unit, batch_id, batch_row, opened_at, kek_id, wrapped_key, sealed FROM match_case
WHERE state = 'OPEN' AND ($1::text IS NULL OR source_unit = $1) ORDER BY opened_at, case_id LIMIT $2
"""
_TAKE = """
SELECT case_id, dataset, source_unit, batch_id, batch_row, opened_at, kek_id, wrapped_key, sealed FROM match_case
WHERE case_id = $1 AND state = 'OPEN' FOR UPDATE
"""
_CLOSE = """
UPDATE match_case SET state = $2, decided_at = $3, decided_by = $4, subject_id = $5, wrapped_key = NULL, sealed = NULL
WHERE case_id = $1
"""
_NAMES = """
SELECT n.name FROM organization_name n JOIN subject s ON s.subject_id = n.subject_id
WHERE n.subject_id = $1 AND s.kind = 'ORG' AND s.wrapped_key IS NOT NULL
"""
_REMEMBER = """
WITH gone AS (DELETE FROM subject_alias WHERE alias_hash = $1 AND scheme = $2 AND subject_id <> $3)
INSERT INTO subject_alias (alias_hash, scheme, subject_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""


class MatchDesk:
    """The review of names."""

    def __init__(self, database: Database, log: AuditLog, sealer: Sealer, indexer: Indexer) -> None:
        """Set up over a database and the log."""
        self._database = database
        self._log = log
        self._sealer = sealer
        self._indexer = indexer

    async def waiting(self, limit: int, source_unit: str | None = None) -> list[MatchCase]:
        """Open cases, the oldest first, each with its candidates of this moment."""
        found = []
        async with self._database.connection() as connection:
            for row in await connection.fetch(_OPEN, source_unit, min(limit, MOST)):
                case_id, dataset, unit, batch, number, opened, *kept = row
                name, _, _ = unseal_row(self._sealer, case_id, *kept)
                near = tuple(await candidates(connection, name))
                found.append(MatchCase(case_id, dataset, unit, batch, number, opened, name, near))
        return found

    async def accept(
        self, case_id: bytes, subject_id: bytes, steward: Steward, catalog: Catalog, now: datetime
    ) -> Merged:
        """Say whose a row is, remember the spelling for its source, and merge the row.

        Raises:
            InputError: when no such case is open, the subject is no registered organisation, or the row is refused;
                nothing was changed then.
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await self._take(connection, case_id)
            dataset = catalog.datasets.get(row["dataset"])
            names = [r[0] for r in await connection.fetch(_NAMES, subject_id)]
            if dataset is None or not names:
                raise InputError(
                    "The subject is no registered organisation.",
                    hint="Choose one of the candidates, or reject the case.",
                    message_zh="该主体不是已登记的组织。",
                )
            name, values, aliases = self._open(row)
            hashed = spelling_hash(self._indexer, row["source_unit"], name)
            await connection.execute(_REMEMBER, hashed, SPELLING_SCHEME, subject_id)
            kept = rebuilt(dataset, row["batch_row"], name, values, aliases)
            await self._expect_same(connection, row["source_unit"], kept, subject_id)
            origin = Origin(dataset, row["source_unit"], row["batch_id"], now)
            merger = Merger(origin, indexer=self._indexer, sealer=self._sealer)
            merged = await merger.merge(connection, [kept])
            if merged.faults:
                found = merged.faults[0][1]
                raise InputError(
                    f"The row is refused: {found.code}.", hint=found.hint, message_zh=found.message_zh
                )
            await connection.execute(_CLOSE, case_id, CaseState.ACCEPTED, now, steward.client_id, subject_id)
            points = max(score(name, registered)[0] for registered in names)
            detail = {
                "case": case_id.hex(),
                "dataset": dataset.id,
                "batch": row["batch_id"],
                "score": points,
                OPENED: 1,
            }
            await self._log.append_in(connection, [steward.entry("match.accept", now, (subject_id,), detail)])
        return merged

    async def reject(self, case_id: bytes, steward: Steward, now: datetime) -> None:
        """Say that the row is none of the candidates'; it is dropped, its quarantine file remains.

        Raises:
            InputError: when no such case is open.
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await self._take(connection, case_id)
            await connection.execute(_CLOSE, case_id, CaseState.REJECTED, now, steward.client_id, None)
            detail = {"case": case_id.hex(), "dataset": row["dataset"], "batch": row["batch_id"]}
            await self._log.append_in(connection, [steward.entry("match.reject", now, (), detail)])

    async def _expect_same(self, connection: Any, source_unit: str, row: ValidRow, subject_id: bytes) -> None:
        """Hold that no code of the row has come to lead to another subject since it was kept.

        Raises:
            InputError: when one has; the row would land there, and the log would say otherwise.
        """
        (whose,) = await resolve(connection, self._indexer, source_unit, [row])
        if whose.mark != SPELLING and whose.subject_id != subject_id:
            raise InputError(
                "A code of the row leads to another organisation by now.",
                hint="Reject the case and let the source send the row again; it goes by its code.",
                message_zh="该行的旧代码现已指向另一组织，请驳回后由信源重新报送。",
            )

    async def _take(self, connection: Any, case_id: bytes) -> Any:
        row = await connection.fetchrow(_TAKE, case_id)
        if row is None:
            raise InputError(
                "No such case is open.", hint="List the open cases again.", message_zh="没有该待办比对。"
            )
        return row

    def _open(self, row: Any) -> tuple[str, dict[str, Any], list[list[str]]]:
        return unseal_row(self._sealer, row["case_id"], row["kek_id"], row["wrapped_key"], row["sealed"])


def shown(candidate: Candidate) -> dict[str, str | int | bool]:
    """A candidate as lists show it: a pseudonym, the registered name, the score and why."""
    return {
        "subject": f"sub_{candidate.subject_id.hex()}",
        "name": candidate.name,
        "score": candidate.score,
        "why": candidate.why,
        "former": candidate.former,
    }
