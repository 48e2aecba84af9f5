"""What API and command line get of the register of subjects: merges and the review of names."""

from __future__ import annotations

from dataclasses import dataclass

from hub.audit.log import AuditLog
from hub.intake.match_desk import MatchDesk
from hub.intake.subject_merges import SubjectMerges
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.store.database import Database


@dataclass(frozen=True)
class Steering:
    """The acts on the register of subjects."""

    merges: SubjectMerges
    matches: MatchDesk

    @classmethod
    def open(cls, database: Database, log: AuditLog, sealer: Sealer, indexer: Indexer) -> Steering:
        """Build them over a database and the log."""
        return cls(SubjectMerges(database, log), MatchDesk(database, log, sealer, indexer))
