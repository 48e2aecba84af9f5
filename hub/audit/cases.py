"""Review cases: opened, assigned, commented, concluded by two persons where severity asks for it, reopened.

- Every act is one transaction with one entry of the log, which names case, state, codes and a digest of the text.
  `hub audit case check` holds the stored cases to these entries, so that none is taken away or changed unseen.
- The severity of a case from a finding is that of its rule; whoever opens it may raise it, never lower it.
- Entries of a case stand in no subject's ledger, because it may be about a lookup that is kept from the subject; but
  a subject that complained finds each act on its complaint.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import asyncpg

from hub.audit import case_store as store
from hub.audit.case_model import CaseAct, CaseEvent, CaseOrigin, ReviewCase, ReviewState, check_act
from hub.audit.case_text import Text, case_key, checked_text, new_text, open_key, seal_text, unseal_text
from hub.audit.entry import read_body
from hub.audit.log import AuditLog
from hub.audit.reviewer import Reviewer, made_by
from hub.audit.watch import act_entry
from hub.clock import civil_date
from hub.errors import InputError
from hub.keys.sealing import Sealer
from hub.policies.detections import Severity
from hub.policies.model import PolicySet
from hub.store.database import Database

MOST_ENTRIES = 200
"""Entries that one case is about."""
_WEIGHT = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}
_MADE = "SELECT idx, caller, body FROM log_entry WHERE log_id = 0 AND idx = ANY($1::bigint[])"


@dataclass(frozen=True, slots=True)
class Opening:
    """From what a case is opened."""

    text: str
    entries: Sequence[int] = ()
    rule: str | None = None
    """Id of the detection rule that found them."""
    subject_id: bytes | None = None
    """Who complained."""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Doing:
    """What is done to a case."""

    act: CaseAct
    text: str = ""
    outcome: str = ""
    assignee: str = ""
    """Pseudonym of a reviewer."""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its acts and what was written in them."""

    case: ReviewCase
    events: Sequence[CaseEvent]
    texts: Sequence[Text]
    """Of each act, in the same order."""


