"""Withdrawal (撤下): a record leaves publication because the decision behind it was revoked, changed or annulled.

- The unit that supplied the record withdraws it, naming the document and its day. The record is gone with the commit.
- It has three working days from the day of that document (administrative penalty law art. 48 and 85; the figure is
  data). A later withdrawal is done all the same, and flagged as late.
- The subject may report that the decision fell. That opens the case, so that it stands in the list of due and, soon,
  overdue cases until the unit withdraws the record or answers that the decision stands.
- A record may be withdrawn whether it is shown, expired, repaired or shielded: the decision fell in every case.
  Repair and shield cannot bring it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hub.errors import InputError, UnavailableError
from hub.lifecycle import records, store
from hub.lifecycle.case import Act, Actor, Capacity, Case, CaseKind, CaseState, RecordName, WithdrawalGround
from hub.lifecycle.desk import Desk, no_case
from hub.lifecycle.moment import Moment
from hub.lifecycle.records import RecordFacts, RecordState
from hub.policies.clocks import Limited
from hub.recall.notice import Cause

_WITHDRAWABLE = frozenset(RecordState) - {RecordState.REVOKED}


@dataclass(frozen=True, slots=True)
class FallenDecision:
    """The document by which a decision fell."""

    ground: WithdrawalGround
    document: str
    """Its number."""
    on: date
    """Its civil day; the time limit begins there."""


class WithdrawalService:
    """Withdrawals of one hub."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def report(self, name: RecordName, fallen: FallenDecision, actor: Actor, moment: Moment) -> Case:
        """The subject reports that the decision behind a record of its own fell.

        Raises:
            InputError: when the record is not published, is reported already, or document or day is missing.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        _check(fallen, moment)
        async with self._desk.opening(name, actor, moment) as opening:
            _check_order(fallen, opening.record)
            due = moment.clocks.due(Limited.WITHDRAWAL, fallen.on)
            return await opening.begin(
                CaseKind.WITHDRAWAL, Act.REPORT, CaseState.REPORTED,
                due_on=due, decide_by=due, ground=fallen.ground, written=_written(fallen),
            )  # fmt: skip

    async def withdraw(self, name: RecordName, fallen: FallenDecision, actor: Actor, moment: Moment) -> Case:
        """Withdraw a record of the actor's unit; closes the case that its subject opened, if any.

        Raises:
            InputError: when there is no such record of this unit, it is withdrawn already, it is about the unit
                itself, or document or day is missing.
            UnavailableError: when database, log or record cannot take it; nothing was done then.
        """
        _check(fallen, moment)
        if actor.capacity is not Capacity.SOURCE_UNIT:
            raise no_case()
        async with self._desk.database.connection() as connection:
            reported = await store.open_case(connection, name, CaseKind.WITHDRAWAL, actor.institution)
        if reported is not None:
            return await self._settle(reported, fallen, actor, moment)

        def may(record: RecordFacts) -> bool:
            own = record.source_unit == actor.institution and actor.subject_id != name.subject_id
            return own and record.state in _WITHDRAWABLE

        async with self._desk.opening(name, actor, moment, may) as opening:
            _check_order(fallen, opening.record)
            if await store.open_case(opening.connection, name, CaseKind.WITHDRAWAL, actor.institution):
                raise UnavailableError(
                    "The subject reported the same at the same moment; nothing was done.",
                    hint="Withdraw it once more; that answers the report.",
                    message_zh="主体同时提出了报告，本次操作未生效，请重试。",
                )
            due = moment.clocks.due(Limited.WITHDRAWAL, fallen.on)
            case = await opening.begin(
                CaseKind.WITHDRAWAL, Act.WITHDRAW, CaseState.WITHDRAWN,
                due_on=None, decide_by=due, ground=fallen.ground, written=_written(fallen),
            )  # fmt: skip
            opened = await records.change(
                opening.connection, opening.record, opening.key, case.case_id, moment.now,
                state=RecordState.REVOKED, visible_until=opening.record.visible_until,
            )  # fmt: skip
            assert opening.session is not None
            opening.session.recall = Cause.WITHDRAWN
            opening.session.opened += opened
        return case

    async def _settle(self, case_id: str, fallen: FallenDecision, actor: Actor, moment: Moment) -> Case:
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.WITHDRAWAL, CaseState.REPORTED)
            record = await session.record()
            _check_order(fallen, record)
            if record.state in _WITHDRAWABLE:  # else it is withdrawn already
                session.opened += await records.change(
                    session.connection, record, session.key, case_id, moment.now,
                    state=RecordState.REVOKED, visible_until=record.visible_until,
                )  # fmt: skip
                session.recall = Cause.WITHDRAWN
            await session.move(
                Act.WITHDRAW, CaseState.WITHDRAWN, reason=fallen.ground, written=_written(fallen)
            )
        return session.case

    async def reject(self, case_id: str, note: str, actor: Actor, moment: Moment) -> Case:
        """Answer a report: the decision stands, and the record stays shown.

        Raises:
            InputError: when there is no such report that the actor's unit may answer, or no answer is given.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        if not note.strip():
            raise InputError(
                "A report is answered in writing.",
                hint="Write the answer in `note`; the subject reads it.",
                message_zh="须书面答复，请填写说明。",
            )
        async with self._desk.handling(case_id, actor, moment) as session:
            if actor.capacity is not Capacity.SOURCE_UNIT:
                raise no_case()
            session.expect(CaseKind.WITHDRAWAL, CaseState.REPORTED)
            await session.move(Act.REJECT, CaseState.REJECTED, written={"note": note})
        return session.case


def _written(fallen: FallenDecision) -> dict[str, str]:
    return {"document": fallen.document, "documentDate": fallen.on.isoformat()}


def _check_order(fallen: FallenDecision, record: RecordFacts) -> None:
    if fallen.on < record.event_date:
        raise InputError(
            "The document is of a day before the decision.",
            hint="Give the day on which the decision was revoked or changed.",
            message_zh="文书日期不得早于原决定日期。",
        )


def _check(fallen: FallenDecision, moment: Moment) -> None:
    if not fallen.document.strip():
        raise InputError(
            "A withdrawal names the document by which the decision fell.",
            hint="Give its number.",
            message_zh="请填写撤销或变更文书的文号。",
        )
    if fallen.on > moment.today:
        raise InputError(
            "The document is of a day to come.",
            hint="Give the day on which the decision was revoked or changed.",
            message_zh="文书日期不得晚于今日。",
        )
