"""Merges, the review of names and quality over GraphQL: roles, four eyes, and consents that no merge widens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from world import COMPANY, STRANGER, World, run

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.intake.merge import Merger, Origin
from hub.intake.rows import RowShape, SubjectRef

_PENALTY = {
    "counterpartyName": facts.COMPANY_NAME, "counterpartyType": "ORGANIZATION", "documentNo": "琼市监罚〔2026〕演009号",
    "decisionDate": "2026-03-05", "severity": "GENERAL", "penaltyTypes": ["FINE"], "fineAmount": 1_000_000,
    "authorityUscc": facts.DEPT_AMR,
}  # fmt: skip
_READ = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { id } } } } }"
_PROPOSE = "mutation P($l: ID!, $w: ID!) { proposeSubjectMerge(losing: $l, winning: $w, reason: CODE_CHANGED) { id state } }"
_CONFIRM = "mutation C($id: ID!) { confirmSubjectMerge(id: $id) { id state records } }"
_UNDO = "mutation U($id: ID!) { proposeUndoOfSubjectMerge(id: $id) { id state } }"
_CASES = "{ matchCases { id name candidates { subject name score why former } } }"
_QUALITY = "query Q($s: USCC) { quality(sourceUnit: $s) { lines { sourceUnit rows compliance } league { rank } faults { code hint } waiting { days } } }"


async def _put(world: World, identifier: str) -> None:
    await world.put("government.penalty", _PENALTY | {"uscc": identifier}, identifier=identifier)


async def _merge(world: World) -> str:
    first = await world.token("operator-main", "OPERATION", (), operator="李二")
    second = await world.token("operator-main", "OPERATION", (), operator="王三")
    made = await world.ask(first, _PROPOSE, {"l": COMPANY, "w": STRANGER})
    assert made["data"], made
    merge_id = made["data"]["proposeSubjectMerge"]["id"]
    alone = await world.ask(first, _CONFIRM, {"id": merge_id})
    assert alone["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    done = await world.ask(second, _CONFIRM, {"id": merge_id})
    assert done["data"]["confirmSubjectMerge"] == {"id": merge_id, "state": "IN_FORCE", "records": 0}
    return str(merge_id)


def test_a_consent_of_the_losing_subject_opens_nothing_of_the_winning_one(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await _put(world, COMPANY)
        await _put(world, STRANGER)
        consent = await world.consent()
        token = await world.token("bank-hkb", "LOAN_APPLICATION", (COMPANY,), consent=consent)
        both = await world.token("bank-hkb", "LOAN_APPLICATION", (COMPANY, STRANGER), consent=consent)
        before = [await world.ask(t, _READ, {"u": u}) for t in (token, both) for u in (COMPANY, STRANGER)]
        assert before[0]["data"]["organization"]["government"]["penalties"]["nodes"]
        assert before[1]["data"]["organization"] is None
        assert before[3]["data"]["organization"] is None
        await _merge(world)
        after = [await world.ask(t, _READ, {"u": u}) for t in (token, both) for u in (COMPANY, STRANGER)]
        assert [a["data"] for a in after] == [b["data"] for b in before]

    run(database_url, tmp_path, scene)


def test_a_merge_takes_two_persons_and_is_undone_by_two(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await _put(world, COMPANY)
        await _put(world, STRANGER)
        merge_id = await _merge(world)
        first = await world.token("operator-main", "OPERATION", (), operator="李二")
        second = await world.token("operator-main", "OPERATION", (), operator="王三")
        assert (await world.ask(first, _UNDO, {"id": merge_id}))["data"]
        done = await world.ask(second, _CONFIRM, {"id": merge_id})
        assert done["data"]["confirmSubjectMerge"]["state"] == "UNDONE"
        listed = await world.ask(first, "{ subjectMerges { id state losing } }")
        assert [m["state"] for m in listed["data"]["subjectMerges"]] == ["UNDONE"]

    run(database_url, tmp_path, scene)


def test_only_operators_steer_the_register_and_a_refusal_tells_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await _put(world, COMPANY)
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        for token in (own, unit):
            asked: list[tuple[str, dict[str, Any]]] = [
                (_PROPOSE, {"l": COMPANY, "w": STRANGER}), (_CONFIRM, {"id": "m_x"}), (_CASES, {}),
                (_PROPOSE, {"l": STRANGER, "w": "91460106DEM000030Q"}),
            ]  # fmt: skip
            answers = [await world.ask(token, text, variables) for text, variables in asked]
            assert {a["errors"][0]["extensions"]["code"] for a in answers} == {
                answers[0]["errors"][0]["extensions"]["code"]
            }
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM subject_merge") == 0

    run(database_url, tmp_path, scene)


def test_an_operator_matches_a_row_and_a_source_sees_its_own_quality_only(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await world.put(
            "government.registration",
            {
                "name": facts.COMPANY_NAME,
                "uscc": COMPANY,
                "operatingStatus": "ACTIVE",
                "establishedOn": "2020-01-01",
            },
        )
        dataset = world.hub.rules.catalog.datasets["government.penalty"]
        row = RowShape(dataset).row(
            SubjectRef(SubjectKind.ORG, "", name=facts.COMPANY_NAME), dict(_PENALTY), 1
        )
        origin = Origin(dataset, facts.DEPT_AMR, "b_1", world.clock.now())
        merger = Merger(origin, indexer=world.hub.indexer, sealer=world.hub.ring.sealer())
        async with world.hub.database.connection() as connection, connection.transaction():
            assert [f.code for _, f in (await merger.merge(connection, [row])).faults] == ["NAME_IN_REVIEW"]
        operator = await world.token("operator-main", "OPERATION", (), operator="李二")
        (case,) = (await world.ask(operator, _CASES))["data"]["matchCases"]
        assert (case["name"], case["candidates"][0]["score"]) == (facts.COMPANY_NAME, 100)
        accept = "mutation A($id: ID!, $s: ID!) { acceptMatch(id: $id, subject: $s) }"
        asked = {"id": case["id"], "s": case["candidates"][0]["subject"]}
        assert (await world.ask(operator, accept, asked))["data"] == {"acceptMatch": True}
        again = await world.ask(operator, accept, asked)
        assert again["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        own = await world.token("subject-org", "SELF_QUERY")
        nodes = (await world.ask(own, _READ, {"u": COMPANY}))["data"]["organization"]["government"][
            "penalties"
        ]
        assert len(nodes["nodes"]) == 1
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        async with world.hub.database.connection() as connection:
            for name, source in (("q1", facts.DEPT_AMR), ("q2", STRANGER)):
                await connection.execute(
                    "INSERT INTO quality_batch VALUES ($1, $2, 'government.penalty', $3, 4, 3, 3, 0, 0, 1, 3, 0, 9, 6, 0)",
                    name, source, world.clock.now().date(),
                )  # fmt: skip
        mine = (await world.ask(unit, _QUALITY, {"s": STRANGER}))["data"]["quality"]
        assert mine["lines"] == [{"sourceUnit": facts.DEPT_AMR, "rows": 4, "compliance": 7_500}]
        everything = (await world.ask(operator, _QUALITY, {}))["data"]["quality"]
        assert len(everything["lines"]) == 2
        refused = await world.ask(own, _QUALITY, {})
        assert refused["errors"]

    run(database_url, tmp_path, scene)