class ReviewCases:
    """The review cases of one database."""

    def __init__(self, database: Database, log: AuditLog, sealer: Sealer) -> None:
        self._database, self._log, self._sealer = database, log, sealer

    async def open(
        self, reviewer: Reviewer, opening: Opening, policy: PolicySet, now: datetime
    ) -> ReviewCase:
        """Open a case.

        Args:
            reviewer: who acts.
            opening: from what.
            policy: rules and terms.
            now: the instant.

        Raises:
            InputError: when there is nothing to open it from, an entry or rule does not exist, or the text is refused.
            UnavailableError: when database or log cannot take it; nothing was opened then.
        """
        text = new_text(checked_text(opening.text, required=True))
        entries = tuple(sorted(set(opening.entries)))
        severity = _severity(opening, policy)
        if len(entries) > MOST_ENTRIES or not (entries or opening.subject_id):
            raise _nothing()
        term = policy.review.severities[severity]
        due_on = policy.clocks.calendar.after(civil_date(now), term.working_days)
        case_id = "ac_" + secrets.token_urlsafe(16)
        kek_id, wrapped = self._sealer.new_data_key(case_key(case_id))
        async with self._database.connection() as connection, connection.transaction():
            concerned = await _concerned(connection, entries)
            case = ReviewCase(
                case_id, _origin(opening), opening.rule or "", severity, term.four_eyes, opening.subject_id, entries,
                concerned, ReviewState.OPEN, "", "", now, due_on, None, 0,
            )  # fmt: skip
            await store.insert(connection, case, (kek_id, wrapped))
            told = {
                "origin": case.origin.value, "rule": case.rule, "severity": severity.value,
                "fourEyes": term.four_eyes, "entries": list(entries), "concerned": sorted(concerned),
            }  # fmt: skip
            return await self._done(
                connection, case, (kek_id, wrapped), reviewer, Doing(CaseAct.OPEN), text, now, told
            )

    async def act(
        self, reviewer: Reviewer, case_id: str, doing: Doing, policy: PolicySet, now: datetime
    ) -> ReviewCase:
        """Do something to a case.

        Args:
            reviewer: who acts.
            case_id: of the case.
            doing: what is done.
            policy: terms and codes of conclusions.
            now: the instant.

        Raises:
            InputError: when there is no such case, it is not so far, this person may not do it, or text or outcome is
                refused.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        text = new_text(checked_text(doing.text, required=doing.act is not CaseAct.ASSIGN))
        if doing.act is CaseAct.CONCLUDE and doing.outcome not in policy.review.outcomes:
            raise InputError(
                "There is no such outcome of a case.",
                hint=f"Use one of: {', '.join(policy.review.outcomes)}.",
                message_zh="没有该结论代码。",
            )
        async with self._database.connection() as connection, connection.transaction():
            case, key = await self._get(connection, case_id, lock=True)
            proposed = None
            if case.state is ReviewState.PROPOSED:
                events = await store.events(connection, case_id)
                proposed = next(e for e in reversed(events) if e.act is CaseAct.CONCLUDE)
            check_act(case, doing.act, reviewer, proposed)
            after = _after(case, doing, policy, now)
            return await self._done(connection, after, key, reviewer, doing, text, now, {})

    async def file(self, case_id: str) -> CaseFile:
        """A case with its acts and texts.

        Raises:
            InputError: when there is no such case.
            SealError: when a text was altered.
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            case, wrapped = await self._get(connection, case_id)
            events = await store.events(connection, case_id)
        key = open_key(self._sealer, case_id, wrapped)
        return CaseFile(case, events, [unseal_text(key, case_id, e.number, e.sealed) for e in events])

    async def listed(
        self,
        *,
        states: Sequence[ReviewState] | None = None,
        assignee: str | None = None,
        overdue_on: date | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[ReviewCase]:
        """Cases without their texts, the soonest due first.

        Args:
            states: None: all.
            assignee: pseudonym of a reviewer; None: everybody's.
            overdue_on: only those that are overdue on this civil day.
            after: id of the last case of the page before.
            limit: at most so many.

        Raises:
            InputError: when there is no case `after`.
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            place = None
            if after is not None:
                last, _ = await self._get(connection, after)
                place = (last.due_on, last.case_id)
            return await store.listed(connection, states, assignee, overdue_on, place, limit)

    async def covering(self, findings: Sequence[tuple[str, Sequence[int]]]) -> list[list[str]]:
        """For each rule and its entries, the cases that were opened from that rule about one of them.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            return await store.covering(connection, findings)

    async def _get(
        self, connection: asyncpg.Connection, case_id: str, *, lock: bool = False
    ) -> tuple[ReviewCase, store.WrappedKey]:
        found = await store.get(connection, case_id, lock=lock)
        if found is None:
            raise InputError(
                "There is no such case.", hint="`hub audit case list` shows them.", message_zh="没有该案件。"
            )
        return found

    async def _done(
        self,
        connection: asyncpg.Connection,
        case: ReviewCase,
        wrapped: store.WrappedKey,
        reviewer: Reviewer,
        doing: Doing,
        text: Text,
        now: datetime,
        told: Mapping[str, Any],
    ) -> ReviewCase:
        """Store an act and how far the case is then; its entry comes last."""
        case = replace(case, events=case.events + 1)
        number = case.events
        detail = {
            "case": case.case_id, "number": number, "state": case.state.value, "person": reviewer.person,
            "outcome": doing.outcome, "assignee": doing.assignee, "text": text.digest,
            "due": case.due_on.isoformat(), **told,
        }  # fmt: skip
        subjects = (case.subject_id,) if case.subject_id is not None else ()
        entry = act_entry(reviewer, doing.act.operation, now, detail, subjects)
        sealed = seal_text(open_key(self._sealer, case.case_id, wrapped), case.case_id, number, text)
        event = CaseEvent(
            number, doing.act, case.state, now, reviewer.client_id, reviewer.institution, reviewer.operator,
            reviewer.person, doing.outcome, doing.assignee, entry.entry_id, sealed,
        )  # fmt: skip
        await store.save(connection, case)
        await store.add_event(connection, case.case_id, event)
        await self._log.append_in(connection, [entry])
        return case


def _severity(opening: Opening, policy: PolicySet) -> Severity:
    """What was asked for, but never less than the rule says."""
    if opening.rule is not None and opening.rule not in policy.detections:
        raise InputError(
            "There is no such rule of detection.",
            hint=f"The rules are {', '.join(policy.detections)}.",
            message_zh="没有该检测规则。",
        )
    least = policy.detections[opening.rule].severity if opening.rule is not None else Severity.LOW
    asked = opening.severity or (least if opening.rule is not None else Severity.MEDIUM)
    return max(least, asked, key=lambda severity: _WEIGHT[severity])


def _origin(opening: Opening) -> CaseOrigin:
    if opening.subject_id is not None:
        return CaseOrigin.COMPLAINT
    return CaseOrigin.FINDING if opening.rule is not None else CaseOrigin.ENTRIES


async def _concerned(connection: asyncpg.Connection, entries: Sequence[int]) -> frozenset[str]:
    """Who made these entries.

    Raises:
        InputError: when one of them does not exist.
    """
    makers, found = set(), set()
    for row in await connection.fetch(_MADE, list(entries)):
        found.add(row["idx"])
        body = read_body(row["body"]) if row["body"] is not None else {}
        makers.add(made_by(body.get("institution", ""), row["caller"], body.get("operator", "")))
    if found != set(entries):
        raise _nothing()
    return frozenset(makers - {""})


def _after(case: ReviewCase, doing: Doing, policy: PolicySet, now: datetime) -> ReviewCase:
    """How far a case is after an act."""
    if doing.act is CaseAct.ASSIGN:
        return replace(case, assignee=doing.assignee)
    if doing.act is CaseAct.CONCLUDE:
        if case.four_eyes:
            return replace(case, state=ReviewState.PROPOSED, outcome=doing.outcome)
        return replace(case, state=ReviewState.CLOSED, outcome=doing.outcome, closed_at=now)
    if doing.act is CaseAct.CONFIRM:
        return replace(case, state=ReviewState.CLOSED, closed_at=now)
    if doing.act is CaseAct.REJECT:
        return replace(case, state=ReviewState.OPEN, outcome="")
    if doing.act is CaseAct.REOPEN:
        days = policy.review.severities[case.severity].working_days
        due_on = policy.clocks.calendar.after(civil_date(now), days)
        return replace(case, state=ReviewState.OPEN, outcome="", closed_at=None, due_on=due_on)
    return case


def _nothing() -> InputError:
    return InputError(
        f"A case is opened about 1 to {MOST_ENTRIES} entries that exist, or a subject's complaint.",
        hint="Give indices that `hub audit list` or `hub audit detect` shows.",
        message_zh=f"立案须有1至{MOST_ENTRIES}条存在的日志记录，或主体的投诉。",
    )
