"""What changes from one policy to another: field by field for every role, purpose and kind, and in the registries.

- A field opens when its outcome rises, closes when it falls. A field that keeps its outcome under another rule is
  no change here.
- Besides fields: what a purpose asks for (consent, matter, reference, holders), its fair-use templates cap by cap and
  which of them is the default, the published matters, the consent templates and the declared questions. Whether such
  a change opens is known for the entries of `_DIRECTIONS`; for every other one it is UNCLEAR, and counts as opening
  where a build asks to be stopped.
- Clocks are compared figure by figure, notices text by text (`hub.policies.diff_clocks`); detections parameter by
  parameter, review cases by their terms (`hub.policies.diff_review`).
- Other texts (titles, notices of consents, sources) are not compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from hub.catalog.types import Catalog, Field, SubjectKind
from hub.model.outcome import Decision
from hub.policies.compile import TableCompiler
from hub.policies.diff_clocks import (
    clock_differences,
    ground_differences,
    notice_differences,
    retention_differences,
)
from hub.policies.diff_review import detection_differences, review_differences
from hub.policies.model import Beyond, FairUse, PolicySet, Purpose, Rate


class Effect(StrEnum):
    """Which way a change goes."""

    OPENS = "OPENS"
    CLOSES = "CLOSES"
    UNCLEAR = "UNCLEAR"
    NEITHER = "NEITHER"
    """Clocks and texts that show nobody more or less."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field with another outcome for one role, purpose and kind of subject."""

    role: str
    purpose: str
    kind: SubjectKind
    field: str
    before: Decision
    after: Decision

    @property
    def effect(self) -> Effect:
        """Whether it opens or closes."""
        return Effect.OPENS if self.after.outcome > self.before.outcome else Effect.CLOSES


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One entry of a registry that is new, gone or different."""

    place: str
    """Registry and entry, for example `purpose LOAN_APPLICATION`."""
    attribute: str
    """Empty when the whole entry came or went."""
    before: str
    after: str
    effect: Effect


@dataclass(frozen=True)
class PolicyDiff:
    """All changes from `old` to `new`."""

    old: str
    new: str
    fields: tuple[FieldChange, ...]
    entries: tuple[EntryChange, ...]

    @cached_property
    def counts(self) -> Mapping[Effect, int]:
        """Changes by effect, of fields and entries together."""
        effects = [change.effect for change in self.fields] + [change.effect for change in self.entries]
        return {effect: effects.count(effect) for effect in Effect}

    @property
    def may_open(self) -> bool:
        """Whether anything opens, or may."""
        return bool(self.counts[Effect.OPENS] or self.counts[Effect.UNCLEAR])


def compare(old: PolicySet, new: PolicySet, catalog: Catalog) -> PolicyDiff:
    """The changes from one policy to another over the same catalogue."""
    return PolicyDiff(
        old.revision, new.revision, tuple(_fields(old, new, catalog)), tuple(_entries(old, new))
    )


def _fields(old: PolicySet, new: PolicySet, catalog: Catalog) -> Iterator[FieldChange]:
    before, after = TableCompiler(old, catalog), TableCompiler(new, catalog)
    named = {kind: [f for d in catalog if kind in d.subjects for f in d.fields] for kind in SubjectKind}
    for purpose in sorted({*old.purposes, *new.purposes}):
        for role in sorted({*old.roles, *new.roles}):
            if old.holds((role,), purpose) or new.holds((role,), purpose):
                for kind in SubjectKind:
                    yield from _tables(before, after, role, purpose, kind, named[kind])


def _tables(
    before: TableCompiler,
    after: TableCompiler,
    role: str,
    purpose: str,
    kind: SubjectKind,
    fields: list[Field],
) -> Iterator[FieldChange]:
    was, now = (side.table(frozenset({role}), purpose, kind) for side in (before, after))
    for field in fields:
        if was[field.id].outcome is not now[field.id].outcome:
            yield FieldChange(role, purpose, kind, field.id, was[field.id], now[field.id])


_Direction = Callable[[Any, Any], Effect]


def _gain(before: Any, after: Any) -> Effect:
    """A set of things allowed."""
    if set(after) - set(before):
        return Effect.OPENS if set(after) >= set(before) else Effect.UNCLEAR
    return Effect.CLOSES


def _more(before: Any, after: Any) -> Effect:
    """A limit; more opens."""
    return Effect.OPENS if after > before else Effect.CLOSES


def _less(before: Any, after: Any) -> Effect:
    """A requirement; less opens."""
    return Effect.OPENS if after < before else Effect.CLOSES


def _more_or_unlimited(before: Any, after: Any) -> Effect:
    """A limit for which 0 means none."""
    return _more(before or float("inf"), after or float("inf"))


def _clamps(before: Any, after: Any) -> Effect:
    """What happens beyond a cap; to cut down gives more than to refuse."""
    return Effect.OPENS if after is Beyond.CLAMP else Effect.CLOSES


_DIRECTIONS: Mapping[str, Mapping[str, _Direction]] = {
    "purpose": {
        "consent_required": _less,
        "matter_required": _less,
        "reference_required": _less,
        "grant_required": _less,
        "hours": _more,
        "uses": _more,
        "open_requests": _more,
        "items": _gain,
        "holders": _gain,
    },
    "fair-use template": {
        "max_consent_days": _more,
        "range_months": _more_or_unlimited,
        "data_life_days": _more_or_unlimited,
        "subjects_per_request": _more,
        "reads_of_subject": _more_or_unlimited,
        "reads_in_all": _more_or_unlimited,
        "over_consent_days": _clamps,
        "over_range": _clamps,
        "over_subjects": _clamps,
    },
    "matter": {"roles": _gain},
    "consent template": {
        "datasets": _gain,
        "range_months": _more_or_unlimited,
        "validity_days": _more,
        "max_uses": _more,
        "data_life_days": _more_or_unlimited,
        "onward_transfer": _more,
    },
    "role": {"abroad": _more},
    "question": {},
    "questions": {"questions": _more, "thresholds": _more, "window_days": _less},
}
_NO_CAP = 0
"""Stands for a cap that one of two fair-use templates does not have: no limit of its own."""
_TEXTS = frozenset(
    {
        "title",
        "source",
        "verified",
        "legal_basis",
        "ledger_delay_basis",
        "notice",
        "adverse",
        "withdrawal",
        "version",
        "code",
        "id",
    }
)


def _entries(old: PolicySet, new: PolicySet) -> Iterator[EntryChange]:
    registries: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("purpose", old.purposes, new.purposes),
        ("fair-use template", old.fair_use, new.fair_use),
        ("matter", old.matters, new.matters),
        ("consent template", old.consents, new.consents),
        ("role", old.roles, new.roles),
        ("question", old.questionnaire.predicates, new.questionnaire.predicates),
        ("questions", {"budget": old.questionnaire.budget}, {"budget": new.questionnaire.budget}),
    )
    for registry, before, after in registries:
        for name in sorted({*before, *after}):
            place = f"{registry} {name}"
            if name not in before:
                yield EntryChange(place, "", "", "added", Effect.OPENS)
            elif name not in after:
                yield EntryChange(place, "", "", "removed", Effect.CLOSES)
            else:
                yield from _attributes(place, _DIRECTIONS[registry], before[name], after[name])
    yield from _defaults(old, new)
    differences = (
        *clock_differences(old.clocks, new.clocks),
        *notice_differences(old.notices, new.notices),
        *ground_differences(old.grounds, new.grounds),
        *retention_differences(old.retention, new.retention),
        *detection_differences(old.detections, new.detections),
        *review_differences(old.review, new.review),
    )
    for place, attribute, was, now, effect in differences:
        yield EntryChange(place, attribute, was, now, Effect(effect))


def _defaults(old: PolicySet, new: PolicySet) -> Iterator[EntryChange]:
    """Purposes whose default template is another one: a token that names none stands for it now."""
    for code in sorted({*old.purposes} & {*new.purposes}):
        was, now = (policy.fair_use_of(code, None) for policy in (old, new))
        if was and now and was.id != now.id:
            yield EntryChange(f"purpose {code}", "default fair-use template", was.id, now.id, Effect.UNCLEAR)


def _attributes(
    place: str, directions: Mapping[str, _Direction], before: Any, after: Any
) -> Iterator[EntryChange]:
    was, now = _compared(before), _compared(after)
    for name in {**was, **now}:
        old, new = was.get(name, _NO_CAP), now.get(name, _NO_CAP)
        if old != new:
            direction = directions.get(name.split()[0])
            effect = direction(old, new) if direction else Effect.UNCLEAR
            yield EntryChange(place, name, _text(old), _text(new), effect)


def _compared(entry: Any) -> dict[str, Any]:
    """The attributes of an entry that are compared, by a name whose first word has a direction.

    Of a consent template's items, the datasets; of a fair-use template, every cap by itself. A cap that is not
    there is `_NO_CAP`.
    """
    found = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry) if f.name not in _TEXTS}
    if "items" in found:
        found |= {"datasets": tuple(item.dataset for item in found["items"])}
        found["items"] = tuple(item.dataset for item in found["items"] if item.separate)
    if isinstance(entry, Purpose):
        terms = found.pop("emergency")
        found["grant_required"] = entry.grant_required
        if terms is not None:
            found |= {f"{f.name} of a grant": getattr(terms, f.name) for f in dataclasses.fields(terms)}
    if isinstance(entry, FairUse):
        del found["datasets"]
        found |= _rates("reads_of_subject", found.pop("reads_of_subject"))
        found |= _rates("reads_in_all", found.pop("reads_in_all"))
        for caps in entry.datasets.values():
            found[f"range_months of {caps.dataset}"] = caps.range_months
            found[f"data_life_days of {caps.dataset}"] = caps.data_life_days
            found |= _rates("reads_of_subject", caps.reads_of_subject, f" of {caps.dataset}")
    return found


def _rates(name: str, rates: Iterable[Rate], suffix: str = "") -> dict[str, int]:
    return {f"{name} by {rate.unit}{suffix}": rate.most for rate in rates}


def _text(value: Any) -> str:
    if isinstance(value, tuple | list | frozenset | set):
        return ", ".join(sorted(map(str, value))) or "none"
    return str(value)
