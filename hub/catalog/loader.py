"""Reads the catalogue: one TOML file per dataset, `catalog/<domain>/<dataset>.toml` below the schema folder.

Rules
- A file that breaks any rule stops the process: the catalogue decides what may be collected and disclosed.
- Unknown keys are errors, so a mistyped key cannot weaken a field without anyone noticing.
- What must hold between the values of a file, and between files, is in `hub.catalog.lint`; what may not be collected at
  all, in `hub.catalog.refused`.
- The revision is a hash over the files themselves and goes into plans and audit entries.

The keys mirror `hub.catalog.types`; `docs/catalogue` shows the result for people.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from hub.catalog.known_codes import FILE as KNOWN_CODES_FILE
from hub.catalog.known_codes import read_known_codes
from hub.catalog.lint import lint_catalog, lint_dataset
from hub.catalog.reading import Table, fail
from hub.catalog.refused import FILE as REFUSED_FILE
from hub.catalog.refused import read_refusals, refuse
from hub.catalog.types import (
    Catalog,
    Dataset,
    Domain,
    EnumValue,
    Field,
    FieldType,
    Label,
    Nature,
    Role,
    SealedFor,
    Sharing,
    SubjectKind,
)
from hub.catalog.units import FILE as UNITS_FILE
from hub.catalog.units import read_units
from hub.errors import CatalogError

REQUIRED = ("Y", "O", "P", "C", "N")
MASKS = ("name", "id", "phone", "account", "address", "amount", "text", "date")
GENERALISERS = ("year", "decade", "month", "band", "division", "township")
TIERS = ("BASE", "SUPPLEMENT", "FINANCING")
UPDATES = ("ON_EVENT", "DAILY", "MONTHLY", "QUARTERLY", "YEARLY")
UNITS = ("", "元", "万元", "%", "天", "人", "户", "吨", "千瓦时", "立方米")

_OTHERS = (REFUSED_FILE, UNITS_FILE, KNOWN_CODES_FILE)
"""Files beside the datasets."""
_KEPT = 4
"""Catalogues kept in a process, by the content of their files."""


class Category(StrEnum):
    """Categories of the national base catalogue of public credit information (2024 edition), plus FINANCING.

    FINANCING is no category of public credit information: it holds what lenders report back.
    """

    REGISTRATION = "REGISTRATION"
    JUDICIAL = "JUDICIAL"
    ADMINISTRATIVE = "ADMINISTRATIVE"
    PROFESSIONAL_TITLE = "PROFESSIONAL_TITLE"
    ABNORMAL_LIST = "ABNORMAL_LIST"
    SERIOUS_DISHONESTY_LIST = "SERIOUS_DISHONESTY_LIST"
    CONTRACT_PERFORMANCE = "CONTRACT_PERFORMANCE"
    COMMITMENT = "COMMITMENT"
    EVALUATION = "EVALUATION"
    COMPLIANCE = "COMPLIANCE"
    HONOUR = "HONOUR"
    VOLUNTARY = "VOLUNTARY"
    INTELLECTUAL_PROPERTY = "INTELLECTUAL_PROPERTY"
    FINANCING = "FINANCING"


_DROPPED = re.compile(r"[\s*\ufeff\u200b]+")


def header_key(text: str) -> str:
    """Normal form of a column header, by which files and catalogue are matched.

    Full-width becomes half-width (so both kinds of parenthesis are one); spaces, line breaks, byte order
    marks and the asterisks of required columns go; letters become capitals.
    """
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text)).upper()


def load_catalog(folder: Path) -> Catalog:
    """The catalogue in `catalog/**/*.toml` below the schema folder.

    Raises:
        CatalogError: when there is no file, a file cannot be read or breaks a rule, or one holds what is refused.
    """
    root = folder / "catalog"
    paths = sorted(root.rglob("*.toml"), key=lambda p: p.relative_to(root).as_posix())
    if not paths:
        raise CatalogError(
            "The schema folder holds no catalogue files.", hint="Add catalog/<domain>/<dataset>.toml."
        )
    others = ((name, folder / name) for name in _OTHERS)
    return _catalog(
        tuple((path.relative_to(root).as_posix(), path.read_bytes()) for path in paths),
        tuple((name, path.read_bytes()) for name, path in others if path.is_file()),
    )


@lru_cache(maxsize=_KEPT)
def _catalog(files: tuple[tuple[str, bytes], ...], others: tuple[tuple[str, bytes], ...]) -> Catalog:
    """The catalogue of these contents; the same contents give the same object, which nobody changes.

    Args:
        files: path below the catalogue folder and content of every dataset's file.
        others: name and content of those of `_OTHERS` that there are.
    """
    beside = dict(others)
    refusals = read_refusals(beside.get(REFUSED_FILE))
    digest = hashlib.sha256()
    datasets: list[Dataset] = []
    for name, content in files:
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
        dataset = read_dataset(name, content)
        refuse(dataset, name, refusals)
        datasets.append(dataset)
    lint_catalog(datasets)
    by_id = {d.id: d for d in datasets}
    units = read_units(beside[UNITS_FILE], by_id) if UNITS_FILE in beside else ()
    known = read_known_codes(beside[KNOWN_CODES_FILE]) if KNOWN_CODES_FILE in beside else frozenset()
    if units:
        for part in (UNITS_FILE.encode(), beside[UNITS_FILE]):
            digest.update(len(part).to_bytes(8, "big") + part)
    if known:
        digest.update("\n".join(sorted(known)).encode())
    return Catalog(by_id, f"sha256:{digest.hexdigest()}", known, units)


def read_dataset(file: str, content: bytes) -> Dataset:
    """One dataset from the bytes of its file; `file` is its path below the catalogue folder.

    Raises:
        CatalogError: when the file is not UTF-8 TOML or breaks a rule.
    """
    try:
        table = Table(file, "", tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        fail(file, "(whole file)", "is not valid TOML in UTF-8", "Correct the syntax.")
    dataset = _dataset(table)
    table.done()
    lint_dataset(file, dataset, header_key)
    return dataset


def _dataset(table: Table) -> Dataset:
    dataset_id = table.text("id")
    domain = table.member("id", dataset_id.partition(".")[0], Domain)
    return Dataset(
        id=dataset_id,
        code=table.text("code"),
        edition=table.text("edition"),
        tier=table.one_of("tier", TIERS),
        category=table.choice("category", Category),
        domain=domain,
        type_name=table.text("type"),
        field_name=table.text("field"),
        title=table.both("title"),
        description=table.both("description"),
        source_unit=table.both("source_unit"),
        legal_basis=table.text("legal_basis"),
        subjects=tuple(table.member("subjects", s, SubjectKind) for s in table.words("subjects")),
        nature=table.choice("nature", Nature),
        sharing=table.choice("sharing", Sharing),
        update_frequency=table.one_of("update", UPDATES),
        upload_deadline_days=table.whole("deadline_days", 0, high=366),
        retention=table.text("retention"),
        natural_key=table.words("natural_key", required=False),
        event_date=table.text("event_date", ""),
        profile=table.flag("profile", False),
        source=table.text("source"),
        verified=table.flag("verified", False),
        commitment=table.label("commitment", required=False),
        fields=tuple(_field(dataset_id, t) for t in table.tables("fields", required=True)),
    )


def _field(dataset: str, table: Table) -> Field:
    role = table.text("role", "")
    field = Field(
        dataset=dataset,
        name=table.text("name"),
        label=table.both("label"),
        type=table.choice("type", FieldType),
        columns=table.words("columns"),
        required=table.one_of("required", REQUIRED, "N"),
        unit=table.one_of("unit", UNITS, ""),
        max_length=table.whole("max_length", 0, high=20_000),
        level=table.whole("level", low=1, high=5),
        level_person=table.whole("level_person", 0, high=5),
        sealed=table.member("sealed", table.text("sealed", SealedFor.NEVER), SealedFor),
        searchable=table.flag("searchable", False),
        mask=table.one_of("mask", ("", *MASKS), ""),
        generalise=table.one_of("generalise", ("", *GENERALISERS), ""),
        values=tuple(_value(t) for t in table.tables("values")),
        role=table.member("role", role, Role) if role else None,
        path=table.text("path", ""),
        description=table.label("description", required=False),
    )
    table.done()
    return field


def _value(table: Table) -> EnumValue:
    value = EnumValue(
        code=table.text("code"),
        label=Label(table.text("zh"), table.text("en")),
        aliases=table.words("aliases", required=False),
    )
    table.done()
    return value
