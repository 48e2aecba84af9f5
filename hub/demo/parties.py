"""The columns by which records name their subject; each family of datasets has its own names for them."""

from __future__ import annotations

from hub.demo.organisations import Organisation
from hub.demo.persons import Person
from hub.demo.record import Values

Party = Organisation | Person
"""A credit subject."""

_COUNTERPARTY = frozenset({"government.licence", "government.penalty"})
_PROFILES = frozenset({"government.registration", "government.person_profile"})
_ORGANISATIONS_ONLY = frozenset(
    {
        "government.abnormal_list",
        "government.housing_fund",
        "government.social_insurance",
        "government.tax_grade",
        "government.tax_payment",
        "market.contract_performance",
        "market.industry_evaluation",
        "market.utility_payment",
    }
)


class PartyColumns:
    """The subject's columns for every family of datasets, computed once per subject."""

    def __init__(self, party: Party) -> None:
        counterparty = _person(party) if isinstance(party, Person) else _organisation(party)
        own: Values = {
            key: counterparty[key] for key in ("uscc", "certType", "certNo") if key in counterparty
        }
        self._counterparty = counterparty
        self._short: Values = {"subjectName": party.name, **own}
        self._mixed: Values = {**self._short, "subjectKind": counterparty["counterpartyType"]}

    def of(self, dataset: str) -> Values:
        """The columns that a record of this dataset carries besides its own (not to be changed)."""
        if dataset in _PROFILES:
            return {}
        if dataset in _COUNTERPARTY:
            return self._counterparty
        return self._short if dataset in _ORGANISATIONS_ONLY else self._mixed


def _person(person: Person) -> Values:
    return {
        "counterpartyName": person.name,
        "counterpartyType": "NATURAL_PERSON",
        "certType": "RESIDENT_ID",
        "certNo": person.identifier,
    }


def _organisation(org: Organisation) -> Values:
    sole = org.form == "INDIVIDUAL_BUSINESS"
    return {
        "counterpartyName": org.name,
        "counterpartyType": "INDIVIDUAL_BUSINESS" if sole else "ORGANIZATION",
        "uscc": org.identifier,
        **legacy_codes(org),
        "legalRepresentativeName": org.representative.name,
        "legalRepresentativeCertType": "RESIDENT_ID",
        "legalRepresentativeCertNo": org.representative.resident_id,
    }


def legacy_codes(org: Organisation) -> dict[str, str]:
    """Codes from before the unified social credit code, which came in October 2015, by field name."""
    codes = {"legacyOrganizationCode": org.identifier[8:17]}
    if org.established.year < 2015:
        codes["legacyBusinessRegistrationNo"] = f"{org.division.code}D{org.index:08d}"
    return codes
