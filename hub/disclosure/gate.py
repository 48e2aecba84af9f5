"""The disclosure gate: the only way from stored records to a caller.

For each subject that an operation asks about:

1. the token must name the subject, and the caller must hold the purpose it states;
2. persons under fourteen are refused;
3. a government purpose needs a matter on the published list, other purposes the subject's own consent;
4. the plan says, per field, what becomes of it: policy and consent must both open it;
5. one statement reads subject, consent and records together, so a withdrawn consent reads nothing;
6. only fields that the plan shows are unsealed, masked, shaped.

A refusal at any step gives null and an error with a reason that depends on the token, the rules and the caller's
own consents, never on what is stored. Every subject, shown or refused, becomes a part of the audit entry;
`Accountant` writes it before the answer leaves.

Example: a bank with a token for LOAN_APPLICATION, one company and its consent, asks
`organization(uscc: "91460100DEM000014C") { name legalRepresentative { name } }` and gets the name in clear, the
representative's name masked, a note on the mask naming the rule, and a receipt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import asyncpg
import orjson

from hub.audit.entry import EntryOutcome, SubjectPart, fields_fragment, record_ref
from hub.audit.reservation import ConsentUse
from hub.catalog.types import SubjectKind
from hub.clock import civil_date
from hub.consent.service import ConsentService
from hub.disclosure.basis import Ground, check_age, explain_no_row, grant_for, ground_for, refusal
from hub.disclosure.budget import asked_json, shut_questions
from hub.disclosure.explain import error_json, notes_json
from hub.disclosure.operations import Prepared, SubjectRoot
from hub.disclosure.plan import Note, PlanCompiler, RootPlan, Scope, Shaping
from hub.disclosure.read import HEADER, SlotArrays, read_report
from hub.disclosure.rows import LOOKED_AHEAD, Row, SlotReader
from hub.disclosure.rules import Rules
from hub.errors import DisclosureRefusedError, HubError, InputError
from hub.identity.tokens import Caller
from hub.keys.cache import DataKeyCache
from hub.model.outcome import Decision, Outcome, Reason
from hub.store.database import Database

_PLANS = 4096
_ORGANIZATIONS = 20_000


@dataclass(frozen=True)
class CompiledRoot:
    """A root's plan with everything that can be serialised or computed beforehand."""

    plan: RootPlan
    arrays: SlotArrays
    readers: tuple[SlotReader, ...]
    notes: tuple[bytes, ...]
    fields: orjson.Fragment


@dataclass
class Report:
    """The finished subject roots of one operation, by response key, and what the audit entry says about them."""

    data: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    parts: dict[str, SubjectPart] = field(default_factory=dict)
    notes: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    ranges: dict[str, dict[str, str]] = field(default_factory=dict)
    """The range of data a consent covers, so that a list cut by it does not look complete."""
    uses: dict[str, ConsentUse] = field(default_factory=dict)
    """Consents to be counted; one use for each root shown."""
    purposes: list[str] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    unsealed: int = 0

    def refuse(self, key: str, subject_id: bytes, error: HubError) -> None:
        """Give null and a reason for a root, also when it had been finished already."""
        self.data[key] = None
        self.errors.append(error_json(error, [key]))
        reason = error.reason if isinstance(error, DisclosureRefusedError) else error.code
        self.parts[key] = SubjectPart(subject_id, EntryOutcome.REFUSED, reason)
        self.notes.pop(key, None)
        self.ranges.pop(key, None)
        self.uses.pop(key, None)

    def void(self) -> None:
        """Take everything back: the answer's data is null as a whole, so no subject was shown."""
        self.parts = {
            key: SubjectPart(part.subject_id, EntryOutcome.REFUSED, part.reason)
            for key, part in self.parts.items()
        }
        self.data, self.notes, self.ranges, self.uses = {}, {}, {}, {}


