"""What must hold inside a catalogue file and between the files.

Rules
- The file's path is the dataset's id; ids, codes, GraphQL types and GraphQL fields are unique.
- A column header, in its normal form, belongs to one field of a dataset.
- A sealed field has level 3 or more; a text, amount, count or date of level 2 or more can be masked.
- A field is made coarser only in a way that fits its type and keeps it.
- A dataset's time field is a date or a month, always given and never sealed: rows are ordered by it.
- The natural key is always given; its fields may be sealed.
- A dataset that takes declarations of subjects has a commitment and an origin, which is part of its natural key.
- A dataset names columns by which its subject can be found.
- Negative datasets have a severity, and only they.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hub.catalog.reading import fail
from hub.catalog.types import Dataset, Domain, Field, FieldType, Nature, Role, SealedFor, Sharing, SubjectKind
from hub.model.identifiers import LegacyKind

_ID = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}")
_TYPE = re.compile(r"[A-Z][A-Za-z0-9]*")
_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_ENUM = re.compile(r"[A-Z][A-Z0-9_]*")
_RETENTION = re.compile(r"P[1-9][0-9]*[YM]|PERMANENT")
_RESERVED = {"id", "marks", "subject", "disclosure", *Domain}
_ENUMS = (FieldType.ENUM, FieldType.ENUM_LIST)
_DATES = (FieldType.DATE, FieldType.OPEN_DATE, FieldType.MONTH)
_TEXTS = (FieldType.TEXT, FieldType.TEXT_LIST)
_MUST_MASK = (*_TEXTS, FieldType.MONEY, FieldType.INTEGER, FieldType.RESIDENT_ID, *_DATES)
_MASK_TYPES = {
    "name": (FieldType.TEXT,),
    "id": (FieldType.TEXT, FieldType.RESIDENT_ID),
    "phone": (FieldType.TEXT,),
    "account": (FieldType.TEXT,),
    "address": (FieldType.TEXT,),
    "text": _TEXTS,
    "amount": (FieldType.MONEY, FieldType.INTEGER),
    "date": _DATES,
}
_GENERALISE_TYPES = {
    "year": _DATES,
    "decade": _DATES,
    "month": (FieldType.DATE, FieldType.OPEN_DATE),
    "band": (FieldType.MONEY, FieldType.INTEGER),
    "division": (FieldType.TEXT,),
    "township": (FieldType.TEXT,),
}
_SUBJECT_ROLES = {
    SubjectKind.ORG: (Role.SUBJECT_USCC, Role.SUBJECT_NAME),
    SubjectKind.PERSON: (Role.SUBJECT_CERT_NO, Role.SUBJECT_NAME),
}


def lint_catalog(datasets: Iterable[Dataset]) -> None:
    """Check what must hold between datasets.

    Raises:
        CatalogError: when an id, code, GraphQL type or field is used twice, or a kind has two profiles.
    """
    seen: set[tuple[str, ...]] = set()
    for dataset in datasets:
        keys = [
            ("id", dataset.id),
            ("code", dataset.code),
            ("type", dataset.type_name),
            ("field", dataset.domain, dataset.field_name),
        ]
        keys += [("profile", kind) for kind in dataset.subjects if dataset.profile]
        for key in keys:
            if key in seen:
                fail(file_of(dataset), key[0], "is used by another dataset too", "Choose one that is free.")
            seen.add(key)


def file_of(dataset: Dataset) -> str:
    """The path below the catalogue folder that a dataset's file must have."""
    return dataset.id.replace(".", "/") + ".toml"


def lint_dataset(file: str, dataset: Dataset, header_key: Callable[[str], str]) -> None:
    """Check what must hold inside one dataset; `header_key` gives the normal form of a column header.

    Raises:
        CatalogError: at the first rule that is broken.
    """
    _lint_head(file, dataset)
    _lint_names(file, dataset)
    _lint_columns(file, dataset, header_key)
    for field in dataset.fields:
        _lint_sensitivity(file, field)
        _lint_values(file, field, header_key)
        _lint_role(file, field)
    _lint_subject(file, dataset)
    _lint_keys(file, dataset)


def _lint_head(file: str, dataset: Dataset) -> None:
    if not _ID.fullmatch(dataset.id) or file != file_of(dataset):
        fail(
            file,
            "id",
            "does not agree with the file's path",
            "Name the file <domain>/<dataset>.toml after the id.",
        )
    for key, value, pattern, hint in (
        ("code", dataset.code, _CODE, "Use capitals, digits and hyphens, 3 to 32 characters."),
        ("type", dataset.type_name, _TYPE, "Use a GraphQL type name such as TaxPayment."),
        ("field", dataset.field_name, _NAME, "Use a GraphQL field name such as taxPayments."),
        ("retention", dataset.retention, _RETENTION, "Use a duration such as P5Y or P6M, or PERMANENT."),
    ):
        if not pattern.fullmatch(value):
            fail(file, key, "is not well formed", hint)
    if not dataset.subjects or len(set(dataset.subjects)) != len(dataset.subjects):
        fail(file, "subjects", "is empty or repeats a kind", "List ORG, PERSON or both, once each.")
    if dataset.profile and len(dataset.subjects) != 1:
        fail(
            file, "profile", "is set for several subject kinds", "Make one profile dataset per subject kind."
        )


