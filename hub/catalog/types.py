"""The shape of a catalogue entry: a dataset and its fields, as one TOML file under `schema/catalog` declares them.

Every consumer (GraphQL type, import template, validation, storage, policy universe, documentation page)
works from these records and from nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.catalog.units import SourceUnit


class Domain(StrEnum):
    """The four separately governed providers behind the one schema."""

    GOVERNMENT = "government"
    JUDICIAL = "judicial"
    MARKET = "market"
    FINANCIAL = "financial"


class SubjectKind(StrEnum):
    """Kinds of credit subject."""

    ORG = "ORG"
    PERSON = "PERSON"


class Nature(StrEnum):
    """Credit nature of a record; only NEGATIVE records carry a severity and a publication period."""

    BASIC = "BASIC"
    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"
    OTHER = "OTHER"


class Sharing(StrEnum):
    """Sharing class of a dataset (public, government sharing, authorised query)."""

    PUBLIC = "PUBLIC"
    GOV_SHARING = "GOV_SHARING"
    AUTHORISED_QUERY = "AUTHORISED_QUERY"


class FieldType(StrEnum):
    """How a field's value is read, stored and shown. Stored (JSON) form in brackets."""

    TEXT = "text"  # str
    TEXT_LIST = "textList"  # list[str]; in files joined by ; or ；
    INTEGER = "integer"  # int
    DECIMAL = "decimal"  # str, canonical decimal
    MONEY = "money"  # int, minor units (分) of CNY
    DATE = "date"  # str, YYYY-MM-DD
    OPEN_DATE = "openDate"  # str or null; null means open end (2099-12-31 in files)
    MONTH = "month"  # str, YYYY-MM
    BOOLEAN = "boolean"  # bool
    ENUM = "enum"  # str, an UPPER_SNAKE code from `values`
    ENUM_LIST = "enumList"  # list[str]
    USCC = "uscc"  # str, 18 characters
    RESIDENT_ID = "residentId"  # str, 18 characters


class SealedFor(StrEnum):
    """For whose records a field is sealed (encrypted at rest)."""

    NEVER = "never"
    PERSONS = "persons"
    ALWAYS = "always"


class Role(StrEnum):
    """What a column says about the subject itself, so that intake can find the subject."""

    SUBJECT_NAME = "subject_name"
    SUBJECT_KIND = "subject_kind"
    SUBJECT_USCC = "subject_uscc"
    SUBJECT_CERT_TYPE = "subject_cert_type"
    SUBJECT_CERT_NO = "subject_cert_no"
    LEGACY_ID = "legacy_id"
    SOURCE_UNIT_NAME = "source_unit_name"
    SOURCE_UNIT_USCC = "source_unit_uscc"
    SEVERITY = "severity"
    PUBLICATION_END = "publication_end"
    PRIOR_NOTICE = "prior_notice"
    """Day on which a person was told of adverse information before it was supplied."""
    ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class Label:
    """A text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class EnumValue:
    """One code of an enumeration: API code, labels, and what source files write for it."""

    code: str
    label: Label
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dataset."""

    dataset: str
    name: str
    label: Label
    type: FieldType
    columns: tuple[str, ...]
    """Accepted column headers in files, first the official one."""
    required: str = "N"
    """Y always, O for organisations, P for persons, C conditional (not enforced), N optional."""
    unit: str = ""
    """Unit of the values in files, for example 万元 or 元 for money."""
    max_length: int = 0
    """Longest accepted text in characters; 0 means no limit of its own."""
    level: int = 1
    """Sensitivity level 1 (public) to 5 (strictest)."""
    level_person: int = 0
    """Level when the subject is a natural person; 0 means same as `level`."""
    sealed: SealedFor = SealedFor.NEVER
    searchable: bool = False
    """Whether a blind index is kept for exact match."""
    mask: str = ""
    """Name of the mask applied for the outcome MASKED (see `hub.disclosure.masks`); empty: not maskable."""
    generalise: str = ""
    """How it is made coarser for the outcome GENERALISED (see `hub.disclosure.generalise`); empty: not at all."""
    values: tuple[EnumValue, ...] = ()
    role: Role | None = None
    path: str = ""
    """GraphQL path inside the type, for example `legalRepresentative.name`; empty means `name`."""
    description: Label | None = None

    @property
    def id(self) -> str:
        """The field's name in policies, plans and audit entries, for example `government.penalty.fineAmount`."""
        return f"{self.dataset}.{self.name}"

    @property
    def graphql_path(self) -> tuple[str, ...]:
        """Names from the dataset's GraphQL type down to this field."""
        return tuple((self.path or self.name).split("."))

    def is_sealed(self, kind: SubjectKind) -> bool:
        """Whether this field is sealed in records of a subject of this kind."""
        return self.sealed is SealedFor.ALWAYS or (
            self.sealed is SealedFor.PERSONS and kind is SubjectKind.PERSON
        )

    def level_for(self, kind: SubjectKind) -> int:
        """Sensitivity level in records of a subject of this kind."""
        return self.level_person or self.level if kind is SubjectKind.PERSON else self.level


