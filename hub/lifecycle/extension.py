"""Extension (延长) of the time limit of a decision: once, with a reason, before it is over, told to the subject.

What can be extended and by how much is data: `[[extension]]` in `policies/clocks.toml`. An objection to a financial
record cannot (regulation on the credit reporting industry art. 25: 20 days, no extension).
"""

from __future__ import annotations

from hub.errors import InputError
from hub.lifecycle import store
from hub.lifecycle.case import Act, Actor, Capacity, Case, CaseKind, CaseState, ExtensionReason
from hub.lifecycle.desk import Desk, no_case
from hub.lifecycle.moment import Moment
from hub.policies.clocks import Limited


class ExtensionService:
    """Extensions of one hub."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def extend(
        self, case_id: str, reason: ExtensionReason, note: str, actor: Actor, moment: Moment
    ) -> Case:
        """Extend the time limit of the decision in an open case.

        Raises:
            InputError: when there is no such case that the actor may handle, its limit cannot be extended, was
                extended before, or is over.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        async with self._desk.handling(case_id, actor, moment) as session:
            case = session.case
            act, domain = _limited(case)
            if act is Limited.OBJECTION and actor.capacity is not Capacity.SOURCE_UNIT:
                raise no_case()
            due = moment.clocks.extended(act, case.decide_by, domain) if act else None
            if due is None or case.due_on is None:
                raise InputError(
                    "The time limit of this act cannot be extended.",
                    hint="Act until the day it is due.",
                    message_zh="该办理时限不得延长。",
                )
            if case.overdue(moment.today):
                raise InputError(
                    "A time limit is extended before it is over.",
                    hint="Act now; the case is overdue.",
                    message_zh="时限已过，不得再延长。",
                )
            if any(e.act is Act.EXTEND for e in await store.events(session.connection, case)):
                raise InputError(
                    "The time limit was extended before; that is done only once.",
                    hint="Act until the day it is due.",
                    message_zh="办理时限只能延长一次。",
                )
            await session.move(
                Act.EXTEND, case.state, due_on=due, decide_by=due, reason=reason, written={"note": note}
            )
        return session.case


def _limited(case: Case) -> tuple[Limited | None, str]:
    """The limit that runs in a case, and the domain it depends on."""
    if case.kind is CaseKind.REPAIR and case.state is CaseState.ACCEPTED:
        return Limited.REPAIR_DECIDE, ""
    if case.kind is CaseKind.OBJECTION and case.state is CaseState.OBJECTED:
        return Limited.OBJECTION, case.record.dataset.partition(".")[0]
    return None, ""