def _lint_names(file: str, dataset: Dataset) -> None:
    names: set[str] = set()
    paths: set[tuple[str, ...]] = set()
    for field in dataset.fields:
        if field.name in names:
            fail(file, f"fields.{field.name}", "is declared twice", "Rename or remove one of them.")
        names.add(field.name)
        segments = field.graphql_path
        if not _NAME.fullmatch(field.name) or not all(_NAME.fullmatch(s) for s in segments):
            fail(
                file,
                f"fields.{field.name}",
                "is not a GraphQL name",
                "Use lowerCamelCase letters and digits.",
            )
        if _RESERVED & {field.name, segments[0]}:
            fail(file, f"fields.{field.name}", "is a reserved name", f"Avoid {', '.join(sorted(_RESERVED))}.")
        for other in paths:
            short = min(len(other), len(segments))
            if other[:short] == segments[:short]:
                fail(file, f"fields.{field.name}.path", "is taken by another field", "Choose another path.")
        paths.add(segments)


def _lint_columns(file: str, dataset: Dataset, header_key: Callable[[str], str]) -> None:
    owners: dict[str, str] = {}
    for field in dataset.fields:
        if not field.columns:
            fail(file, f"fields.{field.name}.columns", "is empty", "Name the official column header first.")
        for column in (*field.columns, field.name):
            key = header_key(column)
            if not key:
                fail(file, f"fields.{field.name}.columns", "holds an empty header", "Remove it.")
            if owners.setdefault(key, field.name) != field.name:
                fail(
                    file,
                    f"fields.{field.name}.columns",
                    "holds a header that another field of the dataset has too",
                    f"Leave it to {owners[key]} or rename it.",
                )
        if len({header_key(c) for c in field.columns}) != len(field.columns):
            fail(file, f"fields.{field.name}.columns", "names the same header twice", "Remove one of them.")


def _lint_sensitivity(file: str, field: Field) -> None:
    key = f"fields.{field.name}"
    levels = {field.level_for(kind) for kind in SubjectKind}
    sealed_levels = {field.level_for(kind) for kind in SubjectKind if field.is_sealed(kind)}
    if sealed_levels and min(sealed_levels) < 3:
        fail(
            file,
            f"{key}.level",
            "is below 3 on a sealed field",
            "Raise level, or level_person if sealed for persons.",
        )
    if field.searchable and field.sealed is SealedFor.NEVER:
        fail(
            file,
            f"{key}.searchable",
            "is set on a field that is not sealed",
            "Seal the field or remove searchable.",
        )
    if field.mask and field.type not in _MASK_TYPES[field.mask]:
        fail(
            file, f"{key}.mask", "does not fit the field's type", "Choose a mask made for this type, or none."
        )
    if field.generalise and field.type not in _GENERALISE_TYPES[field.generalise]:
        fail(
            file,
            f"{key}.generalise",
            "does not fit the field's type",
            "Choose one made for this type, or none.",
        )
    if field.generalise == "month" and field.mask == "date":
        fail(file, f"{key}.generalise", "tells more than the field's mask", "Write year or decade.")
    if max(levels) >= 2 and field.type in _MUST_MASK and not field.mask:
        fail(
            file,
            f"{key}.mask",
            "is missing on a field of level 2 or more",
            "Name the mask for the outcome MASKED.",
        )


def _lint_values(file: str, field: Field, header_key: Callable[[str], str]) -> None:
    key = f"fields.{field.name}"
    if bool(field.values) != (field.type in _ENUMS):
        fail(
            file,
            f"{key}.values",
            "and the type do not agree",
            "Give values for enum and enumList, and only there.",
        )
    if field.type is FieldType.MONEY and field.unit not in ("元", "万元"):
        fail(file, f"{key}.unit", "is missing or wrong for an amount", "Write 元 or 万元.")
    if field.max_length and field.type not in _TEXTS:
        fail(file, f"{key}.max_length", "is set on a field that is no text", "Remove it.")
    if field.type is FieldType.TEXT and not field.max_length:
        fail(
            file,
            f"{key}.max_length",
            "is missing on a text",
            "Write the longest accepted text in characters.",
        )
    spellings: dict[str, str] = {}
    codes: set[str] = set()
    for value in field.values:
        if not _ENUM.fullmatch(value.code) or value.code in codes:
            fail(
                file,
                f"{key}.values",
                "holds a code that is no GraphQL value or repeated",
                "Use UPPER_SNAKE, once.",
            )
        codes.add(value.code)
        for text in (value.code, value.label.zh, value.label.en, *value.aliases):
            if spellings.setdefault(header_key(text), value.code) != value.code:
                fail(file, f"{key}.values", "has one spelling for two codes", f"Remove it from {value.code}.")


