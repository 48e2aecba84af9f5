"""Repair of dishonesty records (信用修复): application, acceptance, decision, and its revocation.

- A subject may apply for repair of its own published record from the day after the shortest period of publication,
  with the number of a proof that its duty is done and of its credit commitment; nothing else may be asked for.
- The source unit or the operator accepts or declines within 3 working days. The decision follows within 10 working
  days of the application, by another person. At least one of the two is the unit that found the conduct:
  谁认定、谁修复.
- Approved: the record leaves publication with the commit, and cannot be told from one that never was. All who got it
  are told to stop using it.
- A repair got by a false proof or promise is taken back by the source unit: the record is published again, and both
  its periods begin anew on that day.
- A shortest period that is not over is looked at twice, at the application and at the decision: a correction in
  between may have moved it.

Sources: credit repair rules (NDRC order 36 of 2025, in force 2026-04-01); State Council office document 22 of
2025; periods and time limits are data, in `policies/clocks.toml`.

Example: a GENERAL penalty of 2026-03-05 may be repaired from 2026-06-06. Applied for on Wednesday 2026-09-30, it is
accepted by Saturday 2026-10-10, a make-up day, and decided by 2026-10-20.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import asyncpg

from hub.clock import civil_date
from hub.errors import InputError
from hub.lifecycle import records, store
from hub.lifecycle.case import Act, Actor, Capacity, Case, CaseKind, CaseReason, CaseState, RecordName
from hub.lifecycle.desk import Desk, Session, no_case
from hub.lifecycle.moment import Moment
from hub.lifecycle.records import RecordFacts, RecordState
from hub.policies.clocks import Limited
from hub.recall.notice import Cause


@dataclass(frozen=True, slots=True)
class Application:
    """What a subject hands in."""

    proof: str
    """Number or reference of the proof that the duty is done."""
    commitment: str
    """Number of the credit commitment (信用承诺书)."""
    statement: str = ""
    """Anything the subject wants to say."""


class RepairService:
    """Repairs of one hub."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def apply(self, name: RecordName, application: Application, actor: Actor, moment: Moment) -> Case:
        """Apply for repair of a record.

        Raises:
            InputError: when the record is not published or cannot be repaired yet or at all, or proof or
                commitment is missing.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        if not application.proof.strip() or not application.commitment.strip():
            raise InputError(
                "A repair needs a proof that the duty is done and a credit commitment.",
                hint="Give the number of each; nothing else is needed.",
                message_zh="申请信用修复须提交义务履行完毕的证明材料和信用承诺书。",
            )
        clocks, today = moment.clocks, moment.today
        async with self._desk.opening(name, actor, moment) as opening:
            await _hold_to_period(opening.connection, opening.record, moment)
            decide_by = clocks.due(Limited.REPAIR_DECIDE, today)
            return await opening.begin(
                CaseKind.REPAIR, Act.APPLY, CaseState.APPLIED,
                due_on=clocks.due(Limited.REPAIR_ACCEPT, today), decide_by=decide_by, ground="",
                written={
                    "proof": application.proof,
                    "commitment": application.commitment,
                    "statement": application.statement,
                },
            )  # fmt: skip

    async def accept(self, case_id: str, actor: Actor, moment: Moment) -> Case:
        """Accept an application for decision.

        Raises:
            InputError: when there is no such application that the actor may handle.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.REPAIR, CaseState.APPLIED)
            await session.move(Act.ACCEPT, CaseState.ACCEPTED, due_on=session.case.decide_by)
        return session.case

    async def decline(
        self, case_id: str, reason: CaseReason, note: str, actor: Actor, moment: Moment
    ) -> Case:
        """Decline to decide an application; the subject is told why, and may apply again.

        Raises:
            InputError, UnavailableError: as `accept`.
        """
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.REPAIR, CaseState.APPLIED)
            await session.move(Act.DECLINE, CaseState.DECLINED, reason=reason, written={"note": note})
        return session.case

    async def approve(self, case_id: str, note: str, actor: Actor, moment: Moment) -> Case:
        """Approve a repair: the record leaves publication.

        Raises:
            InputError: as `accept`, and when the same person accepted it, the finding unit took no part, or
                the record cannot be repaired.
            UnavailableError: when database, log or record cannot take it; nothing was done then.
        """
        async with self._desk.handling(case_id, actor, moment) as session:
            await _may_decide(session)
            record = await session.record()
            if record.state is not RecordState.VALID:
                raise _not_published()
            await _hold_to_period(session.connection, record, moment)
            session.opened += await records.change(
                session.connection, record, session.key, case_id, moment.now,
                state=RecordState.REPAIRED, visible_until=record.visible_until,
            )  # fmt: skip
            session.recall = Cause.REPAIRED
            await session.move(Act.APPROVE, CaseState.APPROVED, written={"note": note})
        return session.case

    async def reject(self, case_id: str, reason: CaseReason, note: str, actor: Actor, moment: Moment) -> Case:
        """Reject a repair; the subject is told why.

        Raises:
            InputError: as `accept`, and when the same person accepted it or the finding unit took no part.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        async with self._desk.handling(case_id, actor, moment) as session:
            await _may_decide(session)
            await session.move(Act.REJECT, CaseState.REJECTED, reason=reason, written={"note": note})
        return session.case

    async def revoke(self, case_id: str, reason: CaseReason, note: str, actor: Actor, moment: Moment) -> Case:
        """Take a repair back: the record is published again, and its periods begin anew.

        Raises:
            InputError: when there is no such approved repair of this source unit, or the record has changed its
                state since.
            UnavailableError: when database, log or record cannot take it; nothing was done then.
        """
        async with self._desk.handling(case_id, actor, moment) as session:
            if actor.capacity is not Capacity.SOURCE_UNIT:
                raise no_case()
            session.expect(CaseKind.REPAIR, CaseState.APPROVED)
            record = await session.record()
            if record.state is not RecordState.REPAIRED:
                raise _not_published()
            severity = _severity(record, moment)
            period = moment.clocks.publication_of(record.name.dataset, severity)
            session.opened += await records.change(
                session.connection, record, session.key, case_id, moment.now,
                state=RecordState.VALID, visible_until=period.hidden_from(moment.today),
            )  # fmt: skip
            await session.move(Act.REVOKE, CaseState.REVOKED, reason=reason, written={"note": note})
        return session.case


async def _may_decide(session: Session) -> None:
    """Hold a decision to its rules: another person than the one who accepted, and the finding unit took part."""
    session.expect(CaseKind.REPAIR, CaseState.ACCEPTED)
    events = await session.apart(Act.ACCEPT)
    unit = session.case.source_unit
    if session.actor.institution != unit and all(event.institution != unit for event in events[1:]):
        raise InputError(
            "The unit that found the conduct has not looked at the case.",
            hint="Leave the decision to the source unit of the record.",
            message_zh="谁认定、谁修复：须由认定单位参与办理。",
        )


async def _hold_to_period(connection: asyncpg.Connection, record: RecordFacts, moment: Moment) -> None:
    severity = _severity(record, moment)
    period = moment.clocks.publication_of(record.name.dataset, severity)
    revoked = await store.last_revoked(connection, record.name)
    begun = max(record.event_date, civil_date(revoked) if revoked else date.min)
    earliest = period.earliest_repair(begun)
    if moment.today < earliest:
        raise InputError(
            f"The shortest period of publication is not over; repair is possible from {earliest.isoformat()}.",
            hint="Apply on or after that day.",
            message_zh=f"最短公示期未满，{earliest.isoformat()} 起可以申请修复。",
        )


def _severity(record: RecordFacts, moment: Moment) -> str:
    """The severity of a record that can be repaired.

    Raises:
        InputError: when it is no negative record, or is repaired elsewhere.
    """
    if record.severity is None or record.name.dataset in moment.clocks.not_repairable:
        raise InputError(
            "A record of this kind is not repaired by application.",
            hint="Ask the unit that made the record, or object to it.",
            message_zh="此类记录不适用信用修复申请，请向认定单位提出或申请异议。",
        )
    return record.severity


def _not_published() -> InputError:
    return InputError(
        "The record's state has changed since; this act no longer applies.",
        hint="Look at the record's other cases.",
        message_zh="该记录的状态已改变，此操作不再适用。",
    )
