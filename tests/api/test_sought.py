"""What a reviewer looks for stands in the log, and never a number of a person typed in the wrong place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, World, run

from hub.demo import story_facts as facts

WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
MISTYPED: dict[str, str] = {
    "as the institution of quotas": "query Q($x: String) { quotas(institution: $x) { used } }",
    "as the institution of unclosed uses": "query Q($x: String) { unclosedUses(institution: $x) { nextAfter } }",
    "as the id of an entry": "query Q($x: ID) { auditEntry(id: $x) { caveats } }",
    "as the client of findings": """query Q($x: String) { auditFindings(since: "2026-11-19T00:00:00+08:00",
        until: "2026-11-20T00:00:00+08:00", caller: $x) { entries } }""",
    "as the institution of findings": """query Q($x: String) { auditFindings(since: "2026-11-19T00:00:00+08:00",
        until: "2026-11-20T00:00:00+08:00", institution: $x) { entries } }""",
    "as the client of entries": "query Q($x: String) { auditEntries(filter: {caller: $x}) { nextBefore } }",
    "as the id of a case": "query Q($x: ID!) { auditCase(id: $x) { case { id } } }",
    "as the person of cases": "query Q($x: String) { auditCases(operator: $x) { id } }",
    "as the place after emergencies": "query Q($x: ID) { emergencies(after: $x) { nextAfter } }",
}


async def log_of(world: World) -> str:
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch("SELECT body FROM log_entry ORDER BY idx")
    return "\n".join(bytes(row[0]).decode() for row in rows)


@pytest.mark.parametrize("place", MISTYPED)
def test_a_number_of_a_person_in_the_wrong_place_is_not_kept_in_the_log(
    database_url: str, tmp_path: Path, place: str
) -> None:
    async def scene(world: World) -> None:
        token = await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="专员甲")
        answer = await world.ask(token, MISTYPED[place], {"x": facts.PERSON_ID})
        assert json.loads(answer["extensions"]["receipt"]["entry"])["kind"] == "AUDIT_READ"
        assert facts.PERSON_ID not in await log_of(world)

    run(database_url, tmp_path, scene)


async def said(world: World, token: str, query: str) -> Any:
    answer = await world.ask(token, query)
    assert "errors" not in answer, answer
    return json.loads(answer["extensions"]["receipt"]["entry"])["detail"].get("reads")


def test_the_reading_of_unclosed_uses_says_what_was_looked_for(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="专员甲")
        query = (
            f'{{ unclosedUses(institution: "{facts.BANK_HKB}", overdue: true, first: 7) {{ nextAfter }} }}'
        )
        assert await said(world, token, query) == [
            {"query": "unclosedUses", "institution": facts.BANK_HKB, "overdue": True, "first": 7}
        ]
        bank = await world.token("bank-hkb", "LOAN_APPLICATION", ())
        assert await said(world, bank, "{ unclosedUses { nextAfter } }") == [
            {"query": "unclosedUses", "first": 50}
        ]

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("number", [facts.PERSON_ID, "案" + facts.PERSON_ID.translate(WIDE)])
def test_a_hold_is_not_placed_under_a_number_of_a_person(
    database_url: str, tmp_path: Path, number: str
) -> None:
    async def scene(world: World) -> None:
        unit = await world.token("dept-amr", "DATA_SUPPLY", (), operator="经办甲")
        async with world.hub.database.connection() as connection:
            record = await connection.fetchval(
                "SELECT record_id FROM record WHERE dataset = 'government.tax_payment' LIMIT 1"
            )
        hold = {
            "subject": COMPANY, "dataset": "government.tax_payment", "record": "rec_" + record.hex(),
            "kind": "LITIGATION", "reference": number,
        }  # fmt: skip
        place = "mutation H($i: HoldInput!) { holdRecord(input: $i) { id } }"
        answer = await world.ask(unit, place, {"i": hold})
        assert answer["data"] is None
        assert number not in json.dumps(answer["errors"], ensure_ascii=False)
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM record_hold") == 0
        answer = await world.ask(unit, place, {"i": {**hold, "reference": "（2026）演1号"}})
        assert answer["data"]["holdRecord"]["id"].startswith("h_")

    run(database_url, tmp_path, scene)


def test_an_operation_named_by_a_number_of_a_person_stands_in_the_log_without_a_name(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        own = await world.token("subject-org", "SELF_QUERY")
        for name, told in (("Mine", "Mine"), (f"A{facts.PERSON_ID}", "")):
            answer = await world.ask(own, f"query {name} {{ accessLedger(first: 1) {{ nextBefore }} }}")
            assert json.loads(answer["extensions"]["receipt"]["entry"])["operation"] == told
        assert facts.PERSON_ID not in await log_of(world)

    run(database_url, tmp_path, scene)
