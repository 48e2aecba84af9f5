"""Stock Strawberry: typed resolvers over plain tables, default settings, no security.

One statement per list, run side by side by GraphQL's own executor. Codes are plain strings, which is cheaper
for it than enumerations would be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any, NewType

import asyncpg
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from hub.bench.plain import ORDER, TABLES, column, table_name
from hub.store.database import Database

USCC = NewType("USCC", str)
_SELECTS = {
    dataset: f"SELECT {', '.join(column(f) for f in fields)} FROM {table_name(dataset)} "  # noqa: S608
    f"WHERE uscc = $1 ORDER BY {column(ORDER[dataset])} DESC LIMIT $2"
    for dataset, fields in TABLES.items()
}
Info = strawberry.Info[dict[str, Any], None]


async def _rows(info: Info, dataset: str, uscc: str, limit: int) -> list[asyncpg.Record]:
    pool: asyncpg.Pool = info.context["pool"]
    rows: list[asyncpg.Record] = await pool.fetch(_SELECTS[dataset], uscc, limit)
    return rows


@strawberry.type
class Money:
    """An amount."""

    amount: Decimal
    currency: str


def _money(minor: int) -> Money:
    return Money(amount=Decimal(minor).scaleb(-2), currency="CNY")


@strawberry.type
class LegalRepresentative:
    """Who represents the company."""

    name: str
    id_number: str


@strawberry.type
class Penalty:
    """An administrative penalty."""

    document_no: str
    violation_type: str
    decision_date: date
    severity: str
    fine_amount: Money
    authority_name: str
    publication_end_date: date


@strawberry.type
class TaxPayment:
    """A tax payment."""

    period: str
    tax_type: str
    tax_authority: str
    amount: Money


@strawberry.type
class SocialInsurance:
    """A social insurance contribution."""

    period: str
    insurance_type: str
    insured_count: int


@strawberry.type
class HousingFund:
    """A housing fund contribution."""

    period: str
    amount: Money


@strawberry.type
class Commitment:
    """A commitment."""

    commitment_no: str
    kind: str
    matter: str
    status: str
    committed_on: date


@strawberry.type
class Loan:
    """A loan."""

    lender: str
    contract_no: str
    overdue_days: int
    due_on: date
    balance: Money


@strawberry.type
class Guarantee:
    """A guarantee."""

    creditor: str
    kind: str
    due_on: date
    amount: Money


@strawberry.type
class Penalties:
    """A page of penalties."""

    nodes: list[Penalty]


@strawberry.type
class TaxPayments:
    """A page of tax payments."""

    nodes: list[TaxPayment]


@strawberry.type
class SocialInsurances:
    """A page of contributions."""

    nodes: list[SocialInsurance]


@strawberry.type
class HousingFunds:
    """A page of contributions."""

    nodes: list[HousingFund]


@strawberry.type
class Commitments:
    """A page of commitments."""

    nodes: list[Commitment]


@strawberry.type
class Loans:
    """A page of loans."""

    nodes: list[Loan]


@strawberry.type
class Guarantees:
    """A page of guarantees."""

    nodes: list[Guarantee]


@strawberry.type
class Government:
    """What government units hold."""

    uscc: strawberry.Private[str]

    @strawberry.field
    async def penalties(self, info: Info, first: int = 20) -> Penalties:
        """Penalties, newest first."""
        rows = await _rows(info, "government.penalty", self.uscc, first)
        return Penalties(
            nodes=[
                Penalty(
                    document_no=r["document_no"],
                    violation_type=r["violation_type"],
                    decision_date=r["decision_date"],
                    severity=r["severity"],
                    fine_amount=_money(r["fine_amount"]),
                    authority_name=r["authority_name"],
                    publication_end_date=r["publication_end_date"],
                )
                for r in rows
            ]
        )

    @strawberry.field
    async def tax_payments(self, info: Info, first: int = 20) -> TaxPayments:
        """Tax payments, newest first."""
        rows = await _rows(info, "government.tax_payment", self.uscc, first)
        return TaxPayments(
            nodes=[
                TaxPayment(
                    period=r["period"],
                    tax_type=r["tax_type"],
                    tax_authority=r["tax_authority"],
                    amount=_money(r["amount"]),
                )
                for r in rows
            ]
        )

    @strawberry.field
    async def social_insurance(self, info: Info, first: int = 20) -> SocialInsurances:
        """Social insurance, newest first."""
        rows = await _rows(info, "government.social_insurance", self.uscc, first)
        return SocialInsurances(
            nodes=[
                SocialInsurance(
                    period=r["period"], insurance_type=r["insurance_type"], insured_count=r["insured_count"]
                )
                for r in rows
            ]
        )

    @strawberry.field
    async def housing_fund(self, info: Info, first: int = 20) -> HousingFunds:
        """Housing fund, newest first."""
        rows = await _rows(info, "government.housing_fund", self.uscc, first)
        return HousingFunds(nodes=[HousingFund(period=r["period"], amount=_money(r["amount"])) for r in rows])


@strawberry.type
class Market:
    """What market units hold."""

    uscc: strawberry.Private[str]

    @strawberry.field
    async def commitments(self, info: Info, first: int = 20) -> Commitments:
        """Commitments, newest first."""
        rows = await _rows(info, "market.commitment", self.uscc, first)
        return Commitments(
            nodes=[
                Commitment(
                    commitment_no=r["commitment_no"],
                    kind=r["kind"],
                    matter=r["matter"],
                    status=r["status"],
                    committed_on=r["committed_on"],
                )
                for r in rows
            ]
        )


@strawberry.type
class Financial:
    """What financial institutions hold."""

    uscc: strawberry.Private[str]

    @strawberry.field
    async def loans(self, info: Info, first: int = 20) -> Loans:
        """Loans, newest first."""
        rows = await _rows(info, "financial.loan", self.uscc, first)
        return Loans(
            nodes=[
                Loan(
                    lender=r["lender"],
                    contract_no=r["contract_no"],
                    overdue_days=r["overdue_days"],
                    due_on=r["due_on"],
                    balance=_money(r["balance"]),
                )
                for r in rows
            ]
        )

    @strawberry.field
    async def guarantees(self, info: Info, first: int = 20) -> Guarantees:
        """Guarantees, newest first."""
        rows = await _rows(info, "financial.guarantee", self.uscc, first)
        return Guarantees(
            nodes=[
                Guarantee(
                    creditor=r["creditor"], kind=r["kind"], due_on=r["due_on"], amount=_money(r["amount"])
                )
                for r in rows
            ]
        )


@strawberry.type
class Organization:
    """A company."""

    name: str
    uscc: str
    organization_type: str
    operating_status: str
    established_on: date
    division_code: str
    address: str
    registered_capital: Money
    legal_representative: LegalRepresentative

    @strawberry.field
    def government(self) -> Government:
        """What government units hold."""
        return Government(uscc=self.uscc)

    @strawberry.field
    def market(self) -> Market:
        """What market units hold."""
        return Market(uscc=self.uscc)

    @strawberry.field
    def financial(self) -> Financial:
        """What financial institutions hold."""
        return Financial(uscc=self.uscc)


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def organization(self, info: Info, uscc: USCC) -> Organization | None:
        """A company by its code."""
        rows = await _rows(info, "government.registration", uscc, 1)
        return _organization(rows) if rows else None


def _organization(rows: Sequence[asyncpg.Record]) -> Organization:
    row = rows[0]
    return Organization(
        name=row["name"],
        uscc=row["uscc"],
        organization_type=row["organization_type"],
        operating_status=row["operating_status"],
        established_on=row["established_on"],
        division_code=row["division_code"],
        address=row["address"],
        registered_capital=_money(row["registered_capital"]),
        legal_representative=LegalRepresentative(
            name=row["legal_representative_name"], id_number=row["legal_representative_id_number"]
        ),
    )


def build_stock(database_url: str, pool_size: int) -> Starlette:
    """The application: `POST /graphql`."""
    databases: list[Database] = []

    class App(GraphQL[dict[str, Any], None]):
        async def get_context(self, request: Request | WebSocket, response: Any) -> dict[str, Any]:
            return {"request": request, "response": response, "pool": databases[0].pool}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        databases.append(await Database.open(database_url, pool_size=pool_size))
        yield
        await databases.pop().close()

    schema = strawberry.Schema(
        Query, config=StrawberryConfig(scalar_map={USCC: strawberry.scalar(name="USCC")})
    )
    return Starlette(routes=[Route("/graphql", App(schema))], lifespan=lifespan)