@dataclass(frozen=True)
class Dataset:
    """One dataset of the catalogue."""

    id: str
    code: str
    edition: str
    tier: str
    category: str
    domain: Domain
    type_name: str
    field_name: str
    title: Label
    source_unit: Label
    legal_basis: str
    subjects: tuple[SubjectKind, ...]
    nature: Nature
    sharing: Sharing
    update_frequency: str
    upload_deadline_days: int
    """Working days from the event within which the source must upload; 0 means none is set."""
    retention: str
    natural_key: tuple[str, ...]
    """Field names that identify a record within its subject."""
    event_date: str
    """Name of the date or month field by which records are ordered and ranged; empty for profiles."""
    profile: bool
    """One record per subject whose fields stand on the subject's own GraphQL type."""
    fields: tuple[Field, ...]
    source: str = ""
    verified: bool = False
    description: Label = field(default_factory=lambda: Label("", ""))
    commitment: Label | None = None
    """What a subject promises who declares data about itself (真实性承诺); None: it takes no declarations."""

    @property
    def commitment_id(self) -> str:
        """Id of the commitment's wording, `sha256:` over both languages; empty when there is none."""
        if self.commitment is None:
            return ""
        text = f"{self.commitment.zh}\0{self.commitment.en}".encode()
        return f"sha256:{hashlib.sha256(text).hexdigest()}"

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by name."""
        return {f.name: f for f in self.fields}

    @cached_property
    def by_column(self) -> Mapping[str, Field]:
        """Fields by accepted column header, as `hub.catalog.loader.header_key` normalises it."""
        from hub.catalog.loader import header_key

        return {header_key(c): f for f in self.fields for c in (*f.columns, f.name)}

    def role(self, role: Role) -> tuple[Field, ...]:
        """Fields that carry this role, in file order."""
        return tuple(f for f in self.fields if f.role is role)


@dataclass(frozen=True)
class Catalog:
    """All datasets of the active editions."""

    datasets: Mapping[str, Dataset]
    revision: str
    """`sha256:` over the catalogue files; goes into plans and audit entries."""
    known_codes: frozenset[str] = frozenset()
    """Unified social credit codes that pass intake although their check character is wrong."""
    units: tuple[SourceUnit, ...] = ()
    """Who may supply what, see `hub.catalog.units`."""

    def __hash__(self) -> int:
        """By the revision; catalogues of one revision are still compared."""
        return hash(self.revision)

    def __iter__(self) -> Iterator[Dataset]:
        """Datasets in id order."""
        return iter(self.datasets[k] for k in sorted(self.datasets))

    def fields(self) -> Iterator[Field]:
        """All fields of all datasets."""
        for dataset in self:
            yield from dataset.fields

    def profile(self, kind: SubjectKind) -> Dataset:
        """The profile dataset of a subject kind."""
        return next(d for d in self if d.profile and kind in d.subjects)
