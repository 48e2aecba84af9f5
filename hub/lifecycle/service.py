"""What the API gets of this room: repairs, objections and the lists of cases, over one desk."""

from __future__ import annotations

from dataclasses import dataclass

from hub.audit.log import AuditLog
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.lifecycle.desk import Desk
from hub.lifecycle.marks import MarkService
from hub.lifecycle.objection import ObjectionService
from hub.lifecycle.repair import RepairService
from hub.recall.service import RecallService
from hub.store.database import Database


@dataclass(frozen=True)
class Lifecycle:
    """The cases of one hub."""

    desk: Desk
    repairs: RepairService
    objections: ObjectionService
    marks: MarkService
    indexer: Indexer

    @classmethod
    def open(
        cls, database: Database, log: AuditLog, sealer: Sealer, indexer: Indexer, recalls: RecallService
    ) -> Lifecycle:
        """Build the services over one desk."""
        desk = Desk(database, log, sealer, recalls)
        marks = MarkService(database, log, sealer)
        return cls(desk, RepairService(desk), ObjectionService(desk), marks, indexer)

    def person(self, institution: str, operator: str | None) -> str:
        """The pseudonym of a person behind a client, as in the audit log; empty when none is named."""
        if not operator:
            return ""
        return "op_" + self.indexer.alias_hash("operator", f"{institution}:{operator}").hex()
