"""Shielding (信用屏蔽) of negative records while a reorganisation plan is carried out, on a court's ruling.

- Whoever may register a ruling: the unit that supplied the record, for records of its own; a judicial body, for
  records of every unit.
- Nothing is hidden by one person: one registers ruling and day of review, another person of the same institution
  confirms. The record leaves publication with that commit and looks like one that never was.
- The case stays open and is due on the day of review. Then the shield is confirmed until a later day, or lifted.
- Lifted (the plan failed or ended, the ruling was revoked), the record is shown again by its own dates: its clocks
  have run on. What was withdrawn meanwhile stays withdrawn.

Sources: Hainan social credit document 2025, art. 33 (temporary shielding on a court's ruling); the time limit for
confirmation is data, in `policies/clocks.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hub.errors import InputError
from hub.lifecycle import records
from hub.lifecycle.case import Act, Actor, Capacity, Case, CaseKind, CaseState, LiftReason, RecordName
from hub.lifecycle.desk import Desk, Session, no_case
from hub.lifecycle.moment import Moment
from hub.lifecycle.records import RecordFacts, RecordState
from hub.model.workdays import months_after
from hub.policies.clocks import Limited
from hub.recall.notice import Cause

MOST_MONTHS = 36
"""Longest time to the next review; no record is published longer."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A court's ruling."""

    number: str
    review_on: date
    """Civil day on which somebody looks whether the plan still runs."""


class ShieldService:
    """Shields of one hub."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def register(
        self, name: RecordName, ruling: Ruling, actor: Actor, moment: Moment, *, court: bool
    ) -> Case:
        """Enter a ruling about a negative record that is shown.

        Args:
            name: of the record.
            ruling: number and day of review.
            actor: who enters it.
            moment: when.
            court: whether the actor is a judicial body.

        Raises:
            InputError: when there is no such record that the actor may shield, a ruling about it waits or holds
                already, or the ruling is not complete.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        _only_units(actor)
        _check(ruling.review_on, moment)
        if not ruling.number.strip():
            raise InputError(
                "A shield rests on a court's ruling.",
                hint="Give the number of the ruling.",
                message_zh="请填写法院裁定书文号。",
            )

        def may(record: RecordFacts) -> bool:
            own = court or record.source_unit == actor.institution
            others = actor.subject_id != name.subject_id
            return own and others and record.severity is not None and record.shown(moment.today)

        async with self._desk.opening(name, actor, moment, may) as opening:
            due = moment.clocks.due(Limited.SHIELD_CONFIRM, moment.today)
            written = {"ruling": ruling.number, "reviewOn": ruling.review_on.isoformat()}
            return await opening.begin(
                CaseKind.SHIELD, Act.REGISTER, CaseState.REGISTERED,
                due_on=due, decide_by=due, ground="COURT_RULING", written=written, unit=actor.institution,
            )  # fmt: skip

    async def confirm(self, case_id: str, review_on: date, actor: Actor, moment: Moment) -> Case:
        """Confirm a registered ruling as another person: the record leaves publication.

        Raises:
            InputError: when there is no such ruling of the actor's institution, the same person entered it, the
                record is not shown any more, or the day of review cannot be.
            UnavailableError: when database, log or record cannot take it; nothing was done then.
        """
        _only_units(actor)
        _check(review_on, moment)
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.SHIELD, CaseState.REGISTERED)
            await session.apart(Act.REGISTER)
            await _change(session, RecordState.VALID, RecordState.SHIELDED)
            session.recall = Cause.SHIELDED
            await session.move(Act.CONFIRM, CaseState.SHIELDED, due_on=review_on)
        return session.case

    async def reject(self, case_id: str, note: str, actor: Actor, moment: Moment) -> Case:
        """Drop a registered ruling that should not take effect.

        Raises:
            InputError: when there is no such ruling of the actor's institution.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        _only_units(actor)
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.SHIELD, CaseState.REGISTERED)
            await session.move(Act.REJECT, CaseState.REJECTED, written={"note": note})
        return session.case

    async def review(self, case_id: str, review_on: date, note: str, actor: Actor, moment: Moment) -> Case:
        """Confirm that the plan still runs, and say when to look again.

        Raises:
            InputError: when there is no such shield of the actor's institution, or the day cannot be.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        _only_units(actor)
        _check(review_on, moment)
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.SHIELD, CaseState.SHIELDED)
            await session.move(Act.REVIEW, CaseState.SHIELDED, due_on=review_on, written={"note": note})
        return session.case

    async def lift(self, case_id: str, reason: LiftReason, note: str, actor: Actor, moment: Moment) -> Case:
        """Lift a shield: the record is shown again by its own dates.

        Raises:
            InputError: when there is no such shield of the actor's institution.
            UnavailableError: when database, log or record cannot take it; nothing was done then.
        """
        _only_units(actor)
        async with self._desk.handling(case_id, actor, moment) as session:
            session.expect(CaseKind.SHIELD, CaseState.SHIELDED)
            record = await session.record()
            if record.state is RecordState.SHIELDED:  # else it was withdrawn meanwhile, and stays so
                await _change(session, RecordState.SHIELDED, RecordState.VALID)
            await session.move(Act.LIFT, CaseState.LIFTED, reason=reason, written={"note": note})
        return session.case


async def _change(session: Session, before: RecordState, after: RecordState) -> None:
    record = await session.record()
    if record.state is not before:
        raise InputError(
            "The record's state has changed since; this act no longer applies.",
            hint="Look at the record's other cases.",
            message_zh="该记录的状态已改变，此操作不再适用。",
        )
    session.opened += await records.change(
        session.connection, record, session.key, session.case.case_id, session.moment.now,
        state=after, visible_until=record.visible_until,
    )  # fmt: skip


def _only_units(actor: Actor) -> None:
    if actor.capacity is not Capacity.SOURCE_UNIT:
        raise no_case()


def _check(review_on: date, moment: Moment) -> None:
    if not moment.today < review_on <= months_after(moment.today, MOST_MONTHS):
        raise InputError(
            f"The day of review lies between tomorrow and {MOST_MONTHS} months from now.",
            hint="Give the day on which the plan is looked at again.",
            message_zh=f"复核日须在明日至 {MOST_MONTHS} 个月之内。",
        )
