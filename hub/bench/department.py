"""The files that departments would send about the benchmark's companies: CSV, one per dataset, all rows good.

Ten rows for every company: four months of tax, three loans, three penalties. What a record says is that of
`hub.bench.dataset`, written as a department writes it: labels instead of codes, money in the column's unit.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.bench.dataset import Company, Values, records
from hub.catalog.types import Catalog, Dataset, Field, FieldType
from hub.catalog.values import StoredValue
from hub.demo import story_facts as facts
from hub.demo.codes import months_after
from hub.model.money import in_unit

PER_COMPANY = {"government.tax_payment": 4, "financial.loan": 3, "government.penalty": 3}
"""Rows of each dataset about one company."""
ROWS_PER_COMPANY = sum(PER_COMPANY.values())
SUPPLIER = {
    "government.tax_payment": facts.DEPT_TAX,
    "financial.loan": facts.BANK_HKB,
    "government.penalty": facts.DEPT_AMR,
}
"""Code of the source unit that sends each of them."""
_OPEN_END = "2099-12-31"


@dataclass(frozen=True)
class DepartmentFile:
    """A file that was written."""

    path: Path
    dataset: str
    unit: str
    rows: int


def write_files(folder: Path, catalog: Catalog, companies: int, today: date) -> list[DepartmentFile]:
    """Write one file per dataset of `PER_COMPANY`.

    Args:
        folder: where to.
        catalog: the active catalogue.
        companies: whose records, from the first.
        today: the day on which the records are true.
    """
    return [
        _write(folder / f"{dataset}.csv", catalog.datasets[dataset], companies, today)
        for dataset in PER_COMPANY
    ]


def _write(path: Path, dataset: Dataset, companies: int, today: date) -> DepartmentFile:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.columns[0] for field in dataset.fields])
        for index in range(companies):
            for values in _values(Company.of(index), dataset.id, today):
                writer.writerow([_cell(field, values.get(field.name)) for field in dataset.fields])
                count += 1
    return DepartmentFile(path, dataset.id, SUPPLIER[dataset.id], count)


def _values(company: Company, dataset: str, today: date) -> Iterator[Values]:
    """The first records of the dataset, complete enough for a file."""
    left = PER_COMPANY[dataset]
    for name, values in records(company, today):
        if name == dataset and left:
            left -= 1
            if dataset == "government.penalty":  # as long as its severity allows to the day
                decided = date.fromisoformat(values["decisionDate"])
                values["publicationEndDate"] = months_after(decided, 12).isoformat()
            yield values


def _cell(field: Field, value: StoredValue) -> str:
    if value is None:
        return _OPEN_END if field.type is FieldType.OPEN_DATE and field.required == "Y" else ""
    if field.type is FieldType.MONEY and isinstance(value, int):
        return in_unit(value, field.unit)
    labels = {v.code: v.label.zh for v in field.values}
    if isinstance(value, list):
        return "；".join(labels.get(item, item) for item in value)
    return labels.get(str(value), str(value))
