"""One subject on its way out: from the rows that were read to the text that is shown and what the entry says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from hub.audit.entry import EntryOutcome, SubjectPart, record_ref
from hub.audit.reservation import ConsentUse, QuotaUse
from hub.disclosure.basis import Ground
from hub.disclosure.budget import asked_json
from hub.disclosure.compiled import CompiledRoot
from hub.disclosure.explain import notes_json
from hub.disclosure.marks import marked_json
from hub.disclosure.plan import Note, Shaping
from hub.disclosure.read import HEADER
from hub.disclosure.report import Part
from hub.disclosure.rows import LOOKED_AHEAD, MARKS, OPENED, RECORD_ID, Row
from hub.disclosure.rules import Rules
from hub.disclosure.text import both
from hub.keys.cache import DataKeyCache
from hub.model.outcome import Decision, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject that may be read: on what ground, by which plan, and what it uses up."""

    part: Part
    ground: Ground
    compiled: CompiledRoot
    quotas: tuple[QuotaUse, ...]
    shut: Mapping[int, Reason]
    """Questions of the plan that this request may not have answered."""


def disclose(
    rules: Rules, keys: DataKeyCache, subject: Subject, rows: Sequence[Sequence[Any]], today: date
) -> int:
    """Show a subject in its part.

    Args:
        rules: in force.
        keys: opened data keys.
        subject: the subject.
        rows: what `REPORT` gave for it, its header among them.
        today: civil date of the request.

    Returns:
        How many sealed values were opened.

    Raises:
        SealError: when something stored does not open.
    """
    part, compiled, plan = subject.part, subject.compiled, subject.compiled.plan
    readers, subject_id = compiled.readers, part.subject_id
    slots: list[list[Row]] = [[] for _ in plan.slots]
    shown_of = [slot.shown for slot in plan.slots]
    header = rows[0] if rows[0][0] == HEADER else next(row for row in rows if row[0] == HEADER)
    data_key = keys.open(subject_id, orjson.loads(header[4]), header[1])
    marked: list[tuple[int, int]] = []
    for slot, record_id, version, event_date, clear, sealed, marks in rows:
        if slot == HEADER:
            continue
        found = slots[slot]
        if len(found) >= shown_of[slot]:
            found.append(LOOKED_AHEAD)
            continue
        row = readers[slot].read(data_key, subject_id, record_id, version, event_date, clear, sealed)
        if marks is not None and not plan.slots[slot].asked:
            readers[slot].mark(row, data_key, subject_id, marks)
            marked.append((slot, len(found)))
        found.append(row)
    profile = slots[plan.profile] if plan.profile is not None else None
    shaping = Shaping(
        subject_id, slots, profile[0] if profile else compiled.blank_profile, today, subject.shut.keys()
    )
    part.text = both(plan.shape(shaping))
    part.compiled = compiled
    part.notes = _shut_notes(rules, subject) if subject.shut else ()
    part.quotas = subject.quotas
    part.marked = _marked(subject, slots, marked) if marked else ()
    unsealed = _account(subject, slots)
    _state_ranges(subject, today)
    return unsealed


def _account(subject: Subject, slots: Sequence[Sequence[Row]]) -> int:
    """Write down what was shown, and count what was opened."""
    part, plan, ground = subject.part, subject.compiled.plan, subject.ground
    unsealed = 0
    records: dict[str, list[str]] = {}
    for slot, found in zip(plan.slots, slots, strict=True):
        if found and not slot.asked:  # neither records nor openings behind an answer may show
            shown = found if len(found) <= slot.shown else found[: slot.shown]
            refs = [record_ref(row[RECORD_ID]) for row in shown]
            if slot.dataset in records:
                records[slot.dataset] += refs
            else:
                records[slot.dataset] = refs
            unsealed += sum([row[OPENED] for row in shown])
        elif found:
            part.questioned += sum([row[OPENED] for row in found])
    part.entry = SubjectPart(
        part.subject_id, EntryOutcome.DISCLOSED, "", ground.basis, subject.compiled.fields, records,
        asked_json(plan.questions, subject.shut), ground.fair_use.id,
    )  # fmt: skip
    if ground.consent is not None:
        part.use = ConsentUse(part.subject_id, ground.consent.consent_id, ground.consent.version)
    return unsealed


def _marked(
    subject: Subject, slots: Sequence[Sequence[Row]], places: Sequence[tuple[int, int]]
) -> tuple[Mapping[str, Any], ...]:
    """Say which records of the answer are marked, whether or not their marks are asked for."""
    plan, where = subject.compiled.plan, ".".join(map(str, subject.part.path))
    return tuple(
        marked_json(where, None, slots[slot][index][MARKS])
        if slot == plan.profile
        else marked_json(f"{where}.{plan.slots[slot].path}", index, slots[slot][index][MARKS])
        for slot, index in sorted(places)
    )


def _state_ranges(subject: Subject, today: date) -> None:
    """Say to which range of data the lists were cut: by the consent, and by the fair-use template."""
    part, arrays, consent = subject.part, subject.compiled.arrays, subject.ground.consent
    start = max(consent.date_from if consent else date.min, arrays.start(today))
    where = ".".join(map(str, part.path))
    ranges: list[Mapping[str, Any]] = []
    if start > date.min:
        end = consent.date_to.isoformat() if consent else None
        ranges.append({"from": start.isoformat(), "path": where, "to": end})
        for slot in subject.compiled.narrower:
            earliest = arrays.earliest(slot.dataset, today)
            if earliest > start:
                ranges.append({"from": earliest.isoformat(), "path": f"{where}.{slot.path}", "to": end})
    part.ranges = tuple(ranges)


def _shut_notes(rules: Rules, subject: Subject) -> tuple[bytes, ...]:
    """Notes on questions that the plan opens and this request may not have answered."""
    plan, shut = subject.compiled.plan, subject.shut
    where = ".".join(map(str, subject.part.path))
    notes = [
        Note(
            where + question.path[len(plan.key) :],
            Outcome.WITHHELD,
            Decision(Outcome.WITHHELD, question.code, shut[number]),
        )
        for number, question in enumerate(plan.questions)
        if number in shut
    ]
    return tuple(orjson.dumps(note, option=orjson.OPT_SORT_KEYS) for note in notes_json(notes, rules.policy))
