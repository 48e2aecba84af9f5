"""Statements and marks of proceedings over GraphQL: who may, what every reader gets, and refusals that leave nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from world import COMPANY, STRANGER, World, run

from hub.demo import story_facts as facts

_READ = "query Q($u: USCC!) { organization(uscc: $u) { government { taxPayments { nodes { id marks { kind since statement } } } } } }"
_SAY = "mutation S($i: StatementInput!) { stateOnRecord(input: $i) { subject dataset record marks } }"
_UNSAY = "mutation W($d: String!, $r: ID!) { withdrawStatement(dataset: $d, record: $r) { marks } }"
_MARK = "mutation M($i: LitigationInput!) { markLitigation(input: $i) { marks } }"
_CLEAR = "mutation C($i: LitigationInput!) { clearLitigation(input: $i) { marks } }"
_COUNTS = "SELECT (SELECT count(*) FROM record_mark), (SELECT count(*) FROM record WHERE marks IS NOT NULL), (SELECT count(*) FROM log_entry WHERE kind = 'ADMIN')"
TAX = "government.tax_payment"


async def _nodes(world: World, token: str) -> list[dict[str, Any]]:
    answer = await world.ask(token, _READ, {"u": COMPANY})
    found: list[dict[str, Any]] = answer["data"]["organization"]["government"]["taxPayments"]["nodes"]
    return found


def test_a_statement_and_a_mark_of_litigation_reach_every_reader_and_go_again(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        bank = await world.bank_token()
        record = (await _nodes(world, own))[0]["id"]
        said = await world.ask(
            own, _SAY, {"i": {"dataset": TAX, "record": record, "statement": "已申请更正"}}
        )
        assert said["data"]["stateOnRecord"]["marks"] == ["STATEMENT"]
        case = {"subject": COMPANY, "dataset": TAX, "record": record, "kind": "IN_LITIGATION"}
        marked = await world.ask(unit, _MARK, {"i": case})
        assert marked["data"]["markLitigation"]["marks"] == ["IN_LITIGATION", "STATEMENT"]
        assert "errors" not in marked
        first, *others = await _nodes(world, bank)
        assert first["marks"] == [
            {"kind": "IN_LITIGATION", "since": "2026-11-20", "statement": None},
            {"kind": "STATEMENT", "since": "2026-11-20", "statement": "已申请更正"},
        ]
        assert all(node["marks"] == [] for node in others)
        assert (await world.ask(unit, _CLEAR, {"i": case}))["data"]["clearLitigation"]["marks"] == [
            "STATEMENT"
        ]
        gone = await world.ask(own, _UNSAY, {"d": TAX, "r": record})
        assert gone["data"]["withdrawStatement"]["marks"] == []
        assert all(node["marks"] == [] for node in await _nodes(world, bank))

    run(database_url, tmp_path, scene)


def test_whose_record_it_is_not_gets_the_refusal_of_a_record_that_never_was_and_nothing_remains(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        own = await world.token("subject-org", "SELF_QUERY")
        record = (await _nodes(world, own))[0]["id"]
        never = "rec_" + "0" * 32
        person = await world.token("subject-person", "SELF_QUERY", (facts.PERSON_ID,))
        tax = await world.token("dept-tax", "DATA_SUPPLY", ())
        bank = await world.bank_token()
        async with world.hub.database.connection() as connection:
            before = tuple(await connection.fetchrow(_COUNTS))

        async def refusal(token: str, text: str, asked: dict[str, Any]) -> str:
            answer = await world.ask(token, text, asked)
            assert not answer.get("data"), answer
            return json.dumps([(e["message"], e["extensions"]) for e in answer["errors"]])

        def saying(name: str) -> dict[str, Any]:
            return {"i": {"dataset": TAX, "record": name, "statement": "说明"}}

        def marking(name: str, subject: str = COMPANY) -> dict[str, Any]:
            return {"i": {"subject": subject, "dataset": TAX, "record": name, "kind": "IN_LITIGATION"}}

        for text, token, one, other in (
            (_SAY, person, saying(record), saying(never)),
            (_UNSAY, person, {"d": TAX, "r": record}, {"d": TAX, "r": never}),
            (_MARK, tax, marking(record), marking(never)),
            (_MARK, tax, marking(record), marking(record, STRANGER)),
            (_CLEAR, tax, marking(record), marking(never)),
        ):
            assert await refusal(token, text, one) == await refusal(token, text, other), text
        for token in (bank, person, own):
            assert "PURPOSE_NOT_HELD" in await refusal(token, _MARK, marking(record))
        for token in (bank, tax):
            assert "PURPOSE_NOT_HELD" in await refusal(token, _SAY, saying(record))
        assert "rec_" in await refusal(own, _SAY, saying("rec_1"))
        async with world.hub.database.connection() as connection:
            assert tuple(await connection.fetchrow(_COUNTS)) == before

    run(database_url, tmp_path, scene)
