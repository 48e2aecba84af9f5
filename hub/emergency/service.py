"""Emergency access: requested by an institution, approved by another person, ended and reviewed by the officer.

- A request says nothing of whether its subject is there, and neither does the approval: neither looks.
- Whoever approves is not who requested; whoever reviews did neither. Of two acts in different places (command line,
  clients) nobody knows that they are two persons'.
- An approved grant lies beside the consents of its subject, so that the gate reads it as it reads those. The subject
  does not see it among its consents and cannot withdraw it; the officer can end it at once, for every process.
- Each act is one transaction with one entry under the purpose of the emergency, so that the subject's ledger shows
  it as late as the lookups.
- An emergency that is not there and one that may not be handled are one and the same refusal.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

import asyncpg

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.clock import civil_date, to_millis
from hub.consent import store as grants
from hub.consent.artefact import Origin
from hub.consent.emergency import Approved, emergency_grant
from hub.consent.service import recipient_name
from hub.emergency import store
from hub.emergency.case import Danger, Emergency, EmergencyAct, EmergencyState, Verdict
from hub.emergency.store import Wanted
from hub.errors import InputError
from hub.identity.details import fit_reference
from hub.intake.acting import Steward
from hub.keys.ring import KeyRing
from hub.model.words import fit_words
from hub.policies.emergency import EmergencyTerms
from hub.policies.model import PolicySet
from hub.store.database import Database

MOST_WORDS = 500
"""Characters of a reason or of the words of a review at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an institution asks for."""

    subject_id: bytes
    purpose: str
    institution: str
    danger: Danger
    reason: str
    reference: str


class EmergencyService:
    """Emergencies of one hub."""

    def __init__(self, database: Database, log: AuditLog, ring: KeyRing) -> None:
        self._database = database
        self._log = log
        self._ring = ring
        self._seal = ring.client_seal()

    async def request(self, asked: Asked, steward: Steward, policy: PolicySet, now: datetime) -> Emergency:
        """Ask for access in an emergency; nothing is open before somebody else approves.

        Raises:
            InputError: when reason or reference are not fit, the institution does not hold the purpose, or as many
                of its requests wait as the rules allow.
            UnavailableError: when database or log cannot take it.
        """
        terms = _terms(policy, asked.purpose)
        _check_words(asked.reason)
        if not fit_reference(asked.reference):
            _refuse(
                "`reference` is no case or file number.",
                "reference 应为不超过128字的案号或卷宗号，且不得含公民身份号码。",
                "Write up to 128 printable characters, and no resident identity number.",
            )
        emergency = Emergency(
            "e_" + secrets.token_urlsafe(16), asked.subject_id, asked.purpose, asked.institution, asked.danger,
            asked.reason.strip(), asked.reference.strip(), EmergencyState.REQUESTED, now,
            now + timedelta(hours=terms.hours), None, None, 0, None, None, None, False, None, "", None,
        )  # fmt: skip
        async with self._database.connection() as connection, connection.transaction():
            await recipient_name(connection, asked.institution, asked.purpose, policy, self._seal)
            waiting = await store.open_requests(connection, asked.institution, asked.purpose, now)
            if waiting >= terms.open_requests:
                _refuse(
                    f"The institution has {waiting} requests that wait for approval, as many as it may.",
                    f"该机构待批的紧急查询申请已达上限（{terms.open_requests} 件）。",
                    "Have one approved or declined first; requests that nobody approves lapse.",
                )
            await store.insert(connection, emergency)
            return await self._done(connection, emergency, EmergencyAct.REQUEST, steward, policy, now, {})

    async def approve(
        self, emergency_id: str, steward: Steward, policy: PolicySet, now: datetime
    ) -> Emergency:
        """Approve a request; the grant is in force at once, for the hours that the rules say.

        Raises:
            InputError: when nothing waits, or whoever requested it approves it.
            UnavailableError: when database or log cannot take it; nothing was granted then.
        """
        async with self._taken(emergency_id, now, EmergencyState.REQUESTED) as (connection, found):
            terms = _terms(policy, found.purpose)
            before = await self._apart(connection, found, steward, EmergencyAct.REQUEST)
            await recipient_name(connection, found.institution, found.purpose, policy, self._seal)
            approved = Approved(
                found.emergency_id, found.subject_id, found.purpose, found.institution, found.danger.value,
                found.reference, before[EmergencyAct.REQUEST], _person(steward),
            )  # fmt: skip
            grant = emergency_grant(self._ring, approved, policy, now)
            await grants.insert(connection, grant)
            over = _owed(terms, grant.valid_to)
            await store.move(connection, found, state="APPROVED", approved_at=now, **over)
            detail = {"validTo": to_millis(grant.valid_to), "requestedBy": approved.requested_by}
            return await self._done(
                connection, found, EmergencyAct.APPROVE, steward, policy, now, detail
            )  # fmt: skip

    async def end(
        self, emergency_id: str, reason: str, steward: Steward, policy: PolicySet, now: datetime
    ) -> Emergency:
        """End a grant before its time, or decline a request; every request that starts afterwards is refused.

        Raises:
            InputError: when there is neither, or the reason is not fit.
            UnavailableError: when database or log cannot take it; nothing was changed then.
        """
        _check_words(reason)
        states = EmergencyState.REQUESTED, EmergencyState.IN_FORCE
        async with self._taken(emergency_id, now, *states) as (connection, found):
            if found.state is EmergencyState.REQUESTED:
                await store.move(connection, found, state="DECLINED", over_at=now)
                return await self._done(connection, found, EmergencyAct.DECLINE, steward, policy, now, {})
            await grants.revoke(
                connection, found.subject_id, found.emergency_id, now, reason.strip(), Origin.EMERGENCY
            )
            await store.move(connection, found, **_owed(_terms(policy, found.purpose), now))
            return await self._done(connection, found, EmergencyAct.END, steward, policy, now, {})

    async def review(
        self, emergency_id: str, verdict: Verdict, words: str, steward: Steward, policy: PolicySet, now: datetime
    ) -> Emergency:  # fmt: skip
        """Say whether a grant that is over was justified, and why.

        Raises:
            InputError: when none waits for a review, the words are not fit, or the person requested or approved it.
            UnavailableError: when database or log cannot take it.
        """
        _check_words(words)
        async with self._taken(emergency_id, now, EmergencyState.OVER) as (connection, found):
            await self._apart(connection, found, steward, EmergencyAct.REQUEST, EmergencyAct.APPROVE)
            await store.move(
                connection, found, state="REVIEWED", verdict=verdict.value, verdict_words=words.strip(),
                reviewed_at=now,
            )  # fmt: skip
            late = found.review_overdue(civil_date(now))
            detail = {"verdict": verdict.value, "uses": found.uses, "late": late}
            return await self._done(connection, found, EmergencyAct.REVIEW, steward, policy, now, detail)

    async def listed(
        self, wanted: Wanted, now: datetime, limit: int, after: str | None = None
    ) -> list[Emergency]:
        """Emergencies, the oldest request first.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            return await store.listed(connection, wanted, now, limit, after)

    @asynccontextmanager
    async def _taken(
        self, emergency_id: str, now: datetime, *states: EmergencyState
    ) -> AsyncIterator[tuple[asyncpg.Connection, Emergency]]:
        """An emergency in one of these states, locked in a transaction."""
        async with self._database.connection() as connection, connection.transaction():
            found = await store.locked(connection, emergency_id, now)
            if found is None or found.state not in states:
                raise no_emergency()
            yield connection, found

    async def _apart(
        self, connection: asyncpg.Connection, emergency: Emergency, steward: Steward, *others: EmergencyAct
    ) -> Mapping[EmergencyAct, Mapping[str, str]]:
        """Who did what so far, if none of these acts may be the same person's."""
        before = await store.acts(connection, emergency)
        for act in others:
            who = before[act]
            if steward.is_also(who["client"], who["institution"], who["operator"]):
                _refuse(
                    "The same person has already acted on this emergency; somebody else must do this.",
                    "申请、批准与审查须由不同人员办理。",
                    "Let another person act in the same place (command line or client); tokens name the person as"
                    " `operator`.",
                )
        return before

    async def _done(
        self,
        connection: asyncpg.Connection,
        emergency: Emergency,
        act: EmergencyAct,
        steward: Steward,
        policy: PolicySet,
        now: datetime,
        detail: Mapping[str, Any],
    ) -> Emergency:
        """Note who did it, write the entry, and give the emergency as it is now."""
        await store.add_act(connection, emergency, act, steward, now)
        said = {"emergency": emergency.emergency_id, "grantee": emergency.institution, **detail}
        entry = Entry(
            new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, steward.client_id,
            institution=steward.institution, operator=steward.operator, purpose=emergency.purpose,
            operation=f"emergency.{act}", policy=policy.revision, catalogue=steward.catalogue,
            subjects=(SubjectPart(emergency.subject_id, EntryOutcome.DONE),),
            detail={**said, "danger": emergency.danger.value},
        )  # fmt: skip
        await self._log.append_in(connection, [entry])
        moved = await store.locked(connection, emergency.emergency_id, now)
        assert moved is not None
        return moved


