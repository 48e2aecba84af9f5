"""Openings stated by entries against those that their disclosures needed, on a real hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from world import COMPANY, World, run

from hub.audit.review_equation import Misfit, check_equation

PLAIN = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
SEALED = """query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { idNumber phone }
    government { taxPayments { nodes { period amount { amount } } } } } }"""
PAGED = """query Q($u: USCC!) { organization(uscc: $u) { government {
    taxPayments(first: 1) { nodes { amount { amount } } pageInfo { hasNextPage } } } } }"""
TWICE = """query Q($u: USCC!) { organization(uscc: $u) { government {
    a: taxPayments { nodes { amount { amount } } } b: taxPayments { nodes { period } } } } }"""


async def entry_of(world: World, token: str, query: str) -> dict[str, Any]:
    """The entry of an answer."""
    answer = await world.ask(token, query, {"u": COMPANY})
    entry: dict[str, Any] = json.loads(answer["extensions"]["receipt"]["entry"])
    assert entry["outcome"] == "DISCLOSED"
    return entry | {"index": answer["extensions"]["receipt"]["index"]}


async def restate(world: World, entry: dict[str, Any], unsealed: int) -> None:
    """Have an entry state another number, as a process that lies would have written it."""
    body = {name: value for name, value in entry.items() if name != "index"} | {"unsealed": unsealed}
    async with world.hub.database.connection() as connection:
        await connection.execute(
            "UPDATE log_entry SET body = $2 WHERE idx = $1",
            entry["index"], orjson.dumps(body, option=orjson.OPT_SORT_KEYS),
        )  # fmt: skip


def test_what_the_hub_states_is_what_its_disclosures_needed(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        stated = [(await entry_of(world, token, query))["unsealed"] for query in (PLAIN, SEALED, PAGED)]
        assert stated[0] == 0
        assert min(stated[1:]) > 0
        found = await check_equation(world.hub.database)
        assert found.findings == []
        assert (found.entries, found.stated, found.needed) == (3, sum(stated), sum(stated))

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize(("change", "misfit"), [(1, Misfit.MORE), (-1, Misfit.FEWER)])
def test_an_entry_that_states_one_more_or_one_fewer_is_named(
    database_url: str, tmp_path: Path, change: int, misfit: Misfit
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        await entry_of(world, token, SEALED)
        entry = await entry_of(world, token, SEALED)
        await restate(world, entry, entry["unsealed"] + change)
        (finding,) = (await check_equation(world.hub.database)).findings
        assert (finding.index, finding.misfit) == (entry["index"], misfit)
        assert finding.stated == finding.needed + change
        assert not (await check_equation(world.hub.database)).holds

    run(database_url, tmp_path, scene)


def test_a_field_that_the_entry_does_not_name_explains_no_opening(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        entry = await entry_of(world, await world.bank_token(), SEALED)
        for group in entry["subjects"][0]["fields"].values():
            group.pop("government.tax_payment", None)
        await restate(world, entry, entry["unsealed"])
        (finding,) = (await check_equation(world.hub.database)).findings
        assert finding.misfit is Misfit.MORE

    run(database_url, tmp_path, scene)


def test_a_dataset_read_by_two_lists_needs_fewer_and_is_named_as_that(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await entry_of(world, await world.bank_token(), TWICE)
        found = await check_equation(world.hub.database)
        (finding,) = found.findings
        assert (finding.misfit, finding.needed) == (Misfit.SEVERAL_LISTS, 2 * finding.stated)
        assert found.holds

    run(database_url, tmp_path, scene)


def test_the_version_of_the_time_counts_and_a_record_that_is_gone_is_not_compared(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        entry = await entry_of(world, await world.bank_token(), SEALED)
        async with world.hub.database.connection() as connection:
            await connection.execute(
                """INSERT INTO record_history SELECT subject_id, dataset, record_id, version, edition, event_date, severity,
                severity_source, state, visible_from, visible_until, source_unit, batch_id, batch_row, received_at,
                received_at + interval '1 hour', content_hash, clear, sealed FROM record"""
            )
            await connection.execute(
                "UPDATE record SET version = 2, sealed = '{}', received_at = received_at + interval '1 hour'"
            )
        found = await check_equation(world.hub.database)
        assert (found.findings, found.needed) == ([], entry["unsealed"])
        async with world.hub.database.connection() as connection:
            await connection.execute("DELETE FROM record_history WHERE dataset = 'government.tax_payment'")
        found = await check_equation(world.hub.database)
        assert (found.findings, found.unknown, found.entries) == ([], 1, 0)

    run(database_url, tmp_path, scene)


def test_what_was_opened_and_taken_back_is_listed_with_its_reason(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        entry = await entry_of(world, await world.bank_token(), SEALED)
        part = {"outcome": "REFUSED", "reason": "CONSENT_EXHAUSTED", "fields": None, "records": {}}
        gone = {
            "outcome": "REFUSED",
            "reason": "CONSENT_EXHAUSTED",
            "subjects": [entry["subjects"][0] | part],
        }
        await restate(world, entry | gone, entry["unsealed"])
        (finding,) = (await check_equation(world.hub.database)).findings
        assert (finding.misfit, finding.reason, finding.needed) == (Misfit.NOT_SHOWN, "CONSENT_EXHAUSTED", 0)

    run(database_url, tmp_path, scene)


def test_acts_outside_the_gate_state_what_they_opened_and_the_process_counts_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        await entry_of(world, token, SEALED)
        own = await world.token("subject-org", "SELF_QUERY")
        query = (
            "query Q($u: USCC!) { organization(uscc: $u) { government { taxPayments { nodes { id } } } } }"
        )
        listed = await world.ask(own, query, {"u": COMPANY})
        record = listed["data"]["organization"]["government"]["taxPayments"]["nodes"][0]["id"]
        say = "mutation S($i: StatementInput!) { stateOnRecord(input: $i) { marks } }"
        said = await world.ask(
            own,
            say,
            {"i": {"dataset": "government.tax_payment", "record": record, "statement": "已申请更正"}},
        )
        assert said["data"]["stateOnRecord"]["marks"] == ["STATEMENT"]
        found = await check_equation(world.hub.database)
        assert found.findings == []
        assert found.jobs == {"lifecycle.mark.state": 1}
        counted = world.hub.metrics.text().decode()
        assert 'hub_unsealed_outside_total{act="lifecycle.mark.state"} 1.0' in counted

    run(database_url, tmp_path, scene)


def test_openings_behind_questions_are_in_no_entry_and_are_counted(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        question = 'query Q($u: USCC!) { organization(uscc: $u) { predicates(ask: [{code: TAX_PAYMENT_RECORDED_12M}, {code: TAX_PAID_12M_AT_LEAST, threshold: "100K"}]) { answer } } }'
        entry = await entry_of(world, await world.bank_token(), question)
        assert entry["unsealed"] == 0
        found = await check_equation(world.hub.database)
        assert (found.findings, found.jobs) == ([], {})
        assert 'hub_unsealed_outside_total{act="question"}' in world.hub.metrics.text().decode()

    run(database_url, tmp_path, scene)
