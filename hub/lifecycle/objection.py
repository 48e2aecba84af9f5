"""Objections to records (异议): the record is disputed from the moment its subject objects, until that is settled.

- A subject may object to any record of its own that is published, whatever its nature. From that commit on every
  reader of the record gets the mark DISPUTED with it.
- The unit that supplied the record looks into it within the time limit of its domain, and settles it:
  CORRECTED (its correction has come in as a new version), WITHDRAWN (the record leaves publication for good, also one
  that was repaired or shielded meanwhile), REJECTED (the mark goes), or BOTH_VIEWS (it cannot be settled: the mark
  stays).
- The operator does not settle objections: it does not know what happened.

Sources: regulation on the credit reporting industry art. 25; time limits are data, in `policies/clocks.toml`.
"""

from __future__ import annotations

from enum import StrEnum

from hub.disclosure.marks import MarkKind
from hub.errors import InputError
from hub.lifecycle import marking, records
from hub.lifecycle.case import Act, Actor, Capacity, Case, CaseKind, CaseState, ObjectionGround, RecordName
from hub.lifecycle.desk import Desk, Session, no_case
from hub.lifecycle.moment import Moment
from hub.lifecycle.records import RecordState
from hub.policies.clocks import Limited
from hub.recall.notice import Cause


class Settlement(StrEnum):
    """How an objection is settled."""

    CORRECTED = "CORRECTED"
    WITHDRAWN = "WITHDRAWN"
    REJECTED = "REJECTED"
    BOTH_VIEWS = "BOTH_VIEWS"


_ENDED = {
    Settlement.CORRECTED: (MarkKind.DISPUTED, MarkKind.BOTH_VIEWS),
    Settlement.WITHDRAWN: (MarkKind.DISPUTED, MarkKind.BOTH_VIEWS),
    Settlement.REJECTED: (MarkKind.DISPUTED,),
    Settlement.BOTH_VIEWS: (MarkKind.DISPUTED,),
}
"""Marks that a settlement ends; one of both views stays until the record is corrected or withdrawn."""
_RECALLS = {Settlement.CORRECTED: Cause.CORRECTED, Settlement.WITHDRAWN: Cause.WITHDRAWN}


class ObjectionService:
    """Objections of one hub."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open(
        self, name: RecordName, ground: ObjectionGround, statement: str, actor: Actor, moment: Moment
    ) -> Case:
        """Object to a record.

        Raises:
            InputError: when the record is not published, there is an open objection to it, or nothing is said.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        if not statement.strip():
            raise InputError(
                "An objection says what is wrong.",
                hint="Write it in `statement`.",
                message_zh="请说明异议内容。",
            )
        domain = name.dataset.partition(".")[0]
        async with self._desk.opening(name, actor, moment) as opening:
            due = moment.clocks.due(Limited.OBJECTION, moment.today, domain)
            case = await opening.begin(
                CaseKind.OBJECTION, Act.OBJECT, CaseState.OBJECTED,
                due_on=due, decide_by=due, ground=ground, written={"statement": statement},
            )  # fmt: skip
            await marking.begin(
                opening.connection, name, MarkKind.DISPUTED, actor.client_id, moment.now, case_id=case.case_id
            )
            return case

    async def settle(
        self, case_id: str, settlement: Settlement, note: str, actor: Actor, moment: Moment
    ) -> Case:
        """Settle an objection.

        Raises:
            InputError: when there is no such open objection to a record of this source unit, no answer is given,
                or it is called corrected and no correction has come in.
            UnavailableError: when database, log or record cannot take it; nothing was done then.
        """
        if not note.strip():
            raise InputError(
                "An objection is answered in writing.",
                hint="Write the answer in `note`; the subject reads it.",
                message_zh="异议须书面答复，请填写说明。",
            )
        async with self._desk.handling(case_id, actor, moment) as session:
            if actor.capacity is not Capacity.SOURCE_UNIT:
                raise no_case()
            session.expect(CaseKind.OBJECTION, CaseState.OBJECTED)
            record = await session.record()
            if settlement is Settlement.CORRECTED and not await records.corrected_since(
                session.connection, record.name, session.case.record_version
            ):
                raise InputError(
                    "No correction of the record has come in.",
                    hint="Send the corrected row first, then settle the objection.",
                    message_zh="尚未收到更正后的记录，请先报送更正数据。",
                )
            if settlement is Settlement.WITHDRAWN and record.state is not RecordState.REVOKED:
                session.opened += await records.change(
                    session.connection, record, session.key, case_id, moment.now,
                    state=RecordState.REVOKED, visible_until=record.visible_until,
                )  # fmt: skip
            session.recall = _RECALLS.get(settlement)
            await _mark(session, settlement)
            await session.move(Act.SETTLE, CaseState(settlement), written={"note": note})
        return session.case


async def _mark(session: Session, settlement: Settlement) -> None:
    """What becomes of the record's marks."""
    connection, name, now = session.connection, session.case.record, session.moment.now
    await marking.end(connection, name, now, *_ENDED[settlement])
    if settlement is Settlement.BOTH_VIEWS:
        await marking.begin(
            connection, name, MarkKind.BOTH_VIEWS, session.actor.client_id, now, case_id=session.case.case_id
        )