def no_emergency() -> InputError:
    """What everybody is told who may not handle an emergency, or names one that is not there."""
    return InputError(
        "There is no emergency of this id on which this can be done.",
        hint="`emergencies` lists them with their states.",
        message_zh="没有可作此处理的紧急查询。",
    )


def _terms(policy: PolicySet, purpose: str) -> EmergencyTerms:
    known = policy.purposes.get(purpose)
    if known is None or known.emergency is None:
        raise no_emergency()
    return known.emergency


def _owed(terms: EmergencyTerms, over_at: datetime) -> dict[str, Any]:
    """When it is over, and what is owed by when."""
    day = civil_date(over_at)
    return {
        "over_at": over_at,
        "review_by": day + timedelta(days=terms.review_days),
        "tell_from": day + timedelta(days=terms.ledger_delay_days),
        "tell_by": day + timedelta(days=terms.notice_days),
    }


def _person(steward: Steward) -> Mapping[str, str]:
    return {"client": steward.client_id, "institution": steward.institution, "operator": steward.operator}


def _check_words(words: str) -> None:
    if not fit_words(words, MOST_WORDS):
        _refuse(
            "The words are blank, too long, or hold control characters or a resident identity number.",
            "文字为空、过长，或含控制字符、公民身份号码。",
            f"Write up to {MOST_WORDS} printable characters; name the file, not the person.",
        )


def _refuse(message: str, message_zh: str, hint: str) -> NoReturn:
    raise InputError(message, hint=hint, message_zh=message_zh)
