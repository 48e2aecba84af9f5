"""The consent request that follows from a trusted document: what a subject reads before it signs.

* Its items are the datasets that the document reads and the purpose's template allows, each with the fields that
  can leave and how. What is asked for in vain is not in it: nobody consents to what is never shown.
* A list is ordered by its date for whoever may see the date, so the date is among the fields of a list.
* Period, validity, uses and the notices are those of the template; the readers are the recipient and its roles.
* How often, how far back and how long the data may be kept is what both the consent template and the fair-use
  template allow; the derived `authorization_details` name the fair-use template.
* A consent over these items lets the document run without anything being withheld for want of consent, and the
  `authorization_details` ask for the token it runs under. Screen, token and enforcement have one source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.catalog.types import Dataset, Label, SubjectKind
from hub.disclosure.plan import PlanCompiler
from hub.disclosure.rules import Rules
from hub.documents.certificate import open_questions, widest_scope
from hub.documents.reach import Reach
from hub.documents.registry import TrustedDocument, TrustedDocuments
from hub.errors import InputError
from hub.model.outcome import Outcome
from hub.policies.model import ConsentTemplate, FairUse, PolicySet, Purpose

DETAIL_TYPE = "credit_disclosure"
OUTCOME_TITLES: Mapping[Outcome, Label] = {
    Outcome.CLEAR: Label("原文", "as it is"),
    Outcome.MASKED: Label("脱敏", "masked"),
    Outcome.GENERALISED: Label("概括", "generalised"),
    Outcome.PREDICATE: Label("只答是否", "yes or no only"),
}


@dataclass(frozen=True)
class FieldAsked:
    """One field of an item and how it will be shown."""

    name: str
    label: Label
    outcome: Outcome


@dataclass(frozen=True)
class ItemAsked:
    """One dataset of the request."""

    dataset: str
    title: Label
    separate: bool
    """Whether it needs a signature of its own."""
    fields: tuple[FieldAsked, ...]


@dataclass(frozen=True)
class DocumentConsent:
    """What a subject is asked to agree to, so that one document can run."""

    document: TrustedDocument
    purpose: Purpose
    kind: SubjectKind
    template: ConsentTemplate
    grantee: str
    """USCC of the recipient."""
    grantee_name: str
    """May be empty."""
    roles: tuple[Label, ...]
    """Titles of the roles in which the recipient reads."""
    items: tuple[ItemAsked, ...]
    fair_use: FairUse

    @property
    def range_months(self) -> int:
        """Months of data looked back at most."""
        return self.fair_use.range_months_with(self.template)

    @property
    def validity_days(self) -> int:
        """Days of validity of a consent that names none."""
        return self.fair_use.validity_days_with(self.template)

    def data_life_days(self, dataset: str = "") -> int:
        """Days for which the recipient may keep what it gets of a dataset, or of any."""
        return self.fair_use.data_life_days_with(self.template, dataset)

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """Datasets with the fields of each, as the consent names them."""
        return {item.dataset: tuple(field.name for field in item.fields) for item in self.items}

    def authorization_details(
        self, subjects: Sequence[str] = (), consent: str | None = None
    ) -> list[dict[str, Any]]:
        """What to ask a token with (RFC 9396), once the consent is there.

        Args:
            subjects: the subject, as USCC, resident id or pseudonym; filled in by the recipient when empty.
            consent: id of the consent that was granted; left out before.
        """
        detail: dict[str, Any] = {
            "type": DETAIL_TYPE,
            "purpose": self.purpose.code,
            "subjects": list(subjects),
            "template": self.fair_use.id,
        }
        return [{**detail, "consent": consent} if consent else detail]


def consent_request(
    rules: Rules,
    trusted: TrustedDocuments,
    document_id: str,
    grantee: str,
    purpose_code: str,
    *,
    grantee_name: str = "",
    kind: SubjectKind | None = None,
    template_id: str | None = None,
) -> DocumentConsent:
    """Derive the consent request of a document.

    Args:
        rules: in force.
        trusted: registered documents.
        document_id: which of them.
        grantee: USCC of the recipient.
        purpose_code: for which of its purposes.
        grantee_name: how the recipient is called, for the text.
        kind: kind of subject; needed only when the document reads both.
        template_id: the fair-use template; None: the default one of the purpose.

    Raises:
        InputError: when there is no such document for this recipient and purpose, no consent is needed, or the
            purpose has no such fair-use template.
    """
    found, purpose = _document(rules.policy, trusted, document_id, grantee, purpose_code)
    chosen, template, fair_use = _templates(rules.policy, found.asked, purpose, kind, template_id)
    asked = found.asked
    roles = [role for role in sorted(found.listed.roles) if role in purpose.holders]
    outcomes = _outcomes(rules, roles, purpose_code, chosen)
    read = {field: outcomes[field] for field in asked.fields[chosen] if outcomes[field] > Outcome.WITHHELD}
    for question in open_questions(rules, asked, chosen, outcomes.__getitem__):
        dataset = rules.catalog.datasets[question.dataset]
        for name in question.reads(dataset):
            read.setdefault(dataset.by_name[name].id, Outcome.PREDICATE)
    items = tuple(
        item
        for entry in template.items
        if (
            item := _item(
                rules.catalog.datasets[entry.dataset], entry.separate, asked, chosen, read, outcomes
            )
        )
    )
    titles = tuple(rules.policy.roles[role].title for role in roles)
    return DocumentConsent(found, purpose, chosen, template, grantee, grantee_name, titles, items, fair_use)


def _document(
    policy: PolicySet, trusted: TrustedDocuments, document_id: str, grantee: str, purpose_code: str
) -> tuple[TrustedDocument, Purpose]:
    found = trusted.get(document_id)
    purpose = policy.purposes.get(purpose_code)
    if (
        found is None
        or purpose is None
        or purpose_code not in found.listed.purposes
        or (found.listed.institutions and grantee not in found.listed.institutions)
    ):
        raise InputError(
            "There is no such document for this recipient and purpose.",
            hint="`hub documents list` names the documents with their purposes.",
            message_zh="没有适用于该机构和用途的此文档。",
        )
    return found, purpose


def _templates(
    policy: PolicySet, asked: Reach, purpose: Purpose, kind: SubjectKind | None, template_id: str | None
) -> tuple[SubjectKind, ConsentTemplate, FairUse]:
    """The kind of subject that is asked, with the consent template and the fair-use template for it."""
    chosen = kind or (asked.kinds[0] if len(asked.kinds) == 1 else None)
    templates = [t for t in policy.templates_for(purpose.code) if t.kind is chosen]
    if not purpose.consent_required or chosen is None or chosen not in asked.kinds or not templates:
        raise InputError(
            "This document and purpose need no consent, or none that this kind of subject can give.",
            hint="Name a purpose that rests on consent, and the kind of subject when the document reads both.",
            message_zh="该文档与用途不以此类主体的授权同意为依据。",
        )
    fair_use = policy.fair_use_of(purpose.code, template_id)
    if fair_use is None:
        raise InputError(
            "The purpose has no fair-use template of this id.",
            hint=f"Choose among {', '.join(t.id for t in policy.fair_use_for(purpose.code))}.",
            message_zh="该用途没有此合理使用模板。",
        )
    return chosen, templates[-1], fair_use


def _outcomes(rules: Rules, roles: Sequence[str], purpose: str, kind: SubjectKind) -> dict[str, Outcome]:
    """The most open outcome of each field over these roles, under the widest consent."""
    best: dict[str, Outcome] = {}
    for role in roles:
        scope = widest_scope(rules, role, purpose, kind)
        compiler = PlanCompiler(rules.catalog, rules.table(scope.roles, purpose, kind), scope, 0)
        for field in rules.catalog.fields():
            outcome = compiler.decide(field).outcome
            best[field.id] = max(outcome, best.get(field.id, Outcome.WITHHELD))
    return best


def _item(
    dataset: Dataset,
    separate: bool,
    asked: Reach,
    kind: SubjectKind,
    read: Mapping[str, Outcome],
    outcomes: Mapping[str, Outcome],
) -> ItemAsked | None:
    """The item of a dataset; None when the document does not read it or nothing of it can leave.

    Args:
        dataset: of the item.
        separate: whether it needs a signature of its own.
        asked: what the document asks for.
        kind: kind of subject.
        read: ids of fields that are read, with how each will be shown.
        outcomes: the most open outcome of every field.
    """
    shown = {field.name: read[field.id] for field in dataset.fields if field.id in read}
    open_fields = [field for field in dataset.fields if outcomes[field.id] > Outcome.WITHHELD]
    if dataset.id in asked.lists[kind]:
        for field in open_fields:
            if field.name == dataset.event_date:
                shown.setdefault(field.name, outcomes[field.id])
        most = max(open_fields, key=lambda field: outcomes[field.id], default=None)
        if most is not None and all(outcome < Outcome.GENERALISED for outcome in shown.values()):
            shown.setdefault(most.name, outcomes[most.id])  # a list opens with any field that shows
    if not shown:
        return None
    fields = tuple(FieldAsked(f.name, f.label, shown[f.name]) for f in open_fields if f.name in shown)
    return ItemAsked(dataset.id, dataset.title, separate, fields)
