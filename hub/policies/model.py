"""The policy as records: rules, roles, purposes, matters, consent templates. Nothing here decides.

- A rule opens (`allow`) or shuts (`deny`) a pattern of fields to a role for a purpose.
- The words of a rule are the columns of `policies/rules.csv`, in that order.
- A purpose not in the registry, or that no role of the caller holds, opens nothing.
- How much a purpose may be used stands in its fair-use templates (`hub.policies.fair_use`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

from hub.catalog.types import Label, SubjectKind
from hub.clock import months_before
from hub.model.outcome import Outcome, Reason
from hub.policies.clocks import Clocks
from hub.policies.detections import Detection
from hub.policies.emergency import EmergencyTerms
from hub.policies.notices import NoticeTemplates
from hub.policies.predicates import Questionnaire
from hub.policies.retention import Term
from hub.policies.review import ReviewTerms
from hub.policies.withholding import Ground

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
    EMERGENCY = "EMERGENCY"
    """Life, health or property is in danger (PIPL art. 13 (1) (4))."""


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
    abroad: bool = False
    """Whether a client outside the mainland may hold it, given a permit; bodies of foreign states may not."""


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
    source: str
    """The legal text or document the purpose rests on."""
    verified: bool
    reference_required: bool = False
    """Whether a request states the caller's own file or case number; it goes into the audit entry."""
    closure_days: int = 0
    """Days within which whoever was shown something reports what came of it; 0: no report is owed."""
    emergency: EmergencyTerms | None = None
    """On what terms a grant for one subject in an emergency is given; None: the purpose rests on none."""

    @property
    def grant_required(self) -> bool:
        """Whether a request needs an emergency grant for its subject."""
        return self.emergency is not None

    @property
    def artefact_required(self) -> bool:
        """Whether a request rests on a signed artefact for its subject: a consent or an emergency grant."""
        return self.consent_required or self.grant_required


@dataclass(frozen=True, slots=True)
class Matter:
    """One matter on the published list for which a government purpose may check credit."""

    code: str
    title: Label
    purpose: str
    roles: tuple[str, ...]
    legal_basis: str
    verified: bool
    ledger_delay_days: int = 0
    """Days for which the subject's ledger only counts a lookup for this matter; 0: it is shown at once."""
    ledger_delay_basis: str = ""
    """The law under which it is kept from the subject for so long."""


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


class Unit(StrEnum):
    """A civil calendar unit in which reads are counted (`hub.model.calendar`), from short to long."""

    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"


class Beyond(StrEnum):
    """What happens to a request for more than a template allows."""

    REFUSE = "REFUSE"
    CLAMP = "CLAMP"
    """Only as much as is allowed is given, and the caller is told."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often in a calendar unit."""

    unit: Unit
    most: int


@dataclass(frozen=True, slots=True)
class DatasetCaps:
    """Narrower caps of a fair-use template for one dataset."""

    dataset: str
    range_months: int = 0
    """0: the template's."""
    data_life_days: int = 0
    """0: the template's."""
    reads_of_subject: tuple[Rate, ...] = ()
    """Besides the template's."""


