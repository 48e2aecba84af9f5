"""Notices: who is told what, in the act's own transaction; texts are templates, and sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest
from world import World, run

from hub.demo import story_facts as facts
from hub.lifecycle.case import CaseReason, ExtensionReason, LiftReason, ObjectionGround, WithdrawalGround
from hub.lifecycle.notice_sweep import NoticeSweep
from hub.lifecycle.notices import START

from .case_world import FIRST_DAY, Scene

_FEED = "query N($s: String, $f: Int) { notices(since: $s, first: $f) { more nextSince nodes { id code title { zh en } text { zh en } subject dataset record case at readAt } } }"
_READ = "mutation R($id: ID!) { acknowledgeNotice(id: $id) { readAt } }"


async def _page(world: World, token: str, **variables: Any) -> dict[str, Any]:
    answer = await world.ask(token, _FEED, variables)
    assert answer["data"], answer
    return dict(answer["data"]["notices"])


def test_every_code_of_a_reason_is_put_into_words_in_both_languages(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        words = world.hub.rules.policy.notices.reasons
        for codes in (CaseReason, ExtensionReason, LiftReason, ObjectionGround, WithdrawalGround):
            assert not {code.value for code in codes} - set(words), codes

    run(database_url, tmp_path, scene)


def test_subject_and_unit_are_told_of_each_act_and_page_by_place_and_nobody_else_is(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage, lifecycle = Scene(world), world.hub.lifecycle
        stage.turn_to(FIRST_DAY)
        await stage.put()
        case = await stage.apply()
        await lifecycle.repairs.accept(case.case_id, stage.unit, stage.moment)
        await lifecycle.repairs.reject(
            case.case_id, CaseReason.DUTY_NOT_FULFILLED, "罚款未缴清", stage.operator, stage.moment
        )
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        first = await _page(world, own, f=1)
        assert (first["more"], [n["code"] for n in first["nodes"]]) == (True, ["repair.accept"])
        assert "2026-06-06" in first["nodes"][0]["text"]["zh"]
        rest = await _page(world, own, s=first["nextSince"])
        assert [n["code"] for n in rest["nodes"]] == ["repair.reject"]
        assert "义务未履行完毕" in rest["nodes"][0]["text"]["zh"]
        assert "the duty is not done" in rest["nodes"][0]["text"]["en"]
        assert (await _page(world, own, s=rest["nextSince"]))["nodes"] == []
        assert [n["code"] for n in (await _page(world, unit))["nodes"]] == ["repair.apply"]
        for client, purpose, subjects in (
            ("dept-tax", "DATA_SUPPLY", ()),
            ("subject-person", "SELF_QUERY", (facts.PERSON_ID,)),
        ):
            token = await world.token(client, purpose, subjects)
            assert (await _page(world, token))["nodes"] == []
            stolen = await world.ask(token, _READ, {"id": first["nodes"][0]["id"]})
            unknown = await world.ask(token, _READ, {"id": "n_none"})
            assert stolen["errors"][0]["message"] == unknown["errors"][0]["message"]
        for client, purpose in (("operator-main", "OPERATION"), ("officer-privacy", "AUDIT_REVIEW")):
            answer = await world.ask(await world.token(client, purpose, ()), _FEED)
            assert answer["data"] is None
        read = await world.ask(own, _READ, {"id": first["nodes"][0]["id"]})
        again = await world.ask(own, _READ, {"id": first["nodes"][0]["id"]})
        assert read["data"]["acknowledgeNotice"] == again["data"]["acknowledgeNotice"]
        async with world.hub.database.connection() as connection:
            sealed = await connection.fetchval("SELECT json_agg(n)::text FROM notice n")
            marks = await connection.fetchval(
                "SELECT count(*) FROM log_entry WHERE convert_from(body, 'UTF8') LIKE '%lifecycle.notice.read%'"
            )
        assert "义务" not in sealed
        assert marks == 1

    run(database_url, tmp_path, scene)


def test_an_act_that_does_not_commit_tells_nobody(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "ALTER TABLE log_entry ADD CONSTRAINT none CHECK (kind <> 'ADMIN') NOT VALID"
            )
        with pytest.raises(asyncpg.PostgresError):
            await stage.apply()
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM notice") == 0
            assert await connection.fetchval("SELECT count(*) FROM lifecycle_case") == 0

    run(database_url, tmp_path, scene)  # fmt: skip


def test_three_notices_arrive_together_and_one_more_when_repair_may_be_applied_for_each_once(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY.replace(day=5))
        await stage.put()
        sweep = NoticeSweep(world.hub.lifecycle.notices, world.hub.log)

        async def swept() -> int:
            told = await sweep.run(world.hub.rules.policy, world.clock.now(), "test", page=1)
            return told.notices

        assert (await swept(), await swept()) == (3, 0)
        stage.turn_to(FIRST_DAY)
        assert (await swept(), await swept()) == (1, 0)
        feed = await world.hub.lifecycle.notices.feed(stage.subject, START, 10)
        assert {n.code for n in feed[:3]} == {"record.decision", "record.repair", "record.commitment"}
        assert len({n.position for n in feed[:3]}) == 1
        assert feed[3].code == "record.may_apply"
        assert "2027-03-06" in next(n for n in feed if n.code == "record.decision").text.en
        case = await stage.repaired()
        assert await swept() == 0
        await world.hub.lifecycle.repairs.revoke(
            case.case_id, CaseReason.FALSE_PROOF, "", stage.unit, stage.moment
        )
        assert await swept() == 3

    run(database_url, tmp_path, scene)
