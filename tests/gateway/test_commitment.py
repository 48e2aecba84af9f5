"""Which commitment a client asks for: the answer as a whole unless it says otherwise, over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from disclosure.portfolio_world import MANY, Portfolio
from world import COMPANY, STRANGER, World, run

from hub.audit import offline
from hub.audit.fields import commit_fields
from hub.audit.redaction import redact
from hub.disclosure import account

BY_FIELD = {"extensions": {"commitment": "fields"}}
QUERY = (
    "query Q($u: USCC!) { organization(uscc: $u) { name government { taxPayments { nodes { period } } } } }"
)
ASKED = {"query": QUERY, "variables": {"u": COMPANY}}


async def post(world: World, token: str, accept: str = "application/json", **body: Any) -> bytes:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    return (await world.http.post("/graphql", json=body, headers=headers)).content


def holds(world: World, raw: bytes) -> dict[str, Any]:
    """The response, once it verifies as outsiders do it."""
    response: dict[str, Any] = offline.read_response(raw)
    offline.verify(response, str(world.hub.ring.note_verifier()), lambda _: None)
    return response


def algorithm(response: dict[str, Any]) -> str:
    return str(response["extensions"]["receipt"]["commitment"]["algorithm"])


def test_a_bank_gets_a_commitment_by_field_when_it_asks_and_can_show_one_field(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        whole = holds(world, await post(world, token, **ASKED))
        answer = holds(world, await post(world, token, **ASKED, extensions={"commitment": "answer"}))
        fields = holds(world, await post(world, token, **ASKED, **BY_FIELD))
        assert [algorithm(r) for r in (whole, answer, fields)] == [
            offline.ALGORITHM, offline.ALGORITHM, offline.FIELDS_ALGORITHM,
        ]  # fmt: skip
        assert whole["data"] == fields["data"]
        committed = json.loads(fields["extensions"]["receipt"]["entry"])["commitment"]
        partial = redact(fields, committed, ["/data/organization/name"])
        said: list[str] = []
        offline.verify(partial, str(world.hub.ring.note_verifier()), said.append)
        assert any(whole["data"]["organization"]["name"] in line for line in said)
        assert "2026-03" not in json.dumps(partial)

    run(database_url, tmp_path, scene)


def test_commitments_by_field_are_computed_one_after_the_other(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = 0, 0

    def watched(answer: bytes, salt: bytes) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.01)
        at_once -= 1
        return commit_fields(answer, salt)

    async def scene(world: World) -> None:
        token = await world.bank_token()
        answers = await asyncio.gather(*(post(world, token, **ASKED, **BY_FIELD) for _ in range(6)))
        assert all(algorithm(holds(world, raw)) == offline.FIELDS_ALGORITHM for raw in answers)

    monkeypatch.setattr(account, "commit_fields", watched)
    run(database_url, tmp_path, scene)
    assert most == 1


def test_what_is_asked_of_the_commitment_changes_neither_the_entry_nor_what_is_used(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token, found, before = await world.bank_token(), [], 0
        for more in ({}, BY_FIELD):
            answer = holds(world, await post(world, token, **ASKED, **more))
            entry = json.loads(answer["extensions"]["receipt"]["entry"])
            async with world.hub.database.connection() as connection:
                used = await connection.fetchval("SELECT sum(used) FROM quota_count")
            own = {"id", "at", "commitment"}
            found.append(({k: v for k, v in entry.items() if k not in own}, answer["data"], used - before))
            before = used
        assert found[0] == found[1]

    run(database_url, tmp_path, scene)


def test_an_export_by_field_commits_to_what_one_answer_would_have(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 3)
        token, asked = (
            await portfolio.token(),
            {"query": MANY, "variables": {"ids": [*portfolio.companies, STRANGER]}},
        )
        lines = holds(world, await post(world, token, "application/x-ndjson", **asked, **BY_FIELD))
        whole = holds(world, await post(world, token, **asked, **BY_FIELD))
        assert algorithm(lines) == algorithm(whole) == offline.FIELDS_ALGORITHM
        assert lines["data"] == whole["data"]
        assert lines["data"]["subjects"][-1] is None

    run(database_url, tmp_path, scene)


def test_refusals_and_answers_of_other_operations_are_committed_to_by_field_as_well(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stranger = await world.token("bank-hkb", "LOAN_APPLICATION")
        refused = holds(world, await post(world, stranger, **ASKED, **BY_FIELD))
        assert refused["data"] == {"organization": None}
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        entries = "{ auditEntries { nodes { index outcome } } }"
        listed = holds(world, await post(world, officer, query=entries, **BY_FIELD))
        assert algorithm(refused) == algorithm(listed) == offline.FIELDS_ALGORITHM

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("wanted", ["none", "", None, 1, ["fields"], {"a": 1}])
def test_a_commitment_that_nobody_knows_is_refused_and_nothing_is_read(
    wanted: Any, database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        before = world.hub.log.size
        answer = json.loads(await post(world, token, **ASKED, extensions={"commitment": wanted}))
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert "data" not in answer
        assert world.hub.log.size == before

    run(database_url, tmp_path, scene)
