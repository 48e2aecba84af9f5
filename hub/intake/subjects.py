"""Who a row is about.

Rules
- The class of the counterparty decides the kind; without such a column, the identifier that is given does, and
  a row that gives both kinds of identifier is refused rather than guessed.
- Organisations are found by their unified social credit code. An organisation code must agree with positions 9
  to 17 of it. Legacy codes alone are looked up among the aliases, never trusted to make a subject.
- An organisation of which a row gives no code at all keeps its name, for a person to match; see `hub.intake.review`.
- Persons are found by the resident identity number, or by another certificate as `KIND:NUMBER` when they have none;
  never by their name, which many share.
- Persons under fourteen are refused: their data needs a guardian's consent, which a file cannot carry
  (Personal Information Protection Law, arts. 28 and 31).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import repeat
from typing import Any

from msgspec.structs import replace

from hub.catalog.types import Dataset, Role, SubjectKind
from hub.errors import IdentifierError
from hub.intake.lineage import CHECKSUM_OVERRIDE
from hub.intake.rows import Columns, SubjectRef
from hub.model.identifiers import CertificateKind, LegacyKind, birth_date, parse_certificate, parse_legacy_id

YOUNGEST = 14
"""Age in full years from which a person's records are collected."""
_ORGANIZATION_CODE = LegacyKind.ORGANIZATION_CODE.value
_PERSON = "NATURAL_PERSON"
"""Stated kind of a natural person; every other one is an organisation's."""
_REMEMBERED = 4_000
"""Organisations met lately; a company's rows often stand together."""
_LIKE_RESIDENT_ID = (CertificateKind.RESIDENT_ID, CertificateKind.HMT_RESIDENCE_PERMIT)

Report = Callable[[str, str], None]
"""Called with a code and a field name for each fault."""
ReportError = Callable[[IdentifierError, str], None]
"""Called with the error of an identifier and a field name."""


