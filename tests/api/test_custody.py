"""Withdrawal, shield, hold and extension over GraphQL: who may, what is said to whom may not, and what remains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from world import COMPANY, World, run

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts

from .test_lifecycle import _PENALTY, _READ, _counts

_WITHDRAW = "mutation W($i: WithdrawalInput!) { withdrawRecord(input: $i) { id kind state late dueOn } }"
_REPORT = "mutation R($i: FallenDecisionInput!) { reportFallenDecision(input: $i) { id state dueOn late } }"
_REGISTER = "mutation S($i: ShieldInput!) { registerShield(input: $i) { id state dueOn } }"
_CONFIRM = 'mutation C($id: ID!) { confirmShield(id: $id, reviewOn: "2027-06-01") { state dueOn } }'
_LIFT = "mutation L($id: ID!) { liftShield(id: $id, reason: PLAN_FAILED) { state } }"
_HOLD = "mutation H($i: HoldInput!) { holdRecord(input: $i) { id kind releasedAt } }"
_RELEASE = "mutation F($id: ID!) { releaseHold(id: $id) { releasedAt } }"
_EXTEND = "mutation E($id: ID!) { extendCase(id: $id, reason: COMPLEX) { dueOn decideBy } }"


async def _ids(world: World) -> list[str]:
    own = await world.token("subject-org", "SELF_QUERY")
    answer = await world.ask(own, _READ, {"u": COMPANY})
    return [node["id"] for node in answer["data"]["organization"]["government"]["penalties"]["nodes"]]


async def _put(world: World) -> dict[str, Any]:
    await world.put("government.penalty", _PENALTY, kind=SubjectKind.ORG)
    (record,) = await _ids(world)
    return {"subject": COMPANY, "dataset": "government.penalty", "record": record}


def test_the_unit_withdraws_a_record_over_the_api_and_nobody_else_learns_or_changes_anything(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        named = await _put(world)
        asked = {
            **named,
            "ground": "REVOKED",
            "document": "琼行终〔2026〕演001号",
            "documentDate": "2026-11-10",
        }
        before = await _counts(world)
        said = set()
        for client, purpose, subjects in (
            ("dept-tax", "DATA_SUPPLY", ()),
            ("operator-main", "OPERATION", ()),
            ("officer-privacy", "AUDIT_REVIEW", ()),
            ("subject-org", "SELF_QUERY", (COMPANY,)),
        ):
            token = await world.token(client, purpose, subjects)
            for text in (_WITHDRAW,):
                answer = await world.ask(token, text, {"i": asked})
                assert answer["data"] is None, client
            if purpose == "DATA_SUPPLY":
                for other in (
                    asked,
                    {**asked, "record": "rec_" + "0" * 32},
                    {**asked, "subject": facts.BANK_QZB},
                ):
                    said.add((await world.ask(token, _WITHDRAW, {"i": other}))["errors"][0]["message"])
        assert len(said) == 1  # another unit's record, none at all, and another subject's look the same
        assert await _counts(world) == before
        unit = await world.token("dept-amr", "DATA_SUPPLY", (), operator="王一")
        done = await world.ask(unit, _WITHDRAW, {"i": asked})
        withdrawn = done["data"]["withdrawRecord"]
        assert (withdrawn["kind"], withdrawn["state"], withdrawn["late"]) == ("WITHDRAWAL", "WITHDRAWN", True)
        assert await _ids(world) == []

    run(database_url, tmp_path, scene)  # fmt: skip


def test_a_shield_goes_from_one_person_to_another_and_back(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        named = await _put(world)
        one = await world.token("dept-amr", "DATA_SUPPLY", (), operator="王一")
        two = await world.token("dept-amr", "DATA_SUPPLY", (), operator="李二")
        asked = {**named, "ruling": "（2026）琼01破演1号", "reviewOn": "2027-06-01"}
        case = (await world.ask(one, _REGISTER, {"i": asked}))["data"]["registerShield"]
        assert (await world.ask(one, _CONFIRM, {"id": case["id"]}))["data"] is None
        confirmed = (await world.ask(two, _CONFIRM, {"id": case["id"]}))["data"]["confirmShield"]
        assert confirmed == {"state": "SHIELDED", "dueOn": "2027-06-01"}
        assert await _ids(world) == []
        assert (await world.ask(one, _LIFT, {"id": case["id"]}))["data"]["liftShield"]["state"] == "LIFTED"
        assert await _ids(world) == [named["record"]]

    run(database_url, tmp_path, scene)


def test_a_report_a_hold_and_an_extension_over_the_api(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        named = await _put(world)
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        fallen = {
            "dataset": named["dataset"], "record": named["record"], "ground": "CHANGED",
            "document": "琼行复〔2026〕演001号", "documentDate": "2026-11-19",
        }  # fmt: skip
        reported = (await world.ask(own, _REPORT, {"i": fallen}))["data"]["reportFallenDecision"]
        assert (reported["state"], reported["dueOn"]) == ("REPORTED", "2026-11-24")
        assert (await world.ask(unit, _EXTEND, {"id": reported["id"]}))["data"] is None
        hold = await world.ask(
            unit, _HOLD, {"i": {**named, "kind": "LITIGATION", "reference": "（2026）演1号"}}
        )
        held = hold["data"]["holdRecord"]
        other = await world.token("dept-tax", "DATA_SUPPLY", ())
        assert (await world.ask(other, _RELEASE, {"id": held["id"]}))["data"] is None
        assert (await world.ask(unit, _RELEASE, {"id": held["id"]}))["data"]["releaseHold"]["releasedAt"]

    run(database_url, tmp_path, scene)  # fmt: skip


def test_holds_in_force_are_listed_page_by_page_for_unit_and_operator_and_for_nobody_else(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        named = await _put(world)
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        for number, review in ((1, None), (2, "2027-01-04")):
            held = {**named, "kind": "LITIGATION", "reference": f"（2026）演{number}号", "reviewOn": review}
            assert (await world.ask(unit, _HOLD, {"i": held}))["data"]
        listed = "query L($a: String) { recordHolds(first: 1, after: $a) { nodes { reference reviewOn overdue subject record } nextAfter } }"
        for client, purpose, expected in (
            ("dept-amr", "DATA_SUPPLY", ["（2026）演2号", "（2026）演1号"]),
            ("operator-main", "OPERATION", ["（2026）演2号", "（2026）演1号"]),
            ("dept-tax", "DATA_SUPPLY", []),
        ):
            token = await world.token(client, purpose, ())
            seen, after = [], None
            while True:
                page = (await world.ask(token, listed, {"a": after}))["data"]["recordHolds"]
                seen += [node["reference"] for node in page["nodes"]]
                after = page["nextAfter"]
                if after is None:
                    break
            assert seen == expected, client
        for client, purpose, subjects in (
            ("subject-org", "SELF_QUERY", (COMPANY,)),
            ("officer-privacy", "AUDIT_REVIEW", ()),
        ):
            token = await world.token(client, purpose, subjects)
            assert (await world.ask(token, listed))["data"] is None, client
        for cursor in ("x", "AAAA", "MjAyNy0wMS0wNA", "9" * 5000):
            answer = await world.ask(unit, listed, {"a": cursor})
            assert answer["data"] is None, cursor

    run(database_url, tmp_path, scene)


def test_a_unit_neither_marks_nor_clears_proceedings_of_its_own_institution(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        about = {**_PENALTY, "uscc": facts.DEPT_AMR}
        await world.put("government.penalty", about, identifier=facts.DEPT_AMR, kind=SubjectKind.ORG)
        async with world.hub.database.connection() as connection:
            record = await connection.fetchval(
                "SELECT record_id FROM record WHERE dataset = 'government.penalty' AND subject_id = $1",
                world.hub.indexer.subject_id("ORG", facts.DEPT_AMR),
            )
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        asked = {
            "subject": facts.DEPT_AMR, "dataset": "government.penalty", "record": "rec_" + record.hex(), "kind": "IN_LITIGATION",
        }  # fmt: skip
        for act in ("markLitigation", "clearLitigation"):
            answer = await world.ask(
                unit, f"mutation M($i: LitigationInput!) {{ {act}(input: $i) {{ marks }} }}", {"i": asked}
            )
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", act
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM record_mark") == 0

    run(database_url, tmp_path, scene)