_ROLE_TYPES = {
    Role.SUBJECT_NAME: FieldType.TEXT,
    Role.SUBJECT_KIND: FieldType.ENUM,
    Role.SUBJECT_USCC: FieldType.USCC,
    Role.SUBJECT_CERT_TYPE: FieldType.ENUM,
    Role.LEGACY_ID: FieldType.TEXT,
    Role.SOURCE_UNIT_NAME: FieldType.TEXT,
    Role.SOURCE_UNIT_USCC: FieldType.USCC,
    Role.SEVERITY: FieldType.ENUM,
    Role.PUBLICATION_END: FieldType.DATE,
    Role.PRIOR_NOTICE: FieldType.DATE,
    Role.ORIGIN: FieldType.ENUM,
}
_ORIGINS = {"SOURCE_UNIT", "SELF_DECLARED"}


def _lint_role(file: str, field: Field) -> None:
    if field.role is None:
        return
    key = f"fields.{field.name}.role"
    wanted = _ROLE_TYPES.get(field.role)
    if wanted is not None and field.type is not wanted:
        fail(file, key, "does not fit the field's type", f"A {field.role} field has type {wanted}.")
    if field.role is Role.LEGACY_ID and field.name not in set(LegacyKind):
        fail(
            file,
            key,
            "is given to a field of another name",
            f"Name the field one of: {', '.join(LegacyKind)}.",
        )
    if field.role is Role.SEVERITY and {v.code for v in field.values} != {"MINOR", "GENERAL", "SERIOUS"}:
        fail(file, key, "needs the three severities", "Give the values MINOR, GENERAL and SERIOUS.")
    if field.role is Role.ORIGIN and ({v.code for v in field.values} != _ORIGINS or field.level > 1):
        fail(file, key, "needs the two origins, open to every reader", f"Level 1, values {sorted(_ORIGINS)}.")


def _lint_subject(file: str, dataset: Dataset) -> None:
    for role in Role:
        if role is not Role.LEGACY_ID and len(dataset.role(role)) > 1:
            fail(file, f"role {role}", "is given to several fields", "Leave it on one of them.")
    for kind in dataset.subjects:
        for role in _SUBJECT_ROLES[kind]:
            if not dataset.role(role):
                fail(
                    file,
                    f"role {role}",
                    f"is missing, so a subject of kind {kind} cannot be found",
                    "Give it a field.",
                )
    adverse = dataset.nature is Nature.NEGATIVE and SubjectKind.PERSON in dataset.subjects
    if adverse and dataset.sharing is not Sharing.PUBLIC and not dataset.role(Role.PRIOR_NOTICE):
        fail(
            file,
            f"role {Role.PRIOR_NOTICE}",
            "is missing where adverse information about persons is not public (征信业管理条例第十五条)",
            "Give it a date field for the day on which the person was told.",
        )
    if bool(dataset.role(Role.SEVERITY)) != (dataset.nature is Nature.NEGATIVE):
        fail(
            file,
            "role severity",
            "and nature do not agree",
            "Negative datasets have a severity, and only they.",
        )


def _lint_keys(file: str, dataset: Dataset) -> None:
    for name in dataset.natural_key:
        field = dataset.by_name.get(name)
        if field is None or (field.required != "Y" and field.role is not Role.ORIGIN):
            fail(
                file,
                "natural_key",
                f"names {name}, which is no required field",
                'Use fields with required = "Y".',
            )
    origin = [f.name for f in dataset.role(Role.ORIGIN)]
    if bool(origin) != (dataset.commitment is not None) or not set(origin) <= set(dataset.natural_key):
        fail(
            file,
            "commitment",
            "and a field of the role origin go together, and the origin is part of the natural key",
            "Give both or neither; so that a declaration never replaces what a source unit supplied.",
        )
    if dataset.profile:
        if dataset.natural_key:
            fail(
                file,
                "natural_key",
                "is set on a profile",
                "Leave it empty: a subject has one profile record.",
            )
    elif not dataset.natural_key:
        fail(file, "natural_key", "is empty", "Name the fields that tell two records of a subject apart.")
    if dataset.profile and not dataset.event_date:
        return
    field = dataset.by_name.get(dataset.event_date)
    if field is None or field.type not in (FieldType.DATE, FieldType.MONTH):
        fail(
            file, "event_date", "names no date or month field", "Name the field by which records are ordered."
        )
    if field.sealed is not SealedFor.NEVER or (field.required != "Y" and not dataset.profile):
        fail(
            file,
            "event_date",
            "names a field that is sealed or not required",
            "Choose a required, unsealed field.",
        )
