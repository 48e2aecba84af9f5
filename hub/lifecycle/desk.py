"""Where cases are handled: one act, one transaction, one entry in the log.

- A case is locked while somebody acts in it. The log's entry is written last, so that an act without its entry,
  or an entry without its act, cannot be.
- An act that takes a record out of publication, or closes over a correction, recalls it from all who got it.
- Whoever may not handle a case is told the same as for a case that does not exist.
- What subjects and handlers write is sealed under the subject's data key, bound to case and event.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from functools import partial

import asyncpg

from hub.audit.entry import OPENED, Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.errors import InputError
from hub.keys.cache import DataKeyCache
from hub.keys.sealing import DataKey, Sealer
from hub.lifecycle import records, store
from hub.lifecycle.case import Act, Actor, Capacity, Case, CaseKind, CaseState, Event, RecordName, same_person
from hub.lifecycle.moment import Moment
from hub.lifecycle.records import RecordFacts
from hub.lifecycle.written import seal, unseal
from hub.recall.notice import Cause
from hub.recall.service import RecallService
from hub.store.database import Database

_KEYS = 1_000


class Session:
    """One case in the hands of one actor, inside one transaction."""

    def __init__(
        self, connection: asyncpg.Connection, case: Case, key: DataKey, actor: Actor, moment: Moment
    ) -> None:
        self.connection = connection
        self.case = case
        self.key = key
        self.actor = actor
        self.moment = moment
        self.done: Event | None = None
        """What was done; None so far."""
        self.opened = 0  # sealed values that were opened, to be sealed anew
        self.recall: Cause | None = None
        """Why all who got the record are told, in the same transaction; None: they are not."""

    def expect(self, kind: CaseKind, state: CaseState) -> None:
        """Go on only with a case of this kind in this state.

        Raises:
            InputError: with the state it is in.
        """
        if self.case.kind is not kind:
            raise no_case()
        if self.case.state is not state:
            raise InputError(
                f"The case is {self.case.state}, and this act needs one that is {state}.",
                hint="Look at the case again.",
                message_zh="案件当前状态不允许此操作。",
            )

    async def apart(self, *acts: Act) -> list[Event]:
        """The events so far, if none of these acts was done by the same person.

        Raises:
            InputError: when one of them was.
        """
        events = await store.events(self.connection, self.case)
        if any(event.act in acts and same_person(event, self.actor) for event in events):
            raise InputError(
                "The case was accepted by the same person; somebody else must decide it.",
                hint="Let another person or client act; the token's `operator` names the person.",
                message_zh="受理与决定须由不同人员办理。",
            )
        return events

    async def record(self) -> RecordFacts:
        """The record as it is now.

        Raises:
            InputError: when there is none any more.
        """
        found = await records.read(self.connection, self.case.record)
        if found is None:
            raise no_record()
        return found

    async def move(
        self,
        act: Act,
        state: CaseState,
        *,
        due_on: date | None = None,
        decide_by: date | None = None,
        reason: str = "",
        written: Mapping[str, str] | None = None,
    ) -> None:
        """Take the case to its next state.

        Args:
            act: what was done.
            state: of the case from now on.
            due_on: last civil day of the next act; None closes the case.
            decide_by: last civil day of the decision, where that has moved.
            reason: code of the reason.
            written: texts by name; blank ones are left out.

        Raises:
            InputError: when a text is too long.
        """
        case, actor, now = self.case, self.actor, self.moment.now
        decided = case.decided_at or (now if due_on is None else None)
        revoked = now if state is CaseState.REVOKED else case.revoked_at
        number = case.events + 1
        self.case = replace(
            case, state=state, due_on=due_on, decide_by=decide_by or case.decide_by, decided_at=decided,
            revoked_at=revoked, events=number,
        )  # fmt: skip
        sealed = seal(self.key, case, number, written or {})
        self.done = Event(
            number, act, state, now, actor.client_id, actor.institution, actor.operator, reason, sealed
        )
        await store.save(self.connection, self.case)
        await store.add_event(self.connection, case, self.done)

    def entry(self) -> Entry:
        """The entry of what was done."""
        assert self.done is not None
        case, actor, record = self.case, self.actor, self.case.record
        return Entry(
            new_entry_id(),
            self.moment.now,
            Kind.ADMIN,
            EntryOutcome.DONE,
            actor.client_id,
            institution=actor.institution,
            operator=actor.operator,
            purpose=actor.purpose,
            operation=f"lifecycle.{case.kind.lower()}.{self.done.act}",
            policy=self.moment.policy.revision,
            subjects=(SubjectPart(record.subject_id, EntryOutcome.DONE),),
            detail={
                "case": case.case_id,
                "dataset": record.dataset,
                "record": record.record_id.hex(),
                "state": case.state,
                "reason": self.done.reason,
            }
            | ({OPENED: self.opened} if self.opened else {}),
        )


Teller = Callable[[asyncpg.Connection, Session], Awaitable[None]]
"""Tells those concerned what was done."""


class Desk:
    """Opens cases and hands them out to be acted in."""

    def __init__(
        self,
        database: Database,
        log: AuditLog,
        sealer: Sealer,
        recalls: RecallService,
        tell: Teller | None = None,
    ) -> None:
        """Set up.

        Args:
            database: where cases lie.
            log: where acts are recorded.
            sealer: opens data keys.
            recalls: issues the recalls that acts ask for, inside their transaction.
            tell: writes the notices of an act inside its transaction; None: nobody is told.
        """
        self.database = database
        self._log = log
        self._recalls = recalls
        self._keys = DataKeyCache(sealer, _KEYS)
        self._tell = tell

    @asynccontextmanager
    async def opening(
        self,
        name: RecordName,
        actor: Actor,
        moment: Moment,
        may: Callable[[RecordFacts], bool] | None = None,
    ) -> AsyncIterator[Opening]:
        """A record about which somebody wants to open a case; what is done inside is one transaction.

        Args:
            name: of the record.
            actor: who opens.
            moment: when, and under which rules.
            may: whether the actor may open a case about the record; None: it is shown, and the actor's own.

        Raises:
            InputError: when no such record of the subject is published today, whatever the reason.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        async with self.database.connection() as connection, connection.transaction():
            await records.lock(connection, name)  # not deleted while the case is being opened
            wrapped = await store.subject_key(connection, name.subject_id)
            record = await records.read(connection, name)
            if may is None:
                may = partial(_own_and_shown, actor, moment)
            if wrapped is None or record is None or not may(record):
                raise no_record()
            key = self._keys.open(name.subject_id, *wrapped)
            opening = Opening(connection, record, key, actor, moment)
            yield opening
            assert opening.session is not None
            await self._close(opening.session)

    @asynccontextmanager
    async def handling(self, case_id: str, actor: Actor, moment: Moment) -> AsyncIterator[Session]:
        """A case for somebody other than its subject to act in; what is done inside is one transaction.

        Raises:
            InputError: when there is no such case that the actor may handle, or it is the actor's own.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        async with self.database.connection() as connection, connection.transaction():
            found = await store.get(connection, case_id, lock=True)
            if found is None or not may_handle(found[0], actor):
                raise no_case()
            case, wrapped = found
            session = Session(
                connection, case, self._keys.open(case.record.subject_id, *wrapped), actor, moment
            )
            opened = (await store.events(connection, case))[0]
            of_unit = case.kind is CaseKind.SHIELD  # by the unit itself, confirmed by another person of it
            if actor.subject_id == case.record.subject_id or (
                actor.institution == opened.institution and not of_unit
            ):
                raise InputError(
                    "Nobody handles a case of its own.",
                    hint="Leave it to the operator or the source unit.",
                    message_zh="申请人及其单位不得办理本人（本单位）的案件。",
                )
            yield session
            await self._close(session)

    async def _close(self, session: Session) -> None:
        """Recall the record if the act says so, tell those concerned, then record it.

        The recall comes first: it searches the log before it locks it, and notices lock it at once.
        """
        entries = [session.entry()]
        if session.recall is not None:
            record, client = session.case.record, session.actor.client_id
            issued = await self._recalls.issue(
                session.connection, record.subject_id, record.dataset, record.record_id, session.recall,
                session.moment.now, client, keep_empty=False,
            )  # fmt: skip
            entries += [issued.entry] if issued is not None else []
        if self._tell is not None:
            await self._tell(session.connection, session)
        await self._log.append_in(session.connection, entries)

    async def file(self, case_id: str, actor: Actor) -> tuple[Case, list[tuple[Event, Mapping[str, str]]]]:
        """A case with its events and what was written in them, for its subject and its source unit.

        The operator gets the events without the texts: what subjects write is for those who must judge it.

        Raises:
            InputError: when there is no such case that the actor may see.
            SealError: when a text does not open.
        """
        async with self.database.connection() as connection:
            found = await store.get(connection, case_id)
            if found is None or not may_see(found[0], actor):
                raise no_case()
            case, wrapped = found
            events = await store.events(connection, case)
        if actor.capacity is Capacity.OPERATOR:
            return case, [(event, {}) for event in events]
        key = self._keys.open(case.record.subject_id, *wrapped)
        return case, [(event, unseal(key, case, event)) for event in events]

    async def own(self, subject_id: bytes, limit: int) -> list[Case]:
        """Cases of a subject, newest first."""
        async with self.database.connection() as connection:
            return await store.own(connection, subject_id, limit)

    async def due(self, actor: Actor, moment: Moment, limit: int, *, overdue: bool) -> list[Case]:
        """Open cases that the actor may handle, the most urgent first.

        Args:
            actor: a source unit (sees those about its records) or the operator (sees all).
            moment: decides what is late.
            limit: at most so many.
            overdue: only those whose next act is late.
        """
        unit = actor.institution if actor.capacity is Capacity.SOURCE_UNIT else None
        before = moment.today if overdue else None
        async with self.database.connection() as connection:
            return list(await store.due(connection, unit, before, limit))


class Opening:
    """A record about which a case can be opened, inside one transaction."""

    def __init__(
        self, connection: asyncpg.Connection, record: RecordFacts, key: DataKey, actor: Actor, moment: Moment
    ) -> None:
        self.connection = connection
        self.record = record
        self.session: Session | None = None
        self.key = key
        self._actor = actor
        self._moment = moment

    async def begin(
        self,
        kind: CaseKind,
        act: Act,
        state: CaseState,
        *,
        due_on: date | None,
        decide_by: date,
        ground: str,
        written: Mapping[str, str],
        unit: str = "",
    ) -> Case:
        """Open the case.

        Args:
            kind: of the case.
            act: that opens it.
            state: of the case.
            due_on: last civil day of the next act; None: the case is closed by the act that opens it.
            decide_by: last civil day of the decision.
            ground: code of the reason.
            written: texts by name.
            unit: who handles it; empty: the source unit of the record.

        Raises:
            InputError: when the record has an open case of this kind, or a text is too long.
        """
        record, moment = self.record, self._moment
        case = Case(
            "l_" + secrets.token_urlsafe(16), kind, record.name, record.version, unit or record.source_unit, state,
            ground, moment.now, due_on, decide_by, None, None, 0,
        )  # fmt: skip
        if not await store.insert(self.connection, case):
            raise InputError(
                "The record has an open case of this kind.",
                hint="Wait for its decision; `ownCases` lists yours.",
                message_zh="该记录已有同类案件正在办理。",
            )
        self.session = Session(self.connection, case, self.key, self._actor, moment)
        await self.session.move(act, state, due_on=due_on, reason=ground, written=written)
        return self.session.case


def _own_and_shown(actor: Actor, moment: Moment, record: RecordFacts) -> bool:
    return record.shown(moment.today) and actor.subject_id == record.name.subject_id


def may_handle(case: Case, actor: Actor) -> bool:
    """Whether an actor's capacity is one that handles this case."""
    if actor.capacity is Capacity.OPERATOR:
        return True
    return actor.capacity is Capacity.SOURCE_UNIT and actor.institution == case.source_unit


def may_see(case: Case, actor: Actor) -> bool:
    """Whether an actor may look into this case: who handles it, and the subject."""
    own = actor.capacity is Capacity.SUBJECT and actor.subject_id == case.record.subject_id
    return own or may_handle(case, actor)


def no_case() -> InputError:
    """The error for a case that does not exist, or that is none of the actor's business."""
    return InputError(
        "There is no such case that you may handle.",
        hint="`dueCases` and `ownCases` list yours.",
        message_zh="没有您可以办理的该案件。",
    )


def no_record() -> InputError:
    """The error for a record that is not published, be it unknown, expired, repaired or another subject's."""
    return InputError(
        "There is no such record of yours that is shown.",
        hint="Take dataset and id from your own report.",
        message_zh="没有正在公示的该条本人记录。",
    )