class SubjectReader:
    """Finds the subject of the rows of one dataset."""

    def __init__(
        self, dataset: Dataset, *, today: date, demo: bool, known_codes: frozenset[str] = frozenset()
    ) -> None:
        self._dataset = dataset
        self._known_codes = known_codes
        self._today = today
        self._demo = demo
        self._names = {role: next((f.name for f in dataset.role(role)), "") for role in Role}
        self._legacy = tuple(f.name for f in dataset.role(Role.LEGACY_ID))
        self._takes_organizations = SubjectKind.ORG in dataset.subjects
        self._met: dict[str, SubjectRef] = {}
        self._kind, self._uscc, self._number = (
            self._names[r] for r in (Role.SUBJECT_KIND, Role.SUBJECT_USCC, Role.SUBJECT_CERT_NO)
        )

    def kind(self, values: Mapping[str, Any]) -> SubjectKind | str:
        """The kind of subject, or the code of the fault why it cannot be told."""
        kinds = self._dataset.subjects
        stated = values.get(self._kind)
        if stated is not None:
            kind = SubjectKind.PERSON if stated == _PERSON else SubjectKind.ORG
        elif len(kinds) == 1:
            return kinds[0]
        else:
            org, person = (
                bool(self._given(values, SubjectKind.ORG)),
                bool(self._given(values, SubjectKind.PERSON)),
            )
            if org == person:
                return "SUBJECT_ID_AMBIGUOUS" if org else "SUBJECT_ID_MISSING"
            kind = SubjectKind.ORG if org else SubjectKind.PERSON
        return kind if kind in kinds else "SUBJECT_KIND_NOT_ALLOWED"

    def _given(self, values: Mapping[str, Any], kind: SubjectKind) -> object:
        return values.get(self._uscc if kind is SubjectKind.ORG else self._number)

    def identifying(self, name: str) -> bool:
        """Whether a field is checked here, so that its absence need not be reported twice."""
        return name in (self._uscc, self._number)

    def read(
        self, kind: SubjectKind, values: dict[str, Any], report: Report, report_error: ReportError
    ) -> SubjectRef | None:
        """The subject, or None when faults were reported. Certificate and legacy codes in `values` are normalised."""
        return (
            self._person(values, report, report_error)
            if kind is SubjectKind.PERSON
            else self._organization(values, report, report_error)
        )

    def plain_organizations(
        self, columns: Columns, rows: Sequence[Mapping[str, Any]]
    ) -> list[SubjectRef | None]:
        """The organisation of each row that states its code and no other; None when there is more to look at.

        Args:
            columns: the values of the rows, column by column.
            rows: the same, row by row.
        """
        codes = columns.get(self._uscc)
        if codes is None or not self._takes_organizations:
            return [None] * len(rows)
        others = [columns[name] for name in self._legacy if name in columns]
        if others:
            others_of = zip(*others, strict=True)
            codes = [None if any(o) else code for code, o in zip(codes, others_of, strict=True)]
        kinds = columns.get(self._kind)
        organizations = kinds is not None and _PERSON not in kinds and None not in kinds
        places = columns.get("divisionCode", repeat(None)) if self._dataset.profile else repeat(None)
        return [
            self._organization_of(code, place)
            if code is not None and (organizations or self.kind(values) is SubjectKind.ORG)
            else None
            for code, place, values in zip(codes, places, rows)  # noqa: B905 - `repeat` does not end
        ]

    def _organization_of(self, uscc: str, division: str | None) -> SubjectRef:
        known = self._met.get(uscc)
        if known is None or known.division_code != division:
            found = organization_ref(uscc, None, division)
            known = replace(found, mark=CHECKSUM_OVERRIDE) if uscc in self._known_codes else found
            if len(self._met) >= _REMEMBERED:
                self._met.clear()
            self._met[uscc] = known
        return known

    def _person(self, values: dict[str, Any], report: Report, report_error: ReportError) -> SubjectRef | None:
        name = self._number
        number = values.get(name)
        if not number:
            report("PERSON_ID_MISSING", name)
            return None
        certificate = CertificateKind(
            values.get(self._names[Role.SUBJECT_CERT_TYPE]) or CertificateKind.RESIDENT_ID
        )
        try:
            number = parse_certificate(certificate, number, today=self._today, demo=self._demo)
        except IdentifierError as error:
            report_error(error, name)
            return None
        values[name] = number
        if certificate in _LIKE_RESIDENT_ID and self._age(number) < YOUNGEST:
            report("UNDER_14", name)
            return None
        identifier = number if certificate in _LIKE_RESIDENT_ID else f"{certificate}:{number}"
        return SubjectRef(SubjectKind.PERSON, identifier, (), _division(self._dataset, values))

    def _age(self, number: str) -> int:
        born, today = birth_date(number), self._today
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    def _organization(
        self, values: dict[str, Any], report: Report, report_error: ReportError
    ) -> SubjectRef | None:
        uscc = values.get(self._uscc)
        aliases: dict[str, str] = {}
        good = True
        for name in self._legacy:
            if name not in values:
                continue
            try:
                aliases[name] = values[name] = parse_legacy_id(LegacyKind(name), values[name])
            except IdentifierError as error:
                report_error(error, name)
                good = False
        if not good:
            return None
        stated = aliases.get(_ORGANIZATION_CODE)
        if not uscc:
            name = values.get(self._names[Role.SUBJECT_NAME], "")
            if not aliases and not name:
                report("SUBJECT_ID_MISSING", self._uscc)
                return None
            return SubjectRef(SubjectKind.ORG, "", tuple(sorted(aliases.items())), name=name)
        if stated is not None and stated != uscc[8:17]:
            report("ORGANIZATION_CODE_MISMATCH", LegacyKind.ORGANIZATION_CODE)
            return None
        found = organization_ref(uscc, aliases, _division(self._dataset, values))
        return replace(found, mark=CHECKSUM_OVERRIDE) if uscc in self._known_codes else found


def organization_ref(
    uscc: str, aliases: Mapping[str, str] | None = None, division_code: str | None = None
) -> SubjectRef:
    """An organisation by its normalised USCC; its organisation code always is an alias of it."""
    if not aliases:
        return SubjectRef(SubjectKind.ORG, uscc, ((_ORGANIZATION_CODE, uscc[8:17]),), division_code)
    known = {_ORGANIZATION_CODE: uscc[8:17]} | dict(aliases)
    return SubjectRef(SubjectKind.ORG, uscc, tuple(sorted(known.items())), division_code)


def _division(dataset: Dataset, values: Mapping[str, Any]) -> str | None:
    """The division a profile states; other datasets say nothing about where the subject belongs."""
    return values.get("divisionCode") if dataset.profile else None
