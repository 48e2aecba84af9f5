"""`submitRecords` and `declareRecords`: who may send what, what comes back, and what a repetition does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
from intake.intake_world import DECIDED, penalty
from world import COMPANY, STRANGER, World, run

from hub.catalog.loader import header_key
from hub.demo import story_facts as facts

SUBMIT = """mutation S($i: SubmitRecordsInput!) { submitRecords(input: $i) {
  requestId batch dataset sourceUnit rows accepted updated unchanged quarantined logIndex replayed moreFaults
  faults { row field column code message { zh en } hint } } }"""
DECLARE = """mutation D($i: DeclareRecordsInput!) { declareRecords(input: $i) {
  sourceUnit accepted unchanged quarantined faults { row field code } } }"""
COMMITMENT = "{ datasets { id selfDeclaration { id text { zh } } sourceUnits { zh } } }"
DECLARED = "market.self_declaration"


def play(database_url: str, folder: Path, scene: Any, **settings: Any) -> None:
    run(database_url, folder, scene, state_dir=str(folder / "state"), **settings)


async def submit(world: World, rows: list[Any], *, client: str = "dept-amr", **more: Any) -> dict[str, Any]:
    token = await world.token(client, "DATA_SUPPLY", ())
    given = {"requestId": "request-0001", "dataset": "government.penalty", "rows": rows, **more}
    return await world.ask(token, SUBMIT, {"i": given})


def landed(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer.get("errors") is None, answer
    found: dict[str, Any] = answer["data"]["submitRecords"]
    return found


def code(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def records(world: World, dataset: str = "government.penalty") -> int:
    return int(
        await world.hub.database.pool.fetchval("SELECT count(*) FROM record WHERE dataset = $1", dataset)
    )


async def entries(world: World, act: str) -> list[dict[str, Any]]:
    rows = await world.hub.database.pool.fetch("SELECT body FROM log_entry ORDER BY idx")
    return [e for e in (orjson.loads(row["body"]) for row in rows) if e.get("operation") == act]


def test_good_rows_land_and_bad_ones_come_back_named_without_their_values(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        found = landed(await submit(world, [penalty(1), penalty(2, **{DECIDED: "2026-02-30"}), penalty(3)]))
        assert (found["rows"], found["accepted"], found["quarantined"]) == (3, 2, 1)
        assert found["sourceUnit"] == facts.DEPT_AMR
        (fault,) = found["faults"]
        assert (fault["row"], fault["field"], fault["column"]) == (2, "decisionDate", DECIDED)
        assert fault["code"] == "BAD_DATE"
        assert fault["message"]["zh"]
        assert fault["hint"]
        assert "2026-02-30" not in json.dumps(found)
        (entry,) = await entries(world, "intake.submit")
        assert (entry["kind"], entry["outcome"], entry["purpose"]) == ("ADMIN", "DONE", "DATA_SUPPLY")
        assert entry["detail"]["batch"] == found["batch"]
        assert await records(world) == 2
        assert not list((tmp_path / "state").rglob("*.part"))

    play(database_url, tmp_path, scene)


def test_field_names_serve_as_well_as_official_headers(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        fields = world.hub.rules.catalog.datasets["government.penalty"].by_column
        row = {fields[header_key(header)].name: value for header, value in penalty(1).items()}
        found = landed(await submit(world, [row]))
        assert found["accepted"] == 1, found

    play(database_url, tmp_path, scene)


def test_a_request_sent_again_gets_its_first_answer_and_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        rows = [penalty(1), penalty(2, **{DECIDED: "x"})]
        first = landed(await submit(world, rows))
        second = landed(await submit(world, rows))
        assert (first["replayed"], second["replayed"]) == (False, True)
        assert {**second, "replayed": False} == first
        assert len(await entries(world, "intake.submit")) == 1
        assert code(await submit(world, [penalty(3)])) == "BAD_INPUT"
        assert await records(world) == 1
        fresh = landed(await submit(world, rows, requestId="request-0002"))
        assert (fresh["accepted"], fresh["unchanged"], fresh["quarantined"]) == (0, 1, 1)

    play(database_url, tmp_path, scene)


def test_a_request_cut_off_after_its_rows_landed_is_counted_once_when_repeated(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        first = landed(await submit(world, [penalty(1)]))
        pool = world.hub.database.pool
        await pool.execute("UPDATE intake_request SET answer = NULL")
        await pool.execute("UPDATE intake_batch SET finished_at = NULL")
        again = landed(await submit(world, [penalty(1)]))
        assert (again["batch"], again["accepted"], again["replayed"]) == (first["batch"], 1, False)
        assert await records(world) == 1

    play(database_url, tmp_path, scene)


def test_the_same_request_twice_at_once_lands_once(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        answers = await asyncio.gather(*(submit(world, [penalty(1), penalty(2)]) for _ in range(4)))
        done = [a["data"]["submitRecords"] for a in answers if not a.get("errors")]
        assert {a["accepted"] for a in done} == {2}
        assert await records(world) == 2

    play(database_url, tmp_path, scene)


def test_a_request_refused_as_a_whole_lands_nothing_and_its_id_is_free_again(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        refused = await submit(world, [penalty(1), {**penalty(2), "宗教信仰": "x"}])
        assert refused["data"] is None
        assert "宗教信仰" in refused["errors"][0]["message"]
        assert await records(world) == 0
        assert landed(await submit(world, [penalty(1)]))["accepted"] == 1

    play(database_url, tmp_path, scene)


def test_a_source_unit_that_is_not_listed_for_a_dataset_is_refused_in_both_languages(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        refused = await submit(world, [{}], dataset="financial.loan", requestId="request-0009")
        (error,) = refused["errors"]
        assert "not listed as a source of financial.loan" in error["message"]
        assert "不是" in error["extensions"]["messageZh"]
        assert error["extensions"]["hint"]
        assert await entries(world, "intake.submit") == []

    play(database_url, tmp_path, scene)


def test_nobody_else_submits(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        given = {"requestId": "request-0001", "dataset": "government.penalty", "rows": [penalty(1)]}
        answer = await world.ask(token, SUBMIT, {"i": given})
        assert code(answer) == "NOT_DISCLOSED", answer
        assert await records(world) == 0

    play(database_url, tmp_path, scene)


WRONG_REQUESTS: dict[str, dict[str, Any]] = {
    "no rows": {"rows": []},
    "more rows than a request may have": {"rows": [{}] * 1001},
    "an id that is too short": {"requestId": "1"},
    "another edition": {"edition": "1999-1"},
}


def test_what_is_no_request_is_refused_with_a_hint(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for name, wrong in WRONG_REQUESTS.items():
            answer = await submit(world, **{"rows": [penalty(1)], **wrong})
            assert answer["data"] is None, name
            assert answer["errors"][0]["extensions"]["hint"], name
            assert answer["errors"][0]["extensions"]["messageZh"], name
        token = await world.token("dept-amr", "DATA_SUPPLY", ())
        rounded = {**penalty(1), "罚款金额(万元)": 12345678901234567.5}
        lost = await world.send(
            token,
            SUBMIT,
            {"i": {"requestId": "request-0001", "dataset": "government.penalty", "rows": [rounded]}},
        )
        assert "15 digits" in lost.text
        assert await records(world) == 0

    play(database_url, tmp_path, scene)


def test_only_a_token_for_supplying_data_may_send_a_large_body(database_url: str, tmp_path: Path) -> None:
    rows = [penalty(n) for n in range(1, 201)]

    async def scene(world: World) -> None:
        assert landed(await submit(world, rows))["accepted"] == 200
        token = await world.token("subject-org", "SELF_QUERY")
        big = {"i": {"requestId": "request-0002", "dataset": "government.penalty", "rows": rows}}
        assert (await world.send(token, SUBMIT, big)).status_code == 413
        assert (await world.send("no-token", SUBMIT, big)).status_code == 401
        full = {"i": {"requestId": "request-0003", "dataset": "government.penalty", "rows": rows * 5}}
        supply = await world.token("dept-amr", "DATA_SUPPLY", ())
        assert (await world.send(supply, SUBMIT, full)).status_code == 413

    play(database_url, tmp_path, scene, max_submission_bytes=400_000)


async def declare(world: World, rows: list[Any], commitment: str, number: int = 1) -> dict[str, Any]:
    token = await world.token("subject-org", "SELF_QUERY")
    given = {
        "requestId": f"declare-{number:04d}",
        "dataset": DECLARED,
        "rows": rows,
        "commitment": commitment,
    }
    return await world.ask(token, DECLARE, {"i": given})


def declaration(uscc: str = COMPANY, **more: Any) -> dict[str, Any]:
    return {
        "subjectName": facts.COMPANY_NAME, "uscc": uscc, "declarationNo": "ZB演-1", "declaredOn": "2026-11-01",
        "periodEnd": "2026-09", "commitmentNo": "CN演-1", "revenue": "120.5", "status": "已申报", **more,
    }  # fmt: skip


def test_a_subject_declares_about_itself_with_a_commitment_and_it_is_shown_as_declared(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        listed = (await world.ask(token, COMMITMENT))["data"]["datasets"]
        promise = {d["id"]: d["selfDeclaration"] for d in listed}
        assert promise["government.penalty"] is None
        commitment = promise[DECLARED]["id"]
        assert (await declare(world, [declaration()], ""))["data"] is None
        assert await records(world, DECLARED) == 0
        found = (await declare(world, [declaration(), declaration(STRANGER)], commitment, 2))["data"][
            "declareRecords"
        ]
        assert (found["accepted"], found["quarantined"]) == (1, 1)
        assert found["sourceUnit"].startswith("sub_")
        assert found["faults"] == [{"row": 2, "field": "uscc", "code": "NOT_ABOUT_YOURSELF"}]
        (entry,) = await entries(world, "intake.declare")
        assert entry["detail"]["commitment"] == commitment
        shown = await world.ask(
            token,
            f'{{ organization(uscc: "{COMPANY}") {{ market {{ selfDeclarations {{ nodes {{ declarationNo origin }} }} }} }} }}',
        )
        (node,) = shown["data"]["organization"]["market"]["selfDeclarations"]["nodes"]
        assert node == {"declarationNo": "ZB演-1", "origin": "SELF_DECLARED"}

    play(database_url, tmp_path, scene)


def test_a_declaration_never_takes_the_place_of_what_a_source_unit_supplied(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stored = {
            "subjectName": facts.COMPANY_NAME, "uscc": COMPANY, "declarationNo": "ZB演-1", "declaredOn": "2026-11-01",
            "periodEnd": "2026-09", "commitmentNo": "CN演-1", "revenue": 1, "status": "DECLARED", "origin": "SOURCE_UNIT",
        }  # fmt: skip
        await world.put(DECLARED, stored)
        commitment = world.hub.rules.catalog.datasets[DECLARED].commitment_id
        found = (await declare(world, [declaration()], commitment))["data"]["declareRecords"]
        assert found["accepted"] == 1
        versions = await world.hub.database.pool.fetch(
            "SELECT version FROM record WHERE dataset = $1", DECLARED
        )
        assert [r["version"] for r in versions] == [1, 1]
        claimed = await declare(
            world, [declaration(origin="SOURCE_UNIT", declarationNo="ZB演-2")], commitment, 2
        )
        assert claimed["data"]["declareRecords"]["faults"][0]["code"] == "OTHER_ORIGIN"

    play(database_url, tmp_path, scene)


def test_what_takes_no_declarations_cannot_be_declared(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        given = {
            "requestId": "declare-0001",
            "dataset": "government.penalty",
            "rows": [penalty(1)],
            "commitment": "",
        }
        answer = await world.ask(token, DECLARE, {"i": given})
        assert answer["data"] is None
        assert await records(world) == 0

    play(database_url, tmp_path, scene)