@dataclass(frozen=True, slots=True)
class FairUse:
    """How much one purpose may be used: what a consent may last, and how far back and how often one may read."""

    id: str
    purpose: str
    title: Label
    max_consent_days: int
    """Longest validity of a consent in days; 0 when no consent is used."""
    range_months: int
    """Months of data looked back at most; 0: no limit of its own."""
    data_life_days: int
    """Days after which the recipient deletes what it got; 0: by the recipient's own law."""
    subjects_per_request: int
    reads_of_subject: tuple[Rate, ...]
    """Answers about one subject, per institution."""
    reads_in_all: tuple[Rate, ...]
    """Answers about all subjects together, per institution."""
    over_consent_days: Beyond
    over_range: Beyond
    over_subjects: Beyond
    datasets: Mapping[str, DatasetCaps]
    """Narrower caps by dataset."""
    source: str
    verified: bool

    def range_months_of(self, dataset: str) -> int:
        """Months of one dataset looked back at most; 0: no limit."""
        own = self.datasets.get(dataset)
        return own.range_months if own and own.range_months else self.range_months

    def range_months_with(self, consent: ConsentTemplate) -> int:
        """Months of data that a consent of this template covers at most."""
        return _tighter(self.range_months, consent.range_months)

    def validity_days_with(self, consent: ConsentTemplate) -> int:
        """Days that a consent of this template lasts unless it says otherwise."""
        return min(self.max_consent_days, consent.validity_days)

    def data_life_days_with(self, consent: ConsentTemplate, dataset: str = "") -> int:
        """Days for which the recipient may keep what it gets under a consent, of one dataset or of any."""
        return _tighter(self.data_life_days_of(dataset), consent.data_life_days)

    def earliest(self, today: date, dataset: str = "", signed_months: int = 0) -> date | None:
        """The first date of data that may be read on a day, of one dataset or of any; None: no limit.

        Of the template and what a consent says (0: nothing), the tighter.
        """
        months = _tighter(self.range_months_of(dataset), signed_months)
        return months_before(today, months) if months else None

    def data_life_days_of(self, dataset: str) -> int:
        """Days after which the recipient deletes what it got of one dataset; 0: by its own law."""
        own = self.datasets.get(dataset)
        return own.data_life_days if own and own.data_life_days else self.data_life_days

    def counted(self) -> Iterator[tuple[bool, str, tuple[Rate, ...]]]:
        """What it limits by calendar unit: whether of one subject or of all, the dataset ("": any), how often."""
        yield False, "", self.reads_in_all
        yield True, "", self.reads_of_subject
        for caps in self.datasets.values():
            yield True, caps.dataset, caps.reads_of_subject


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
    fair_use: Mapping[str, FairUse] = field(default_factory=dict)
    """Fair-use templates by id, in file order."""
    clocks: Clocks = field(default_factory=Clocks)
    """Periods of publication, time limits of cases, working days."""
    notices: NoticeTemplates = field(default_factory=NoticeTemplates)
    """What subjects and source units are told."""
    grounds: Mapping[str, Ground] = field(default_factory=dict)
    """On what grounds the body of an entry of the audit log may be taken out, by code."""
    retention: Mapping[str, Term] = field(default_factory=dict)
    """For how long the audit log keeps the bodies of its entries, by code; a kind without a term is kept for good."""
    detections: Mapping[str, Detection] = field(default_factory=dict)
    """What in the audit log a person should look at, by id."""
    review: ReviewTerms = field(default_factory=ReviewTerms)
    """Time limits and conclusions of review cases."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """All files as read, by name; what is published."""

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        return {role: frozenset(_climb(role, self.parents)) for role in self.roles}

    @cached_property
    def most_delayed(self) -> dict[str, Matter]:
        """Of each purpose that has matters, the one whose lookups are kept from the subject the longest."""
        ordered = sorted(self.matters.values(), key=lambda matter: -matter.ledger_delay_days)
        return {matter.purpose: matter for matter in reversed(ordered)}

    @cached_property
    def _fair_use_by_purpose(self) -> dict[str, tuple[FairUse, ...]]:
        found: dict[str, tuple[FairUse, ...]] = {}
        for template in self.fair_use.values():
            found[template.purpose] = (*found.get(template.purpose, ()), template)
        return found

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

    def fair_use_for(self, purpose: str) -> tuple[FairUse, ...]:
        """Fair-use templates of a purpose, its default first; a purpose that has none never reads a subject."""
        return self._fair_use_by_purpose.get(purpose, ())

    def fair_use_of(self, purpose: str, template_id: str | None) -> FairUse | None:
        """The template of this id if it is one of the purpose, its default without an id, None otherwise."""
        found = self.fair_use_for(purpose)
        if template_id is None:
            return found[0] if found else None
        return next((template for template in found if template.id == template_id), None)


def _tighter(one: int, other: int) -> int:
    """The tighter of two caps, where 0 is none."""
    return min(one, other) if one and other else one or other


def _climb(role: str, parents: Mapping[str, tuple[str, ...]]) -> set[str]:
    seen: set[str] = set()
    waiting = [role]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(parents.get(current, ()))
    return seen
