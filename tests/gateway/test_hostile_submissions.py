"""`submitRecords` under hostile bodies: what no row can be is refused in the one shape, and nothing lands or fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.test_hostile import one_shape
from gateway.test_submissions import SUBMIT, code, landed, play, records, submit
from intake.intake_world import DOCUMENT, penalty
from world import World

from hub.gateway.wire import WireError, read_request

BIG = "9" * 30


@pytest.mark.parametrize("levels", [65, 253, 254, 900])
def test_a_body_that_nests_too_deep_is_a_bad_request_and_no_fault_of_the_hub(levels: int) -> None:
    nested = b"[" * levels + b"]" * levels
    with pytest.raises(WireError) as caught:
        read_request(b'{"query": "{ a }", "variables": {"x": ' + nested + b"}}")
    assert caught.value.status == 400


def test_many_lists_beside_each_other_are_not_deep() -> None:
    body = {"query": "{ a }", "variables": {"rows": [{"a": ["b"]}] * 500}}
    assert read_request(orjson.dumps(body)).variables == body["variables"]


@pytest.mark.parametrize("value", [BIG, f"[{BIG}]", f"[[{BIG}]]"])
def test_a_number_that_no_row_can_hold_is_the_senders_fault_and_lands_nothing(
    value: str, database_url: str, tmp_path: Path
) -> None:
    query = (
        'mutation { submitRecords(input: {requestId: "request-0001", dataset: "government.penalty",'
        f" rows: [{{CF_WSH: {value}}}]}}) {{ accepted }} }}"
    )

    async def scene(world: World) -> None:
        token = await world.token("dept-amr", "DATA_SUPPLY", ())
        answer = await world.ask(token, query, {})
        assert code(answer) == "BAD_INPUT", answer
        assert answer["errors"][0]["extensions"]["hint"]
        assert await records(world) == 0

    play(database_url, tmp_path, scene)


def test_deep_variables_are_refused_over_http(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        deep: Any = []
        for _ in range(200):
            deep = [deep]
        token = await world.token("dept-amr", "DATA_SUPPLY", ())
        given = {"requestId": "request-0001", "dataset": "government.penalty", "rows": [{"CF_WSH": deep}]}
        one_shape(await world.send(token, SUBMIT, {"i": given}), 400)

    play(database_url, tmp_path, scene)


def test_a_document_number_with_other_brackets_or_invisible_signs_names_the_same_record(
    database_url: str, tmp_path: Path
) -> None:
    spellings = (
        "［2026］0001号",
        "(2026)0001号",
        "【2026】0001号",
        "〔2026〕\u200b0001号",
        "〔2026〕\u20600001号",
        "〔2026〕\ufe000001号",
    )

    async def scene(world: World) -> None:
        assert landed(await submit(world, [penalty(1)]))["accepted"] == 1
        for number, spelling in enumerate(spellings):
            row = penalty(1, **{DOCUMENT: f"琼市监罚演{spelling}"})
            found = landed(await submit(world, [row], requestId=f"spelling-{number:04d}"))
            assert (found["accepted"], found["quarantined"]) == (0, 0), spelling
        assert await records(world) == 1

    play(database_url, tmp_path, scene)


def test_a_text_that_turns_the_direction_of_writing_is_refused(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        found = landed(await submit(world, [penalty(1, **{DOCUMENT: "琼\u202e0001〕6202〔演罚监市"})]))
        assert [fault["code"] for fault in found["faults"]] == ["CONTROL_CHARACTER"]
        assert await records(world) == 0

    play(database_url, tmp_path, scene)


def test_members_in_another_order_are_the_same_rows(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        row = penalty(1)
        landed(await submit(world, [row]))
        assert landed(await submit(world, [dict(reversed(row.items()))]))["replayed"]

    play(database_url, tmp_path, scene)


def test_one_institution_does_not_keep_the_others_out(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        many = [submit(world, [penalty(n)], requestId=f"crowding-{n:04d}") for n in range(1, 21)]
        other = submit(
            world,
            [{"year": "2026"}],
            client="dept-tax",
            dataset="government.tax_grade",
            requestId="request-0001",
        )
        *answers, its = await asyncio.gather(*many, other)
        done = [answer for answer in answers if not answer.get("errors")]
        assert 6 <= len(done) < 20, "as many as one institution may have, and those that found a place later"
        assert {code(answer) for answer in answers if answer.get("errors")} == {"UNAVAILABLE"}
        assert code(its) == "INTAKE", "its turn came; what it says of the row is another matter"
        async with world.hub.database.connection() as connection:
            landed_rows = await connection.fetchval(
                "SELECT count(*) FROM record WHERE dataset = 'government.penalty'"
            )
        assert landed_rows == len(done)

    play(database_url, tmp_path, scene)
