"""A guardian reads the file of its one ward, masked; nobody reads that of a child under fourteen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import ISSUER, World, run

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.errors import AuthenticationError
from hub.identity.assertion import request_token
from hub.identity.clients import Client
from hub.keys.jwk import generate_client_key

PRIVATE, PUBLIC = generate_client_key()
WARD, CHILD, OTHER = "469999201202290022", "469999201606010031", "469999199003070019"
ASK = "query Q($id: PersonIdentifier!) { person(id: $id) { name residentIdNumber } }"


async def guardian_of(world: World, ward: str) -> None:
    await world.register(
        Client(
            f"guardian-{ward}", "监护人（演示）", "Guardian", ("guardian",), facts.COMPANY_USCC, ("GUARDIAN_QUERY",),
            {"keys": [PUBLIC]}, world.hub.indexer.subject_id("PERSON", ward),
        )
    )  # fmt: skip


async def asked(world: World, ward: str, person: str) -> dict[str, Any]:
    details = [{"type": "credit_disclosure", "purpose": "GUARDIAN_QUERY", "subjects": [person]}]
    answer = await request_token(
        world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=PRIVATE, client_id=f"guardian-{ward}",
        issuer=ISSUER, details=details, now=world.clock.now(),
    )  # fmt: skip
    return await world.ask(str(answer["access_token"]), ASK, {"id": person})


def test_a_guardian_reads_its_ward_and_nobody_else(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for person, name in ((WARD, "符小岛"), (OTHER, "陈大海"), (CHILD, "王小鱼")):
            await world.put(
                "government.person_profile",
                {"name": name, "residentIdNumber": person},
                identifier=person,
                kind=SubjectKind.PERSON,
            )
        await guardian_of(world, WARD)
        await guardian_of(world, CHILD)
        seen = (await asked(world, WARD, WARD))["data"]["person"]
        assert seen["name"] == "符小岛"
        assert seen["residentIdNumber"] not in (WARD, None)
        with pytest.raises(AuthenticationError, match="invalid_authorization_details"):
            await asked(world, WARD, OTHER)
        answer = await asked(world, CHILD, CHILD)
        assert answer["data"]["person"] is None
        assert answer["errors"][0]["extensions"]["reason"] == "MINOR"

    run(database_url, tmp_path, scene)
