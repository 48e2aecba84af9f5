"""A county or city reads subjects of its own division alone.

That it cannot tell "of another division" from "no such subject" is one of the paired worlds of `test_no_oracle`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, STRANGER, World, run

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.demo.codes import uscc
from hub.identity.clients import Client
from hub.keys.jwk import generate_client_key

from .gate_world import Bench, caller_for

_ONE = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
_PERSON = "query Q($p: PersonIdentifier!) { person(id: $p) { name } }"
HAIKOU, WENCHANG = uscc("11", "460105", "89001"), uscc("11", "469005", "89002")
BODIES = {
    "a body of the city itself": (HAIKOU, True),
    "a body of another county": (WENCHANG, False),
    "a body of the province that was given the role": (uscc("11", "460000", "89003"), False),
    "a company of the city that was given the role": (uscc("91", "460100", "89004"), False),
}


async def _client(world: World, institution: str, *roles: str) -> str:
    name = f"county-{institution.lower()}"
    client = Client(
        name, "演示", "County", roles or ("county_tenant",), institution, ("GOV_SUPERVISION",), {"keys": [generate_client_key()[1]]}, None,
        demo=True, ad_hoc=True,
    )  # fmt: skip
    await world.register(client)
    return name


async def _ask(world: World, institution: str, identifier: str, *roles: str) -> tuple[Any, Any]:
    """What is shown, and the code of the refusal."""
    client = await _client(world, institution, *roles)
    caller = caller_for(
        world, client, "GOV_SUPERVISION", identifier, matter="SV-GRADED", reference="演2026-118"
    )
    text, name = (_PERSON, "p") if identifier == facts.PERSON_ID else (_ONE, "u")
    report = await Bench(world).direct(caller, text, {name: identifier})
    (part,) = report.parts()
    return part.text[0], part.error


@pytest.mark.parametrize("name", BODIES)
def test_a_county_reads_a_subject_of_its_own_division_and_no_other(
    name: str, database_url: str, tmp_path: Path
) -> None:
    institution, shown = BODIES[name]

    async def scene(world: World) -> None:
        text, error = await _ask(world, institution, COMPANY)
        assert (error is None) is shown, error
        assert (facts.COMPANY_NAME.encode() in bytes(text or b"")) is shown

    run(database_url, tmp_path, scene)


def test_a_second_role_does_not_lift_the_limit_of_a_county(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        _, error = await _ask(world, WENCHANG, COMPANY, "county_tenant", "department")
        assert error is not None

    run(database_url, tmp_path, scene)


def test_of_another_division_and_unknown_are_refused_in_the_same_words(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        _, other = await _ask(world, WENCHANG, COMPANY)
        _, unknown = await _ask(world, WENCHANG, uscc("91", "469005", "79997"))
        assert other is not None
        assert other == unknown

    run(database_url, tmp_path, scene)


def test_a_subject_whose_registration_moves_is_read_by_its_new_county_and_no_longer_by_the_old(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        subject_id = world.hub.indexer.subject_id(SubjectKind.ORG, STRANGER)
        await world.hub.database.pool.execute(
            "UPDATE subject SET division_code = '469005001' WHERE subject_id = $1", subject_id
        )
        assert (await _ask(world, WENCHANG, STRANGER))[1] is None
        assert (await _ask(world, HAIKOU, STRANGER))[1] is not None

    run(database_url, tmp_path, scene)


def test_a_person_whose_division_nobody_has_stated_is_read_by_no_county(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        profile = {"name": facts.PERSON_NAME, "residentIdNumber": facts.PERSON_ID}
        await world.put(
            "government.person_profile", profile, identifier=facts.PERSON_ID, kind=SubjectKind.PERSON
        )
        assert (await _ask(world, HAIKOU, facts.PERSON_ID))[1] is not None
        await world.hub.database.pool.execute(
            "UPDATE subject SET division_code = '460105' WHERE kind = 'PERSON'"
        )
        assert (await _ask(world, HAIKOU, facts.PERSON_ID))[1] is None

    run(database_url, tmp_path, scene)
