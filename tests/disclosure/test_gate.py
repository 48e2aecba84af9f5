"""What leaves the gate is recorded first, and what is masked, withheld or sealed leaves nowhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, REGISTRATION, World, run

from hub.catalog.types import FieldType, SubjectKind
from hub.demo import story_facts as facts
from hub.model.outcome import Outcome

from .documents import write
from .gate_world import Bench, hidden_fields, load, story

NAME = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
SEALED = (
    "query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { name idNumber phone } "
    "financial { loans { nodes { contractNo accountNo lender } } } } }"
)


async def bodies(world: World) -> list[dict[str, Any]]:
    """All entries of the log, in order."""
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch("SELECT body FROM log_entry ORDER BY idx")
    return [json.loads(bytes(row["body"])) for row in rows]


def _canaries(world: World, record: Any, hidden: dict[str, set[str]]) -> set[str]:
    """Texts of a record that no answer may hold."""
    dataset = world.hub.rules.catalog.datasets[record.dataset]
    table = world.hub.rules.table(frozenset({"bank"}), "LOAN_APPLICATION", record.kind)
    found = set()
    for item in dataset.fields:
        value = record.values.get(item.name)
        below_clear = item.name in hidden.get(dataset.id, ()) or table[item.id].outcome < Outcome.CLEAR
        if below_clear and item.type is FieldType.TEXT and isinstance(value, str) and len(value) > 6:
            found.add(value)
    return found


def test_no_masked_or_withheld_text_of_a_company_appears_in_any_answer_or_entry(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        records = [r for r in story() if r.identifier == COMPANY]
        await load(world, records)
        hidden = hidden_fields(world, "bank", "LOAN_APPLICATION", SubjectKind.ORG)
        canaries = set().union(*(_canaries(world, r, hidden) for r in records))
        clear = {
            str(r.values.get(f.name))
            for r in records
            for f in world.hub.rules.catalog.datasets[r.dataset].fields
            if world.hub.rules.table(frozenset({"bank"}), "LOAN_APPLICATION", SubjectKind.ORG)[f.id].outcome
            is Outcome.CLEAR
        }
        canaries = {c for c in canaries if not any(c in shown for shown in clear)}
        assert len(canaries) > 10
        bench = Bench(world)
        texts = []
        for seed in range(40):
            if seed % 6 == 0:
                token = await world.bank_token()
            document = write(bench.core, 9_000 + seed, COMPANY)
            texts.append((await world.send(token, document.text, document.variables)).text)
        texts.append((await world.send(await world.bank_token(), SEALED, {"u": COMPANY})).text)
        texts.append(json.dumps(await bodies(world), ensure_ascii=False))
        for canary in canaries:
            assert not any(canary in text for text in texts), canary
        assert any(facts.COMPANY_NAME in text for text in texts)

    run(database_url, tmp_path, scene)


def test_sealed_values_never_reach_the_log_even_when_shown_in_clear(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY", reference="贷2026-118", operator="张三")
        response = await world.send(token, SEALED, {"u": COMPANY})
        assert REGISTRATION["legalRepresentativeName"] in response.text
        async with world.hub.database.connection() as connection:
            raw = b"".join(bytes(r["body"]) for r in await connection.fetch("SELECT body FROM log_entry"))
        for value in (
            facts.PERSON_ID,
            facts.PERSON_PHONE,
            facts.PERSON_NAME,
            facts.COMPANY_NAME,
            COMPANY,
            "张三",
        ):
            if value != COMPANY:  # the client's institution is the company itself
                assert value.encode() not in raw

    run(database_url, tmp_path, scene)


def test_each_operation_leaves_one_entry_that_is_there_before_the_answer(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        bare = await world.token("bank-hkb", "LOAN_APPLICATION")
        cases = {
            "disclosed": (token, NAME, {"u": COMPANY}, "DISCLOSED"),
            "refused": (bare, NAME, {"u": COMPANY}, "REFUSED"),
            "not parsed": (token, "{", {}, "INVALID"),
            "unknown field": (token, "{ nothing }", {}, "INVALID"),
            "wrong variable": (token, NAME, {"u": "91"}, "INVALID"),
            "over a limit": (token, "{ " + "__typename " * 900 + "}", {}, "INVALID"),
            "registers": (token, "{ datasets { id } }", {}, "DONE"),
            "typename": (token, "{ __typename }", {}, "DONE"),
            "a refused register": (token, "{ consents { id } }", {}, "REFUSED"),
        }
        for name, (who, query, variables, outcome) in cases.items():
            size = len(await bodies(world))
            response = await world.send(who, query, variables)
            entries = await bodies(world)
            assert len(entries) == size + 1, name
            assert entries[-1]["outcome"] == outcome, (name, entries[-1])
            receipt = response.json().get("extensions", {}).get("receipt")
            if receipt:
                assert receipt["index"] == size, name
                assert json.loads(receipt["entry"]) == entries[-1], name
            else:
                assert outcome == "INVALID", name

    run(database_url, tmp_path, scene)


def test_without_the_log_nothing_is_disclosed(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent()
        token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent)
        await world.hub.log.close()
        for query, variables in ((NAME, {"u": COMPANY}), ("{", {}), ("{ datasets { id } }", {})):
            response = await world.send(token, query, variables)
            assert response.status_code == 503, query
            assert list(response.json()) == ["errors"]
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert facts.COMPANY_NAME not in response.text
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT used_count FROM consent") == 0

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("column", ["sealed", "version"])
def test_a_sealed_cell_that_was_tampered_with_discloses_nothing_and_is_recorded(
    column: str, database_url: str, tmp_path: Path
) -> None:
    change = {
        "sealed": "sealed = jsonb_set(sealed::jsonb, '{legalRepresentativeIdNumber}', "
        "sealed::jsonb->'legalRepresentativePhone')::json",
        "version": "version = version + 1",
    }[column]

    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        async with world.hub.database.connection() as connection:
            await connection.execute(f"UPDATE record SET {change} WHERE dataset = 'government.registration'")
        size = len(await bodies(world))
        response = await world.send(token, SEALED, {"u": COMPANY})
        assert facts.COMPANY_NAME not in response.text
        assert facts.PERSON_PHONE[:3] + "****" not in response.text
        assert response.json()["errors"][0]["extensions"]["code"] in {"SEAL", "INTEGRITY"}
        entries = await bodies(world)
        assert len(entries) == size + 1
        assert entries[-1]["outcome"] == "REFUSED"

    run(database_url, tmp_path, scene)


def test_pages_follow_one_another_without_gap_or_overlap(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await load(world, [r for r in story() if r.identifier == COMPANY])
        token = await world.token("subject-org", "SELF_QUERY")
        names = [
            d.field_name for d in world.hub.rules.catalog if d.id.startswith("government.") and not d.profile
        ]
        query = (
            "query Q($u: USCC!, $a: String) {{ organization(uscc: $u) {{ government {{ {0}(first: {1}, after: $a) "
            "{{ nodes {{ id }} edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage startCursor endCursor }} }} }} }} }}"
        )
        paged = 0
        for name in names:
            whole = await world.ask(token, query.format(name, 100), {"u": COMPANY})
            expected = [n["id"] for n in whole["data"]["organization"]["government"][name]["nodes"]]
            got: list[str] = []
            after = None
            while True:
                page = await world.ask(token, query.format(name, 2), {"u": COMPANY, "a": after})
                found = page["data"]["organization"]["government"][name]
                got += [n["id"] for n in found["nodes"]]
                assert [e["node"]["id"] for e in found["edges"]] == [n["id"] for n in found["nodes"]]
                assert found["pageInfo"]["endCursor"] == (
                    found["edges"][-1]["cursor"] if found["edges"] else None
                )
                if not found["pageInfo"]["hasNextPage"] or len(got) > 20:
                    break
                after = found["pageInfo"]["endCursor"]
                paged += 1
            assert got == expected[: len(got)], name
            assert len(set(got)) == len(got)
        assert paged > 3

    run(database_url, tmp_path, scene)


_PAGES = ("first: 101", "first: -1", 'after: ""', 'after: "AAAA"', 'after: "漢"', f'after: "{"A" * 27}"')


def test_a_page_that_cannot_be_is_refused_with_a_hint(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        for page in _PAGES:
            lists = f"government {{ taxPayments({page}) {{ nodes {{ id }} }} }}"
            query = f"query Q($u: USCC!) {{ organization(uscc: $u) {{ name {lists} }} }}"
            answer = await world.ask(token, query, {"u": COMPANY})
            assert answer["data"] == {"organization": None}, page
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", page
            assert answer["errors"][0]["extensions"]["hint"], page

    run(database_url, tmp_path, scene)


def test_a_failed_register_takes_the_whole_answer_back_and_spends_no_consent(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        query = "query Q($u: USCC!) { organization(uscc: $u) { name } consents { id } }"
        response = await world.send(token, query, {"u": COMPANY})
        assert response.json()["data"] is None
        assert facts.COMPANY_NAME not in response.text
        assert (await bodies(world))[-1]["outcome"] == "REFUSED"
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT used_count FROM consent") == 0

    run(database_url, tmp_path, scene)


def test_an_operation_that_takes_too_long_is_given_up_and_recorded(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        async with world.hub.database.connection() as connection, connection.transaction():
            await connection.execute("LOCK TABLE subject IN ACCESS EXCLUSIVE MODE")
            response = await asyncio.wait_for(world.send(token, NAME, {"u": COMPANY}), 8)
        assert response.status_code == 503
        assert facts.COMPANY_NAME not in response.text
        assert (await bodies(world))[-1]["outcome"] == "REFUSED"
        assert (await world.ask(token, NAME, {"u": COMPANY}))["data"]["organization"]["name"]

    run(database_url, tmp_path, scene, request_timeout=0.5)
