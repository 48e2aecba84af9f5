"""The policy as records: rules, roles, purposes, matters, consent templates. Nothing here decides.

- A rule opens (`allow`) or shuts (`deny`) a pattern of fields to a role for a purpose.
- The words of a rule are the columns of `policies/rules.csv`, in that order.
- A purpose not in the registry, or that no role of the caller holds, opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from hub.catalog.types import Label, SubjectKind
from hub.model.outcome import Outcome, Reason
from hub.policies.predicates import Questionnaire

ANY = "*"
"""In a rule: any purpose, either kind; in a pattern: see `hub.policies.patterns`."""


class Effect(StrEnum):
    """What a rule does to the fields it matches."""

    ALLOW = "allow"
    DENY = "deny"


class LawfulBasis(StrEnum):
    """The ground on which a purpose rests (PIPL art. 13; regulation on credit reporting art. 13 and 18)."""

    CONSENT = "CONSENT"
    STATUTORY_DUTY = "STATUTORY_DUTY"
    SELF = "SELF"
    PUBLIC = "PUBLIC"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of `rules.csv`."""

    id: str
    role: str
    purpose: str
    """A purpose code, or `*` in a deny row."""
    pattern: str
    level: int
    """Allow: opens fields up to this level. Deny: shuts fields from this level up."""
    kind: str
    """ORG, PERSON or `*`."""
    outcome: Outcome
    """Allow: opens this outcome and the less open ones. Deny: shuts this outcome and the more open ones."""
    effect: Effect
    row: int
    """Row number in the file, from 1."""

    def concerns(self, kind: SubjectKind) -> bool:
        """Whether the rule speaks of subjects of this kind."""
        return self.kind in (ANY, kind.value)

    def reaches_level(self, level: int) -> bool:
        """Whether a field of this sensitivity level lies within the rule."""
        return level <= self.level if self.effect is Effect.ALLOW else level >= self.level


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """One role a caller can have."""

    code: str
    title: Label
    field_data: bool
    """Whether any rule may open field data to this role."""
    persons: bool
    """Whether any rule may open data of natural persons to this role."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose for which credit data may be asked."""

    code: str
    title: Label
    basis: LawfulBasis
    consent_required: bool
    matter_required: bool
    holders: tuple[str, ...]
    """Roles that may hold the purpose."""
    max_consent_days: int
    """Longest validity of a consent in days; 0 when no consent is used."""
    max_range_months: int
    """Longest range of data in months counted back from the request; 0 means no limit of its own."""
    data_life_days: int
    """Days after which the recipient deletes what it got; 0 means by the recipient's own law."""
    max_subjects: int
    """Most subjects in one request; 0 means the purpose never reads a subject."""
    source: str
    """The legal text or document the purpose rests on."""
    verified: bool


@dataclass(frozen=True, slots=True)
class Matter:
    """One matter on the published list for which a government purpose may check credit."""

    code: str
    title: Label
    purpose: str
    roles: tuple[str, ...]
    legal_basis: str
    verified: bool


@dataclass(frozen=True, slots=True)
class ConsentItem:
    """One dataset a consent template asks for."""

    dataset: str
    separate: bool
    """Whether it needs a signature of its own (PIPL art. 23, 29; credit reporting regulation art. 14)."""


@dataclass(frozen=True, slots=True)
class ConsentTemplate:
    """What a subject is shown and signs for one purpose."""

    id: str
    version: int
    purpose: str
    kind: SubjectKind
    """The kind of subject that signs."""
    items: tuple[ConsentItem, ...]
    range_months: int
    """Months of data covered, counted back from the grant."""
    validity_days: int
    max_uses: int
    data_life_days: int
    onward_transfer: bool
    notice: Label
    adverse: Label
    """What follows from adverse information (regulation on credit reporting art. 14 and 15)."""
    withdrawal: Label

    @property
    def datasets(self) -> tuple[str, ...]:
        """Ids of the datasets asked for, in the order of the template."""
        return tuple(item.dataset for item in self.items)


@dataclass(frozen=True)
class PolicySet:
    """The whole policy folder, read and linted."""

    revision: str
    """`sha256:` over the files; goes into plans, receipts and audit entries."""
    rules: tuple[Rule, ...]
    parents: Mapping[str, tuple[str, ...]]
    """Role to the roles whose rules it inherits (`g` rows)."""
    roles: Mapping[str, RoleEntry]
    purposes: Mapping[str, Purpose]
    matters: Mapping[str, Matter]
    consents: Mapping[str, ConsentTemplate]
    """Consent templates by id."""
    messages: Mapping[Reason, Label]
    """Stable bilingual texts of the reason codes."""
    closed: Mapping[str, str]
    """Fields that no rule opens to anyone, with the reason why."""
    model_text: str
    """`model.conf` as read, for the Casbin reference."""
    rules_text: str
    """`rules.csv` as read, for the Casbin reference."""
    questionnaire: Questionnaire = field(default_factory=Questionnaire)
    """Yes/no questions that may be asked about fields, and the budget for asking."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """All files as read, by name; what is published."""

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        return {role: frozenset(_climb(role, self.parents)) for role in self.roles}

    def effective_roles(self, roles: Iterable[str]) -> frozenset[str]:
        """These roles and every role they inherit from; an unknown role inherits nothing."""
        return frozenset().union(*(self._ancestors.get(role, frozenset({role})) for role in roles))

    def holds(self, roles: Iterable[str], purpose: str) -> bool:
        """Whether one of these roles may hold the purpose (not inherited: each holder is named)."""
        entry = self.purposes.get(purpose)
        return entry is not None and any(role in entry.holders for role in roles)

    def templates_for(self, purpose: str) -> tuple[ConsentTemplate, ...]:
        """Consent templates of a purpose, in id order."""
        return tuple(t for _, t in sorted(self.consents.items()) if t.purpose == purpose)


def _climb(role: str, parents: Mapping[str, tuple[str, ...]]) -> set[str]:
    seen: set[str] = set()
    waiting = [role]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(parents.get(current, ()))
    return seen
