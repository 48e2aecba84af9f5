"""A court states the number of its case with every request, and the log keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, ISSUER, World, run

from hub.demo import story_facts as facts
from hub.identity.assertion import request_token
from hub.identity.clients import Client
from hub.keys.jwk import generate_client_key

from .gate_world import counted

PRIVATE, PUBLIC = generate_client_key()
CASE = "（2026）琼01演1号"
ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"


async def asked(world: World, **members: str) -> dict[str, Any]:
    detail = {
        "type": "credit_disclosure",
        "purpose": "JUDICIAL_CASE",
        "subjects": [COMPANY],
        "matter": "JC-TRIAL",
    }
    answer = await request_token(
        world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=PRIVATE, client_id="court", issuer=ISSUER,
        details=[{**detail, **members}], now=world.clock.now(),
    )  # fmt: skip
    return await world.ask(str(answer["access_token"]), ASK, {"u": COMPANY})


def test_a_case_is_read_under_its_number_only(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        court = Client(
            "court", "示范法院（演示）", "Court", ("judicial_body",), facts.DEPT_AMR, ("JUDICIAL_CASE",), {"keys": [PUBLIC]}
        )  # fmt: skip
        await world.register(court)
        for members in ({}, {"reference": " "}):
            with counted(monkeypatch) as counts:
                answer = await asked(world, **members)
            assert answer["data"]["organization"] is None
            extensions = answer["errors"][0]["extensions"]
            assert extensions["reason"] == "REFERENCE_REQUIRED"
            assert "案号" in extensions["messageZh"]
            assert counts.unsealed == 0
            assert not any("FROM record" in s for s in counts.statements)
        answer = await asked(world, reference=CASE)
        assert answer["data"]["organization"]["name"] == facts.COMPANY_NAME
        entry = json.loads(answer["extensions"]["receipt"]["entry"])
        assert entry["subjects"][0]["basis"] == {"kind": "MATTER", "matter": "JC-TRIAL", "reference": CASE}

    run(database_url, tmp_path, scene)
