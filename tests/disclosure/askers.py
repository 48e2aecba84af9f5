"""The callers of the paired worlds: who they are, what they ask for, and on what basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from world import COMPANY

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.demo.codes import uscc

from .gate_world import TODAY

ORG, PERSON = SubjectKind.ORG, SubjectKind.PERSON
BUREAU, COUNTY, PUBLIC = (uscc(c, "460100", f"8900{n}") for n, c in enumerate(("91", "11", "91")))
RANGE_FROM = date(2025, 3, 15)
"""First day of the data that every consent covers: there is data before it."""

Items = Mapping[str, Sequence[str]]
"""Datasets that a consent names, with the fields it names; none: all."""


@dataclass(frozen=True)
class Asker:
    """One caller with one purpose."""

    client: str
    role: str
    institution: str
    purpose: str
    matter: str = ""
    kinds: tuple[SubjectKind, ...] = (ORG, PERSON)
    """Kinds of subject that it may ask about at all."""
    consent: bool = False
    emergency: bool = False
    """Whether it asks under emergency grants."""
    items: Mapping[SubjectKind, Items] = field(default_factory=dict)
    """What the consents of each kind name; empty: all of the template."""
    range_to: date = TODAY
    """Last day of the data that its consents cover."""
    acts_for: Mapping[SubjectKind, str] = field(default_factory=dict)
    """The subject itself, for each kind; then there is a client for each."""


_FEW: Mapping[SubjectKind, Items] = {
    ORG: {
        "financial.loan": ("lender", "balance"),
        "government.licence": ("documentTitle",),
        "government.penalty": ("documentNo", "decisionDate", "fineAmount"),
        "government.registration": ("name", "operatingStatus", "legalRepresentativePhone"),
        "government.serious_dishonesty": ("listName",),
        "government.tax_payment": ("taxType", "amount"),
        "judicial.judgment": ("court", "outcome"),
        "market.utility_payment": ("utility", "status"),
    },
    PERSON: {
        "financial.loan": ("lender",),
        "government.person_profile": ("name", "phone"),
        "judicial.dishonest_judgment_debt": ("court", "publishedOn"),
    },
}
"""A narrow consent: of most lists without the date, of some without a part of the natural key."""

ASKERS: Mapping[str, Asker] = {
    "a bank with a full consent": Asker("bank-hkb", "bank", facts.BANK_HKB, "LOAN_APPLICATION", consent=True),
    "a bank with a narrow consent": Asker(
        "bank-hkb",
        "bank",
        facts.BANK_HKB,
        "LOAN_APPLICATION",
        consent=True,
        items=_FEW,
        range_to=date(2026, 10, 15),
    ),
    "a bank that looks at a guarantor": Asker("bank-hkb", "bank", facts.BANK_HKB, "GUARANTEE", consent=True),
    "a bank that renews a loan": Asker(
        "bank-hkb", "bank", facts.BANK_HKB, "RENEWAL", kinds=(ORG,), consent=True
    ),
    "a credit bureau": Asker(
        "bureau", "credit_bureau", BUREAU, "LOAN_APPLICATION", kinds=(ORG,), consent=True
    ),
    "a department that supervises": Asker(
        "dept-amr", "department", facts.DEPT_AMR, "GOV_SUPERVISION", matter="SV-GRADED"
    ),
    "a department that procures": Asker(
        "dept-tax", "department", facts.DEPT_TAX, "GOV_PROCUREMENT", matter="GP-SUPPLIER", kinds=(ORG,)
    ),
    "a department in an emergency": Asker(
        "dept-amr", "department", facts.DEPT_AMR, "EMERGENCY", emergency=True
    ),
    "a county tenant": Asker("county", "county_tenant", COUNTY, "GOV_APPROVAL", matter="AP-FOOD-LICENCE"),
    "the public before a bid": Asker("public", "public", PUBLIC, "BID_CHECK", kinds=(ORG,)),
    "the public, for itself": Asker("public", "public", PUBLIC, "PUBLIC_QUERY", kinds=(ORG,)),
    "a subject about itself": Asker(
        "subject", "subject", COMPANY, "SELF_QUERY", acts_for={ORG: COMPANY, PERSON: facts.PERSON_ID}
    ),
}
