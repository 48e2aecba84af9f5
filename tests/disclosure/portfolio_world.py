"""A bank with a portfolio: many companies with records, each with a consent of its own for post-loan review."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from world import ISSUER, World

from hub.catalog.types import SubjectKind
from hub.consent.request import ConsentRequest
from hub.demo import story_facts as facts
from hub.demo.clients import unsafe_demo_key
from hub.demo.generator import Generator
from hub.identity.assertion import request_token

from .gate_world import TODAY, load

CLIENT, PURPOSE = "bank-hkb", "LOAN_REVIEW_POST"
SELECTION = (
    "id kind __typename ... on Organization { name operatingStatus legalRepresentative { name idNumber } "
    "registeredCapital { currency amount } } "
    "government { penalties(first: 3) { nodes { documentNo fineAmount { amount } } pageInfo { hasNextPage } } "
    "taxPayments(first: 4) { nodes { id period amount { amount currency } } } } "
    "financial { loans { nodes { lender balance { amount } } } }"
)
MANY = f"query M($ids: [SubjectIdentifier!]!) {{ subjects(ids: $ids) {{ {SELECTION} }} }}"
ONE = f"query O($u: USCC!) {{ organization(uscc: $u) {{ {SELECTION} }} }}"


@dataclass
class Portfolio:
    """Companies and their consents, in order."""

    world: World
    companies: list[str]
    consents: list[str]

    @classmethod
    async def of(
        cls, world: World, count: int, *, fields: dict[str, Sequence[str]] | None = None
    ) -> Portfolio:
        """Store so many companies; every third one's consent covers fewer items."""
        generator = Generator(max(count, 5), 1, seed=3, today=TODAY)
        parties = [generator.organisation(number) for number in range(count)]
        await load(world, [record for party in parties for record in generator.records_of(party)])
        consents = []
        for number, party in enumerate(parties):
            narrow = ("government.registration", "government.penalty") if number % 3 == 2 else ()
            consents.append(await cls.grant(world, party.identifier, datasets=narrow))
        return cls(world, [party.identifier for party in parties], consents)

    @staticmethod
    async def grant(world: World, uscc: str, **more: Any) -> str:
        """Id of a consent of a company for the bank."""
        request = ConsentRequest(
            grantee=facts.BANK_HKB, purpose=PURPOSE, separate_consent=True, adverse_notice_acknowledged=True, **more,
        )  # fmt: skip
        subject_id = world.hub.indexer.subject_id(SubjectKind.ORG.value, uscc)
        consent = await world.hub.consents.grant(
            subject_id, request, world.hub.rules.policy, "test", world.clock.now()
        )
        return consent.consent_id

    async def token(self, **members: Any) -> str:
        """One token for all of them."""
        return await token_for(self.world, self.companies, self.consents, **members)


async def token_for(
    world: World,
    subjects: Sequence[str],
    consents: Sequence[str | None],
    purpose: str = PURPOSE,
    **members: Any,
) -> str:
    """A token for subjects, each with a consent."""
    answer = await request_token(
        world.http,
        f"{ISSUER}/oauth/token",
        unsafe_private_jwk=unsafe_demo_key(world.keys, CLIENT),
        client_id=CLIENT,
        issuer=ISSUER,
        details=[
            {
                "type": "credit_disclosure",
                "purpose": purpose,
                "subjects": list(subjects),
                "consents": list(consents),
                **members,
            }
        ],
        now=world.clock.now(),
    )
    return str(answer["access_token"])


async def export(world: World, token: str, ids: Sequence[str], query: str = MANY) -> httpx.Response:
    """Ask for the same line by line."""
    headers = {"authorization": f"Bearer {token}", "accept": "application/x-ndjson"}
    return await world.http.post(
        "/graphql", json={"query": query, "variables": {"ids": list(ids)}}, headers=headers
    )


async def entries(world: World) -> list[dict[str, Any]]:
    """Bodies of the log, in order."""
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch("SELECT body FROM log_entry ORDER BY idx")
    return [json.loads(bytes(row["body"])) for row in rows]
