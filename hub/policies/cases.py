"""The cases of `policies/cases.toml`: what must hold of the policy, said by those who answer for it.

A case names roles, purpose, kind and fields, and the outcome each field must have; it may name the rule and
the reason too. Cases are data, so that compliance can add one without a developer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hub.catalog.types import Catalog, Field, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Outcome, Reason
from hub.policies.compile import DecisionTable, TableCompiler
from hub.policies.entries import Entry, listed
from hub.policies.model import PolicySet
from hub.policies.reference import CasbinReference

FILE = "cases.toml"
_KINDS = {kind.value: kind for kind in SubjectKind}
_OUTCOMES = {outcome.name: outcome for outcome in Outcome}
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence that must hold."""

    it: str
    roles: frozenset[str]
    purpose: str
    """A purpose code, or empty for a caller that states none."""
    kind: SubjectKind
    fields: tuple[str, ...]
    expect: Outcome
    rule: str
    """Id of the rule that must decide; empty when any may."""
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class CaseFailure:
    """One field of a case that came out otherwise."""

    case: Case
    field: str
    found: str

    def __str__(self) -> str:
        want = " ".join(x for x in (self.case.expect.name, self.case.rule, self.case.reason or "") if x)
        return f"{FILE}: {self.case.it}: {self.field} should be {want}, but is {self.found}."


@dataclass(frozen=True)
class CaseReport:
    """What a run of all cases found."""

    cases: tuple[Case, ...]
    failures: tuple[CaseFailure, ...]
    checks: int
    """Fields decided over all cases."""
    decided: frozenset[str]
    """Ids of the rules that decided some case."""
    unexercised: tuple[str, ...]
    """Ids of the rules that decided no case, in file order."""
    fields: int
    """Fields of the catalogue."""
    unnamed: tuple[str, ...]
    """Ids of the fields that no case names, in the order of the catalogue."""

    @cached_property
    def denials(self) -> int:
        """Number of cases that expect WITHHELD."""
        return sum(case.expect is Outcome.WITHHELD for case in self.cases)

    @cached_property
    def field_coverage(self) -> float:
        """Percentage of the catalogue's fields that some case names."""
        return 100 * (self.fields - len(self.unnamed)) / self.fields if self.fields else 100.0


def load_cases(folder: Path, policy: PolicySet, catalog: Catalog) -> tuple[Case, ...]:
    """The cases of a policy folder.

    Raises:
        PolicyError: when the file cannot be read or a case is not well formed.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{FILE} cannot be read.", hint="Restore it, as UTF-8.") from error
    return read_cases(text, policy, catalog)


def read_cases(text: str, policy: PolicySet, catalog: Catalog) -> tuple[Case, ...]:
    """The cases of a text.

    Raises:
        PolicyError: when one is not well formed, names something unknown, or repeats another's sentence.
    """
    fields = {field.id: field for field in catalog.fields()}
    rules = {rule.id: rule for rule in policy.rules} | {"DEFAULT": None}
    cases: dict[str, Case] = {}
    for entry in listed(FILE, text, "case"):
        case = _case(entry, policy, fields, rules)
        if case.it in cases:
            raise entry.error("it", "the sentence stands twice", "Give each case a sentence of its own.")
        cases[case.it] = case
        entry.close()
    if not cases:
        raise PolicyError(f"{FILE} holds no case.", hint="Restore the cases.")
    return tuple(cases.values())


def run_cases(
    policy: PolicySet, catalog: Catalog, cases: Iterable[Case], reference: CasbinReference | None = None
) -> CaseReport:
    """Decide every field of every case by the table and, when a reference is given, by Casbin as well."""
    compiler = TableCompiler(policy, catalog)
    tables: dict[tuple[frozenset[str], str, SubjectKind], DecisionTable] = {}
    fields = {field.id: field for field in catalog.fields()}
    ran, failures, decided, checks = tuple(cases), list[CaseFailure](), set[str](), 0
    for case in ran:
        key = (case.roles, case.purpose, case.kind)
        if key not in tables:
            tables[key] = compiler.table(*key)
        for field_id in case.fields:
            checks += 1
            decided.add(tables[key][field_id].rule)
            failures += _failures(case, fields[field_id], tables[key], reference)
    unexercised = tuple(rule.id for rule in policy.rules if rule.id not in decided)
    named = {field_id for case in ran for field_id in case.fields}
    unnamed = tuple(field_id for field_id in fields if field_id not in named)
    return CaseReport(ran, tuple(failures), checks, frozenset(decided), unexercised, len(fields), unnamed)


def _failures(
    case: Case, field: Field, table: DecisionTable, reference: CasbinReference | None
) -> Iterable[CaseFailure]:
    decision = table[field.id]
    if (
        decision.outcome is not case.expect
        or (case.rule and decision.rule != case.rule)
        or (case.reason and decision.reason is not case.reason)
    ):
        found = f"{decision.outcome.name} by {decision.rule} ({decision.reason.value})"
        yield CaseFailure(case, field.id, found)
    question = (case.roles, case.purpose, field, case.kind)
    if reference is not None and not reference.confirms(*question, case.expect):
        outcome = reference.decide(*question)
        if outcome is not case.expect:
            yield CaseFailure(case, field.id, f"{outcome.name} by Casbin")


def _case(entry: Entry, policy: PolicySet, fields: Mapping[str, Field], rules: Mapping[str, object]) -> Case:
    return Case(
        it=entry.text("it"),
        roles=frozenset(entry.words("roles", policy.roles, "roles.toml")),
        purpose=entry.word("purpose", policy.purposes, "purposes.toml") if entry.has("purpose") else "",
        kind=entry.known("kind", _KINDS, "the kinds"),
        fields=entry.words("fields", fields, "the catalogue"),
        expect=entry.known("expect", _OUTCOMES, "the outcomes"),
        rule=entry.word("rule", rules, "rules.csv") if entry.has("rule") else "",
        reason=entry.known("reason", _REASONS, "the reasons") if entry.has("reason") else None,
    )
