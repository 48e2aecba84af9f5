"""Department files as they really come: mostly good, some rows odd but right, a given share wrong.

The rows are this month's licences and penalties of the provincial market regulation authority; none of them is in
the world that `hub.demo.load` loads, so a file brings new records. Wrong rows are wrong in one way each, and the
result says how many of each kind there are, so that intake can be held to it.

Odd rows must land: full-width digits, lower-case codes, other ways to write a date, blanks around a text.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random

import openpyxl

from hub.catalog.types import Catalog, Dataset, Field, FieldType
from hub.catalog.values import StoredValue
from hub.demo.codes import document_number
from hub.demo.generator import Generator
from hub.demo.organisations import Organisation
from hub.demo.parties import PartyColumns
from hub.demo.record import Draft, Values
from hub.demo.records_licence import LICENCES, licence_draft
from hub.demo.records_penalty import SEVERITIES, decided_penalty
from hub.demo.violations import BY_AUTHORITY
from hub.model.money import in_unit

SHARE = 0.05
"""Share of wrong rows, as in rule 10 for synthetic data."""
ODD_SHARE = 0.2
_FIRST_NUMBER = 700_000
_OPEN_END = "2099-12-31"
_WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789"}

Row = dict[str, str]
"""Cells by field name."""


class FileKind(StrEnum):
    """How a file is written."""

    CSV_BOM = "csv-bom"
    CSV_GBK = "csv-gbk"
    XLSX = "xlsx"


class Header(StrEnum):
    """Which official headers a file has."""

    CHINESE = "chinese"
    CODES = "codes"
    """`XK_…` and `CF_…` of the dual publication template where there is one."""


@dataclass(frozen=True, slots=True)
class DepartmentFile:
    """What was written."""

    path: Path
    dataset: str
    source_unit: str
    rows: int
    dirty: Mapping[str, int]
    """Wrong rows by kind (keys of `DIRT`)."""
    codes: Mapping[str, int]
    """Wrong rows by the fault code that intake must give."""

    @property
    def clean(self) -> int:
        """Rows that must land."""
        return self.rows - sum(self.dirty.values())


@dataclass(frozen=True, slots=True)
class _Dirt:
    """One way to be wrong."""

    code: str
    spoil: Callable[[Row], None]
    datasets: tuple[str, ...] = ("government.licence", "government.penalty")


def _bad_checksum(row: Row) -> None:
    code = row["uscc"]
    row["uscc"] = code[:-1] + ("0" if code[-1] != "0" else "1")


def _swapped(first: str, second: str) -> Callable[[Row], None]:
    def swap(row: Row) -> None:
        row[first], row[second] = row[second], row[first]

    return swap


def _set(name: str, text: str) -> Callable[[Row], None]:
    def put(row: Row) -> None:
        row[name] = text

    return put


DIRT: Mapping[str, _Dirt] = {
    "wrong check character": _Dirt("CHECKSUM_MISMATCH", _bad_checksum),
    "end of validity missing": _Dirt("REQUIRED", _set("validTo", "")),
    "begin and end swapped": _Dirt("DATE_ORDER", _swapped("validFrom", "validTo"), ("government.licence",)),
    "decision after publication": _Dirt(
        "DATE_ORDER", _set("publicationEndDate", "2015-01-01"), ("government.penalty",)
    ),
    "amount in another unit": _Dirt("BAD_UNIT", _set("fineAmount", "20000元"), ("government.penalty",)),
    "day that does not exist": _Dirt("BAD_DATE", _set("decisionDate", "2026-02-30")),
    "class outside the list": _Dirt("BAD_ENUM", _set("licenceClass", "备查"), ("government.licence",)),
    "authority missing": _Dirt("REQUIRED", _set("authorityName", "")),
}
"""Ways to be wrong, each with the fault code that intake gives."""


def write_department_file(
    path: Path,
    generator: Generator,
    catalog: Catalog,
    dataset_id: str,
    *,
    rows: int,
    kind: FileKind = FileKind.CSV_BOM,
    header: Header = Header.CHINESE,
    share: float = SHARE,
) -> DepartmentFile:
    """Write one file.

    Args:
        path: where to; replaced if it exists.
        generator: the world whose organisations the rows are about (at least two).
        catalog: the active catalogue.
        dataset_id: `government.licence` or `government.penalty`.
        rows: rows in all.
        kind: encoding and container.
        header: Chinese names or codes of the template.
        share: share of wrong rows, from 0 to 1; at least one when it is not 0.
    """
    dataset = catalog.datasets[dataset_id]
    rng = generator.world.rng(f"dirty.{dataset_id}", rows)
    kinds = [name for name, dirt in DIRT.items() if dataset_id in dirt.datasets]
    wrong = set(rng.sample(range(rows), max(1, round(rows * share)) if share else 0))
    dirty: Counter[str] = Counter()
    lines: list[list[str]] = []
    for number, values in enumerate(_records(generator, dataset_id, rng, rows)):
        row = {field.name: _cell(field, values) for field in dataset.fields}
        if number in wrong:
            name = kinds[sum(dirty.values()) % len(kinds)]
            DIRT[name].spoil(row)
            dirty[name] += 1
        elif rng.random() < ODD_SHARE:
            _odd(rng, row)
        lines.append([row[field.name] for field in dataset.fields])
    _write(path, kind, _headers(dataset, header), lines)
    codes: Counter[str] = Counter()
    for name, count in dirty.items():
        codes[DIRT[name].code] += count
    unit = generator.world.institutions.provincial("AMR").uscc
    return DepartmentFile(path, dataset_id, unit, rows, dict(dirty), dict(codes))


def _records(generator: Generator, dataset_id: str, rng: Random, rows: int) -> Iterator[Values]:
    """Full values of `rows` new records, one organisation after the other."""
    unit = generator.world.institutions.provincial("AMR")
    for number in range(rows):
        org = generator.organisation(1 + number % max(1, generator.organizations - 1))
        decided = generator.today - timedelta(days=2 + rng.randrange(28))
        make = _licence if dataset_id == "government.licence" else _penalty
        draft = make(generator, rng, org, decided, _FIRST_NUMBER + number)
        own: Values = {"authorityName": unit.name, "authorityUscc": unit.uscc}
        source: Values = {"sourceUnitName": unit.name, "sourceUnitUscc": unit.uscc}
        yield {**PartyColumns(org).of(dataset_id), **draft.values, **own, **source}


def _licence(generator: Generator, rng: Random, org: Organisation, decided: date, number: int) -> Draft:
    unit = generator.world.institutions.provincial("AMR")
    return licence_draft(LICENCES[rng.choice(("foodsale", "catering"))], unit, decided, number, False)


def _penalty(generator: Generator, rng: Random, org: Organisation, decided: date, number: int) -> Draft:
    world = generator.world
    violation = rng.choice(BY_AUTHORITY["AMR"])
    draft = decided_penalty(world, rng, org, violation, SEVERITIES.pick(rng), decided, number)
    office = world.institutions.provincial("AMR").office
    own: Values = {"documentNo": document_number(office, "罚", decided.year, number)}
    return Draft(draft.dataset, {**draft.values, **own}, draft.source)


def _cell(field: Field, values: Mapping[str, StoredValue]) -> str:
    value = values.get(field.name)
    if value is None:
        return _OPEN_END if field.type is FieldType.OPEN_DATE and field.required == "Y" else ""
    if field.type is FieldType.MONEY and isinstance(value, int):
        return in_unit(value, field.unit)
    labels = {v.code: v.label.zh for v in field.values}
    if isinstance(value, list):
        return ";".join(labels.get(item, item) for item in value)
    return labels.get(str(value), str(value))


def _odd(rng: Random, row: Row) -> None:
    """Write the row in an odd way that means the same."""
    match rng.randrange(5):
        case 0:
            row["uscc"] = row["uscc"].translate(_WIDE)
        case 1:
            row["uscc"] = row["uscc"].lower()
        case 2:
            year, month, day = row["decisionDate"].split("-")
            row["decisionDate"] = rng.choice(
                (f"{year}年{int(month)}月{int(day)}日", f"{year}/{int(month)}/{int(day)}")
            )
        case 3:
            row["decisionDate"] = row["decisionDate"].replace("-", "")
        case _:
            row["documentNo"] = f" {row['documentNo']}　"


def _headers(dataset: Dataset, header: Header) -> list[str]:
    def choose(field: Field) -> str:
        codes = [c for c in field.columns if c.isascii()]
        return codes[0] if header is Header.CODES and codes else field.columns[0]

    return [choose(field) for field in dataset.fields]


def _write(path: Path, kind: FileKind, headers: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    if kind is FileKind.XLSX:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("数据")
        for line in (headers, *lines):
            sheet.append(list(line))
        book.save(path)
        return
    encoding = "utf-8-sig" if kind is FileKind.CSV_BOM else "gbk"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([headers, *lines])
