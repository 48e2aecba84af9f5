"""What the API gets of this room: the services for cases and notices, over one desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.audit.log import AuditLog
from hub.catalog.types import Label
from hub.keys.index import Indexer
from hub.keys.sealing import Sealer
from hub.lifecycle.desk import Desk
from hub.lifecycle.extension import ExtensionService
from hub.lifecycle.holds import HoldService
from hub.lifecycle.marks import MarkService
from hub.lifecycle.notices import NoticeService
from hub.lifecycle.objection import ObjectionService
from hub.lifecycle.repair import RepairService
from hub.lifecycle.shield import ShieldService
from hub.lifecycle.withdrawal import WithdrawalService
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
    withdrawals: WithdrawalService
    shields: ShieldService
    extensions: ExtensionService
    notices: NoticeService
    holds: HoldService

    @classmethod
    def open(
        cls,
        database: Database,
        log: AuditLog,
        sealer: Sealer,
        indexer: Indexer,
        recalls: RecallService,
        titles: Mapping[str, Label] | None = None,
    ) -> Lifecycle:
        """Build the services over one desk.

        Args:
            database: where cases lie.
            log: where acts are recorded.
            sealer: opens data keys.
            indexer: names persons and subjects.
            recalls: issues the recalls that acts ask for.
            titles: names of datasets by id, for notices.
        """
        notices = NoticeService(database, log, sealer, titles or {})
        desk = Desk(database, log, sealer, recalls, notices.tell)
        return cls(
            desk, RepairService(desk), ObjectionService(desk), MarkService(database, log, sealer), indexer,
            WithdrawalService(desk),
            ShieldService(desk), ExtensionService(desk), notices,
            HoldService(database, log),
        )  # fmt: skip

    def organisation(self, uscc: str) -> bytes:
        """The subject id of an organisation, to tell whether somebody acts about its own institution."""
        return self.indexer.subject_id("ORG", uscc)

    def person(self, institution: str, operator: str | None) -> str:
        """The pseudonym of a person behind a client, as in the audit log; empty when none is named."""
        if not operator:
            return ""
        return "op_" + self.indexer.alias_hash("operator", f"{institution}:{operator}").hex()
