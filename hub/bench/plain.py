"""Plain tables for stock Strawberry: one typed table per dataset, nothing sealed, indexed as they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import asyncpg

from hub.bench.dataset import Company, records

TABLES: Mapping[str, Mapping[str, str]] = {
    "government.registration": {
        "name": "text", "uscc": "text", "organizationType": "text", "operatingStatus": "text", "establishedOn": "date",
        "divisionCode": "text", "address": "text", "registeredCapital": "bigint", "legalRepresentativeName": "text",
        "legalRepresentativeIdNumber": "text",
    },
    "government.penalty": {
        "uscc": "text", "documentNo": "text", "violationType": "text", "decisionDate": "date", "severity": "text",
        "fineAmount": "bigint", "authorityName": "text", "publicationEndDate": "date",
    },
    "government.tax_payment": {
        "uscc": "text", "period": "text", "taxType": "text", "taxAuthority": "text", "amount": "bigint",
    },
    "government.social_insurance": {
        "uscc": "text", "period": "text", "insuranceType": "text", "insuredCount": "int",
    },
    "government.housing_fund": {"uscc": "text", "period": "text", "amount": "bigint"},
    "market.commitment": {
        "uscc": "text", "commitmentNo": "text", "kind": "text", "matter": "text", "status": "text",
        "committedOn": "date",
    },
    "financial.loan": {
        "uscc": "text", "lender": "text", "contractNo": "text", "overdueDays": "int", "dueOn": "date",
        "balance": "bigint", "issuedOn": "date",
    },
    "financial.guarantee": {
        "uscc": "text", "creditor": "text", "kind": "text", "dueOn": "date", "amount": "bigint", "signedOn": "date",
    },
}  # fmt: skip
"""Dataset to fields and their column types; a column has the field's name in snake case."""
ORDER: Mapping[str, str] = {
    "government.registration": "uscc",
    "government.penalty": "decisionDate",
    "government.tax_payment": "period",
    "government.social_insurance": "period",
    "government.housing_fund": "period",
    "market.commitment": "committedOn",
    "financial.loan": "issuedOn",
    "financial.guarantee": "signedOn",
}
"""The field by which each list is ordered, newest first."""


def table_name(dataset: str) -> str:
    """The plain table of a dataset."""
    return "bench_" + dataset.partition(".")[2]


def column(field: str) -> str:
    """The column of a field."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in field)


async def load_plain(connection: asyncpg.Connection, companies: Iterable[Company], today: date) -> None:
    """Make and fill the plain tables."""
    gathered: dict[str, list[tuple[Any, ...]]] = {dataset: [] for dataset in TABLES}
    for company in companies:
        for dataset, values in records(company, today):
            if dataset in TABLES:
                gathered[dataset].append(
                    tuple(_typed(kind, values[field]) for field, kind in TABLES[dataset].items())
                )
    for dataset, rows in gathered.items():
        table, fields = table_name(dataset), TABLES[dataset]
        columns = ", ".join(f"{column(f)} {kind}" for f, kind in fields.items())
        await connection.execute(f"CREATE TABLE {table} ({columns})")
        await connection.copy_records_to_table(table, records=rows, columns=[column(f) for f in fields])
        await connection.execute(f"CREATE INDEX ON {table} (uscc, {column(ORDER[dataset])})")


def _typed(kind: str, value: Any) -> Any:
    return date.fromisoformat(value) if kind == "date" else value