class DisclosureGate:
    """Runs the subject roots of operations."""

    def __init__(
        self,
        database: Database,
        consents: ConsentService,
        keys: DataKeyCache,
        resolve_subject: Callable[[str, str], bytes],
        max_page: int,
    ) -> None:
        """Set up the gate.

        Args:
            database: where records lie.
            consents: finds consents.
            keys: opened data keys.
            resolve_subject: kind and normalised identifier to subject id.
            max_page: largest page of a list.
        """
        self._database = database
        self._consents = consents
        self._keys = keys
        self._resolve = resolve_subject
        self._max_page = max_page
        self._plans: OrderedDict[Any, CompiledRoot] = OrderedDict()
        self._organizations: OrderedDict[str, bytes] = OrderedDict()

    async def report(
        self,
        rules: Rules,
        caller: Caller,
        prepared: Prepared,
        variables: Mapping[str, Any],
        now: datetime,
        report: Report,
    ) -> None:
        """Disclose, or refuse, every subject root of an operation into `report`.

        Raises:
            UnavailableError: when the database is away; nothing is disclosed then.
            IntegrityError: when something stored does not verify.
        """
        async with self._database.connection() as connection:
            for root in prepared.subjects:
                await self._root(
                    rules, connection, caller, prepared, root, root.subject(variables), now, report
                )

    async def _root(
        self,
        rules: Rules,
        connection: asyncpg.Connection,
        caller: Caller,
        prepared: Prepared,
        root: SubjectRoot,
        identifier: str,
        now: datetime,
        report: Report,
    ) -> None:
        kind = SubjectKind.ORG if root.selected.name == "organization" else SubjectKind.PERSON
        subject_id = self._subject_id(kind, identifier)
        key = root.selected.key
        try:
            grant = grant_for(rules.policy, caller, subject_id)
            report.purposes.append(grant.purpose)
            report.operators.append(grant.operator or "")
            check_age(rules.policy, kind, identifier, civil_date(now))
            ground = await ground_for(rules.policy, self._consents, connection, caller, grant, subject_id)
            compiled = self._compiled(rules, caller, prepared, root, kind, ground)
            shut = await shut_questions(
                connection, rules.policy.questionnaire.budget, subject_id, caller.institution,
                compiled.plan.questions, ground.consent, civil_date(now),
            )  # fmt: skip
            rows = await read_report(
                connection, subject_id, kind.value, civil_date(now), now, ground.consent, compiled.arrays
            )
            if not rows:
                raise await explain_no_row(rules.policy, self._consents, connection, ground, now)
        except (DisclosureRefusedError, InputError) as error:
            report.refuse(key, subject_id, error)
            return
        self._disclose(rules, report, compiled, ground, subject_id, rows, civil_date(now), shut)

    def _disclose(
        self,
        rules: Rules,
        report: Report,
        compiled: CompiledRoot,
        ground: Ground,
        subject_id: bytes,
        rows: Sequence[asyncpg.Record],
        today: date,
        shut: Mapping[int, Reason],
    ) -> None:
        plan = compiled.plan
        slots: list[list[Row]] = [[] for _ in plan.slots]
        readers = compiled.readers
        header = next(row for row in rows if row["slot"] == HEADER)
        data_key = self._keys.open(subject_id, orjson.loads(header["clear"]), header["record_id"])
        for slot, record_id, version, event_date, clear, sealed in rows:
            if slot == HEADER:
                continue
            found = slots[slot]
            if len(found) < plan.slots[slot].shown:
                found.append(
                    readers[slot].read(data_key, subject_id, record_id, version, event_date, clear, sealed)
                )
            else:
                found.append(LOOKED_AHEAD)
        report.data[plan.key] = plan.shape(Shaping(f"sub_{subject_id.hex()}", slots, today, shut.keys()))
        records: dict[str, list[str]] = {}
        for slot_plan, found in zip(plan.slots, slots, strict=True):
            if found and not slot_plan.asked:  # neither records nor openings behind an answer may show
                shown = found[: slot_plan.shown]
                records.setdefault(slot_plan.dataset, []).extend([record_ref(row.record_id) for row in shown])
                report.unsealed += sum([row.opened for row in shown])
        report.notes[plan.key] = compiled.notes + _shut_notes(rules, plan, shut)
        report.parts[plan.key] = SubjectPart(
            subject_id, EntryOutcome.DISCLOSED, "", ground.basis, compiled.fields, records,
            asked_json(plan.questions, shut),
        )  # fmt: skip
        if ground.consent is not None:
            report.ranges[plan.key] = {
                "from": ground.consent.date_from.isoformat(),
                "path": plan.key,
                "to": ground.consent.date_to.isoformat(),
            }
            report.uses[plan.key] = ConsentUse(subject_id, ground.consent.consent_id, ground.consent.version)

    def _subject_id(self, kind: SubjectKind, identifier: str) -> bytes:
        if identifier.startswith("sub_"):
            return bytes.fromhex(identifier[4:])
        if kind is SubjectKind.PERSON:
            return self._resolve(kind.value, identifier)  # identifiers of persons are not kept in memory
        found = self._organizations.get(identifier)
        if found is None:
            found = self._organizations[identifier] = self._resolve(kind.value, identifier)
            if len(self._organizations) > _ORGANIZATIONS:
                self._organizations.popitem(last=False)
        return found

    def _compiled(
        self,
        rules: Rules,
        caller: Caller,
        prepared: Prepared,
        root: SubjectRoot,
        kind: SubjectKind,
        ground: Ground,
    ) -> CompiledRoot:
        items = ground.consent.scope_key if ground.consent is not None else None
        key = (rules, prepared, root.selected.key, caller.roles, ground.grant.purpose, items)
        found = self._plans.get(key)
        if found is not None:
            return found
        roles = frozenset(caller.roles)
        scope = Scope(roles, ground.grant.purpose, kind, ground.consent.items if ground.consent else None)
        table = rules.table(roles, scope.purpose, kind)
        questionnaire = rules.policy.questionnaire
        plan = PlanCompiler(rules.catalog, table, scope, self._max_page, questionnaire).compile(root.selected)
        shows = any(decision.outcome >= Outcome.GENERALISED for decision in table.values())
        if not shows and all(question.refusal is not None for question in plan.questions):
            raise refusal(rules.policy, Reason.NO_RULE)  # else the subject's existence alone would show
        readers = tuple(slot.reader() for slot in plan.slots)
        notes = tuple(
            orjson.dumps(note, option=orjson.OPT_SORT_KEYS) for note in notes_json(plan.notes, rules.policy)
        )
        found = CompiledRoot(plan, SlotArrays.of(plan.slots), readers, notes, fields_fragment(plan.fields))
        self._plans[key] = found
        if len(self._plans) > _PLANS:
            self._plans.popitem(last=False)
        return found


def _shut_notes(rules: Rules, plan: RootPlan, shut: Mapping[int, Reason]) -> tuple[bytes, ...]:
    """Notes on questions that the plan opens and this request may not have answered."""
    notes = [
        Note(question.path, Outcome.WITHHELD, Decision(Outcome.WITHHELD, question.code, shut[number]))
        for number, question in enumerate(plan.questions)
        if number in shut
    ]
    return tuple(orjson.dumps(note, option=orjson.OPT_SORT_KEYS) for note in notes_json(notes, rules.policy))
