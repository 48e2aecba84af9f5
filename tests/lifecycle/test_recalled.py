"""Acts that end a record's publication recall it from exactly those who got it, in the act's own transaction."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from world import COMPANY, World, run

from hub.audit.entry import read_body
from hub.demo import story_facts as facts
from hub.disclosure.marks import MarkKind
from hub.lifecycle.case import ObjectionGround
from hub.lifecycle.objection import Settlement
from hub.recall.sweep import RecallSweep

from .case_world import FIRST_DAY, PENALTY, Scene

_READ = "query Q($u: USCC!, $n: Int) { organization(uscc: $u) { government { penalties(first: $n) { nodes { id marks { kind statement } } } } } }"
_RECALLS = """SELECT r.record_id, r.cause, array_agg(n.institution ORDER BY n.institution) AS told
    FROM recall r JOIN recall_notice n USING (subject_id, recall_id) GROUP BY r.recall_id, r.record_id, r.cause"""


async def told(world: World) -> dict[tuple[str, str], Counter[str]]:
    """Who was told of each record for each cause."""
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch(_RECALLS)
    found: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        found.setdefault((row["record_id"].hex(), row["cause"]), Counter()).update(row["told"])
    return found


async def read(world: World, token: str, first: int = 20) -> list[str]:
    """Ids of the penalties that an answer showed."""
    answer = await world.ask(token, _READ, {"u": COMPANY, "n": first})
    assert answer["data"]["organization"], answer
    nodes: list[dict[str, Any]] = answer["data"]["organization"]["government"]["penalties"]["nodes"]
    return [node["id"].removeprefix("rec_") for node in nodes]


@pytest.mark.parametrize("seed", range(3))
def test_repairs_and_withdrawals_recall_a_record_from_its_recipients_none_more_none_fewer(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    async def scene(world: World) -> None:
        stage, draw = Scene(world), Random(seed)
        stage.turn_to(FIRST_DAY)
        lifecycle = world.hub.lifecycle
        readers = {
            facts.BANK_HKB: await world.token("bank-hkb", "LOAN_APPLICATION", consent=await world.consent()),
            facts.DEPT_AMR: await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED"),
        }
        own = await world.token("subject-org", "SELF_QUERY")
        for number in range(1, 5):
            await stage.put(number)
        got: dict[str, set[str]] = {}
        expected: dict[tuple[str, str], set[str]] = {}
        there = set(range(1, 5))
        for _ in range(24):
            world.clock.advance(timedelta(seconds=draw.randrange(3)))
            act = draw.choice(["read", "read", "read", "own", "say", "mark", "repair", "withdraw"])
            number = draw.randint(1, 4)
            record = stage.name(number).record_id.hex()
            if act == "read":
                who = draw.choice(list(readers))
                for shown in await read(world, readers[who], draw.randint(1, 4)):
                    got.setdefault(shown, set()).add(who)
            elif act == "own":
                await read(world, own)
            elif number not in there:
                continue
            elif act == "say":
                await lifecycle.marks.state(stage.name(number), "另有说明", stage.subject, stage.moment)
            elif act == "mark":
                name = stage.name(number)
                await lifecycle.marks.proceed(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment)
                await lifecycle.marks.clear(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment)
            elif act == "repair":
                await stage.repaired(number)
                there.discard(number)
                expected[record, "REPAIRED"] = set(got.get(record, ()))
            else:
                case = await lifecycle.objections.open(
                    stage.name(number), ObjectionGround.OTHER, "不实", stage.subject, stage.moment
                )
                await lifecycle.objections.settle(
                    case.case_id, Settlement.WITHDRAWN, "属实", stage.unit, stage.moment
                )
                there.discard(number)
                expected[record, "WITHDRAWN"] = set(got.get(record, ()))
        want = {key: Counter(who) for key, who in expected.items() if who}
        assert await told(world) == want
        swept = await RecallSweep(world.hub.database, world.hub.recalls).run(world.clock.now(), "test")
        assert swept.issued == 0  # the acts have done it
        assert await told(world) == want

    run(database_url, tmp_path, scene)


def test_the_act_and_its_recall_are_one_transaction(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        bank = await world.bank_token()
        await read(world, bank)
        case = await stage.apply()
        await world.hub.lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment)
        before = await stage.everything()
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''struck''; END';"
                "CREATE TRIGGER strike BEFORE INSERT ON recall_notice EXECUTE FUNCTION strike()"
            )
        with pytest.raises(asyncpg.RaiseError):
            await world.hub.lifecycle.repairs.approve(case.case_id, "", stage.operator, stage.moment)
        assert await stage.everything() == before
        assert await told(world) == {}
        async with world.hub.database.connection() as connection:
            await connection.execute("DROP TRIGGER strike ON recall_notice")
        await world.hub.lifecycle.repairs.approve(case.case_id, "", stage.operator, stage.moment)
        assert await told(world) == {(stage.name().record_id.hex(), "REPAIRED"): Counter([facts.BANK_HKB])}
        async with world.hub.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT body FROM log_entry WHERE kind = 'ADMIN' ORDER BY idx DESC LIMIT 2"
            )
        assert {read_body(row[0])["operation"] for row in rows} == {
            "lifecycle.repair.approve",
            "recall.issue",
        }

    run(database_url, tmp_path, scene)


def test_a_correction_that_settles_an_objection_is_told_to_those_who_saw_what_it_changed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        token = await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED")
        text = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { id fineAmount { amount } } } } } }"
        await world.ask(token, text, {"u": COMPANY})
        await read(world, await world.bank_token())
        objections = world.hub.lifecycle.objections
        case = await objections.open(
            stage.name(), ObjectionGround.OTHER, "金额不符", stage.subject, stage.moment
        )
        await stage.put(1, fineAmount=5)
        await objections.settle(case.case_id, Settlement.CORRECTED, "已更正", stage.unit, stage.moment)
        assert await told(world) == {(stage.name().record_id.hex(), "CORRECTED"): Counter([facts.DEPT_AMR])}

    run(database_url, tmp_path, scene)


def test_a_repair_of_a_record_that_nobody_got_recalls_nothing_and_leaves_no_entry_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        await stage.repaired()
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM recall") == 0
            bodies = [json.loads(row[0]) for row in await connection.fetch("SELECT body FROM log_entry")]
        assert not any(body["operation"] == "recall.issue" for body in bodies)
        assert (await stage.record())["dataset"] == PENALTY

    run(database_url, tmp_path, scene)
