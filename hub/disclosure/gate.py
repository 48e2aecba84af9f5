"""The disclosure gate: the only way from stored records to a caller.

For each subject that an operation asks about:

1. the token must name the subject, and the caller must hold the purpose it states; one outside the mainland also
   needs a permit for data to leave to it;
2. no more subjects are asked about at once than the fair-use template of the purpose allows;
3. persons under fourteen are refused;
4. a government purpose needs a matter on the published list, other purposes the subject's own consent;
5. the plan says, per field, what becomes of it: policy and consent must both open it;
6. one statement reads subject, consent and records together, so a withdrawn consent reads nothing, and a county
   nothing of a subject of another division;
7. only fields that the plan shows are unsealed, masked, shaped.

A refusal at any step gives null and an error with a reason that depends on the token, the rules, the caller's
own consents and how often it has asked, never on what is stored. Every subject, shown or refused, becomes a part
of the audit entry; `Accountant` writes it, and counts what was used, before the answer leaves.

Many subjects of one operation are read in chunks, a statement for each plan of a chunk, and the next chunk is read
while one is shaped (`hub.disclosure.many`). Each is decided on its own, as if it had been asked for alone.

Example: a bank with a token for LOAN_APPLICATION, one company and its consent, asks
`organization(uscc: "91460100DEM000014C") { name legalRepresentative { name } }` and gets the name in clear, the
representative's name masked, a note on the mask naming the rule, and a receipt.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from hub.audit.reservation import Refusal, ReservationRefusedError
from hub.catalog.types import SubjectKind
from hub.clock import civil_date
from hub.consent.service import ConsentService
from hub.disclosure.basis import (
    Ground,
    check_age,
    check_border,
    division_for,
    explain_no_row,
    fair_use_for,
    grant_for,
    ground_for,
    refusal,
)
from hub.disclosure.budget import shut_questions
from hub.disclosure.compiled import CompiledPlans, CompiledRoot
from hub.disclosure.fair_use import SpentQuotas, quota_uses
from hub.disclosure.many import in_chunks
from hub.disclosure.operations import Prepared, SubjectRoot
from hub.disclosure.read import Wanted, read_many, read_report
from hub.disclosure.report import Part, Report
from hub.disclosure.rules import Rules
from hub.disclosure.subject import Subject, disclose
from hub.errors import DisclosureRefusedError, InputError
from hub.identity.details import Grant
from hub.identity.tokens import Caller
from hub.keys.cache import DataKeyCache
from hub.model.outcome import Reason
from hub.model.subjects import SubjectName
from hub.policies.model import Beyond, FairUse, PolicySet
from hub.store.database import Database

_ORGANIZATIONS = 20_000
_LISTS = 4
"""Lists of subjects that are read at once in one process; others wait, so that single requests are served."""
_AT_ONCE = 4
"""Subjects of a list that are planned or shaped before other requests have their turn."""
_Item = tuple[SubjectName, Part]


class DisclosureGate:
    """Runs the subject roots of operations."""

    def __init__(
        self,
        database: Database,
        consents: ConsentService,
        keys: DataKeyCache,
        resolve_subject: Callable[[str, str], bytes],
        max_page: int,
        spent: SpentQuotas,
        max_answer_bytes: int,
    ) -> None:
        """Set up the gate.

        Args:
            database: where records lie.
            consents: finds consents.
            keys: opened data keys.
            resolve_subject: kind and normalised identifier to subject id.
            max_page: largest page of a list.
            spent: quotas that are known to be used up.
            max_answer_bytes: most bytes of data of one answer.
        """
        self.database = database
        self._resolve = resolve_subject
        self.consents, self.keys, self.spent = consents, keys, spent
        self.plans = CompiledPlans(max_page)
        self.max_bytes = max_answer_bytes
        self._lists = asyncio.Semaphore(_LISTS)
        self._organizations: OrderedDict[str, bytes] = OrderedDict()

    async def report(
        self,
        rules: Rules,
        caller: Caller,
        prepared: Prepared,
        asked: Sequence[Sequence[SubjectName]],
        now: datetime,
        report: Report,
    ) -> None:
        """Disclose, or refuse, every subject of an operation into `report`.

        Args:
            rules: in force.
            caller: who asks.
            prepared: the operation.
            asked: the subjects of each root, from `prepared.asked`.
            now: instant of the request.
            report: takes what is disclosed; holds a part for every subject from the start.

        Raises:
            InputError: when the answer would be too large.
            UnavailableError: when the database is away; nothing is disclosed then.
            IntegrityError: when something stored does not verify.
        """
        roots: list[tuple[SubjectRoot, list[_Item]]] = []
        for root, names in zip(prepared.subjects, asked, strict=True):
            key = root.selected.key
            if root.many:
                parts = [Part((key, number), self._subject_id(name)) for number, name in enumerate(names)]
                report.roots[key] = parts
            else:
                report.roots[key] = part = Part((key,), self._subject_id(names[0]))
                parts = [part]
            roots.append((root, list(zip(names, parts, strict=True))))
        too_many = _too_many(rules.policy, caller, list(report.parts()))
        request = _Request(self, rules, caller, prepared, now, civil_date(now), report, too_many)
        for root, items in roots:
            if root.many:
                async with self._lists:
                    await request.many(root, items)
        if all(root.many for root in prepared.subjects):
            return
        async with self.database.connection() as connection:
            for root, items in roots:
                if not root.many:
                    await request.one(connection, root, *items[0])

    def _subject_id(self, name: SubjectName) -> bytes:
        kind, identifier = name
        if identifier.startswith("sub_"):
            return bytes.fromhex(identifier[4:])
        if kind == SubjectKind.PERSON:
            return self._resolve(kind, identifier)  # identifiers of persons are not kept in memory
        found = self._organizations.get(identifier)
        if found is None:
            found = self._organizations[identifier] = self._resolve(kind, identifier)
            if len(self._organizations) > _ORGANIZATIONS:
                self._organizations.popitem(last=False)
        return found


@dataclass(frozen=True)
class _Request:
    """One operation on its way through the gate."""

    gate: DisclosureGate
    rules: Rules
    caller: Caller
    prepared: Prepared
    now: datetime
    today: date
    report: Report
    too_many: frozenset[bytes]
    """Subjects beyond what a fair-use template allows in one request."""

    async def one(
        self, connection: asyncpg.Connection, root: SubjectRoot, name: SubjectName, part: Part
    ) -> None:
        """Disclose or refuse the subject of a root."""
        try:
            grant = self._grant(name, part)
            subject = await self._subject(connection, root, name, part, grant)
            wanted = Wanted.under(part.subject_id, subject.ground.consent)
            rows = await read_report(
                connection,
                name.kind,
                self.today,
                self.now,
                wanted,
                subject.compiled.arrays,
                self._within(grant),
            )
            if not rows:
                raise await self._no_row(connection, subject.ground)
        except (DisclosureRefusedError, InputError) as error:
            part.refuse(error)
            return
        self.report.unsealed += disclose(self.rules, self.gate.keys, subject, rows, self.today)

    async def many(self, root: SubjectRoot, items: Sequence[_Item]) -> None:
        """Disclose or refuse each subject of a list, as if it had been asked for alone."""

        async def read(chunk: Sequence[_Item]) -> list[tuple[Subject, Sequence[Sequence[Any]]]]:
            async with self.gate.database.connection() as connection:
                return await self._read_chunk(connection, root, chunk)

        size = 0
        async with aclosing(in_chunks(items, read)) as chunks:
            async for found in chunks:
                for number, (subject, rows) in enumerate(found):
                    if number % _AT_ONCE == 0:
                        await asyncio.sleep(0)
                    self.report.unsealed += disclose(self.rules, self.gate.keys, subject, rows, self.today)
                    if self.report.spool is not None:
                        self.report.spool.append(subject.part.text[1])
                        subject.part.spool()
                    size += len(subject.part.text[0])
                    if size > self.gate.max_bytes:
                        raise _too_large(self.gate.max_bytes)

    async def _read_chunk(
        self, connection: asyncpg.Connection, root: SubjectRoot, chunk: Sequence[_Item]
    ) -> list[tuple[Subject, Sequence[Sequence[Any]]]]:
        """Those of a chunk that may be read, with their rows; the others are refused."""
        granted: list[tuple[SubjectName, Part, Grant]] = []
        for name, part in chunk:
            try:
                granted.append((name, part, self._grant(name, part)))
            except (DisclosureRefusedError, InputError) as error:
                part.refuse(error)
        named = [
            (part.subject_id, grant.consent_id, grant.purpose)
            for _, part, grant in granted
            if grant.consent_id
        ]
        await self.gate.consents.preload(connection, named, self.caller.institution)
        by_plan: dict[tuple[CompiledRoot, str], list[Subject]] = {}
        for number, (name, part, grant) in enumerate(granted):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # each may need a plan of its own
            try:
                subject = await self._subject(connection, root, name, part, grant)
            except (DisclosureRefusedError, InputError) as error:
                part.refuse(error)
            else:
                by_plan.setdefault((subject.compiled, name.kind), []).append(subject)
        found: list[tuple[Subject, Sequence[Sequence[Any]]]] = []
        for (compiled, kind), subjects in by_plan.items():
            wanted = [Wanted.under(s.part.subject_id, s.ground.consent) for s in subjects]
            within = self._within(subjects[0].ground.grant)  # of one plan, so of one purpose
            read = await read_many(connection, kind, self.today, self.now, wanted, compiled.arrays, within)
            for subject, rows in zip(subjects, read, strict=True):
                if rows:
                    found.append((subject, rows))
                else:
                    subject.part.refuse(await self._no_row(connection, subject.ground))
        return sorted(found, key=lambda pair: pair[0].part.path[-1])

    def _grant(self, name: SubjectName, part: Part) -> Grant:
        """The token's grant for a subject.

        Raises:
            DisclosureRefusedError: when there is none, or it does not hold.
        """
        policy, report = self.rules.policy, self.report
        grant = grant_for(policy, self.caller, part.subject_id)
        part.purpose = grant.purpose
        if grant.purpose not in report.purposes:
            report.purposes.append(grant.purpose)
        if grant.operator and grant.operator not in report.operators:
            report.operators.append(grant.operator)
        if part.subject_id in self.too_many:
            most = fair_use_for(policy, grant).subjects_per_request
            raise refusal(policy, Reason.FAIR_USE_SUBJECTS, f"Ask about at most {most} in one request.")
        check_border(policy, self.caller, grant, self.today)
        check_age(policy, SubjectKind(name.kind), name.identifier, self.today)
        return grant

    async def _subject(
        self, connection: asyncpg.Connection, root: SubjectRoot, name: SubjectName, part: Part, grant: Grant
    ) -> Subject:
        """The subject with its ground and plan.

        Raises:
            DisclosureRefusedError: when there is no basis, or it may not be read again so soon.
            InputError: when a page size or cursor does not fit.
        """
        policy, caller = self.rules.policy, self.caller
        ground = await ground_for(policy, self.gate.consents, connection, caller, grant, part.subject_id)
        kind = SubjectKind(name.kind)
        compiled = self.gate.plans.get(self.rules, caller, self.prepared, root.selected, kind, ground)
        quotas = quota_uses(compiled.counters, part.subject_id, caller.institution, grant.purpose, self.now)
        spent = self.gate.spent.first_spent(quotas)
        if spent is not None:
            raise ReservationRefusedError([Refusal(spent, Reason.FAIR_USE_FREQUENCY, 0)])
        shut = await shut_questions(
            connection, policy.questionnaire.budget, part.subject_id, caller.institution,
            compiled.plan.questions, ground.consent, compiled.arrays.earliest, self.today,
        )  # fmt: skip
        return Subject(part, ground, compiled, tuple(quotas), shut)

    def _within(self, grant: Grant) -> str | None:
        return division_for(self.rules.policy, self.rules.catalog, self.caller, grant)

    async def _no_row(self, connection: asyncpg.Connection, ground: Ground) -> DisclosureRefusedError:
        return await explain_no_row(self.rules.policy, self.gate.consents, connection, ground, self.now)


def _too_many(policy: PolicySet, caller: Caller, parts: Sequence[Part]) -> frozenset[bytes]:
    """Subjects beyond what the fair-use templates of their purposes allow in one request.

    A purpose has no more of them than its default template allows, however many templates they are spread over.
    """
    if len(parts) < 2:
        return frozenset()
    asked: dict[str, tuple[FairUse, dict[bytes, None]]] = {}
    for part in parts:
        grant = caller.grant_of(part.subject_id)
        template = policy.fair_use_of(grant.purpose, grant.template) if grant else None
        if grant is not None and template is not None:
            default = policy.fair_use_for(grant.purpose)[0]
            for caps in (template, default):
                asked.setdefault(caps.id, (caps, {}))[1][part.subject_id] = None
    found: set[bytes] = set()
    for template, subjects in asked.values():
        most = template.subjects_per_request
        if len(subjects) > most:
            found.update(list(subjects)[most if template.over_subjects is Beyond.CLAMP else 0 :])
    return frozenset(found)


def _too_large(limit: int) -> InputError:
    return InputError(
        f"The answer would be larger than {limit} bytes.",
        hint="Ask about fewer subjects, ask for less of each, or export line by line.",
        message_zh=f"结果超过 {limit} 字节，请减少主体或信息项，或改用逐行导出。",
    )
