"""Repair and objection over GraphQL: purposes and roles, lists, files, and refusals that leave nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from world import COMPANY, World, run

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts

_PENALTY = {
    "counterpartyName": facts.COMPANY_NAME, "counterpartyType": "ORGANIZATION", "uscc": COMPANY,
    "documentNo": "琼市监罚〔2026〕演009号", "decisionDate": "2026-03-05", "severity": "GENERAL", "penaltyTypes": ["FINE"],
    "fineAmount": 1_000_000, "authorityUscc": facts.DEPT_AMR,
}  # fmt: skip
_READ = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { id } } } } }"
_CASE = (
    "{ id kind state subject dataset record sourceUnit disputed openedAt dueOn decideBy overdue decidedAt }"
)
_APPLY = f"mutation A($i: RepairInput!) {{ applyForRepair(input: $i) {_CASE} }}"
_OBJECT = f"mutation O($i: ObjectionInput!) {{ objectToRecord(input: $i) {_CASE} }}"
_ACT = "mutation H($id: ID!) {{ {}(id: $id{}) {{ state dueOn }} }}"
_ACTS = {
    "acceptRepair": "", "declineRepair": ", reason: OTHER_LAW", "approveRepair": "", "rejectRepair": ", reason: OTHER_LAW",
    "revokeRepair": ", reason: FALSE_PROOF", "settleObjection": ', settlement: REJECTED, note: "不成立"',
}  # fmt: skip
_DUE = f"query D($o: Boolean!, $f: Int) {{ dueCases(overdue: $o, first: $f) {{ more nodes {_CASE} }} }}"
_OWN = f"{{ ownCases {_CASE} }}"
_FILE = f"query F($id: ID!) {{ caseFile(id: $id) {{ case {_CASE} events {{ number act state institution reason written {{ name text }} }} }} }}"
_COUNTS = "SELECT (SELECT count(*) FROM lifecycle_case), (SELECT count(*) FROM lifecycle_event), (SELECT count(*) FROM record_history), (SELECT count(*) FROM log_entry WHERE kind = 'ADMIN')"


async def _counts(world: World) -> tuple[Any, ...]:
    async with world.hub.database.connection() as connection:
        return tuple(await connection.fetchrow(_COUNTS))


async def _application(world: World) -> dict[str, Any]:
    await world.put("government.penalty", _PENALTY, kind=SubjectKind.ORG)
    own = await world.token("subject-org", "SELF_QUERY")
    nodes = (await world.ask(own, _READ, {"u": COMPANY}))["data"]["organization"]["government"]["penalties"][
        "nodes"
    ]
    return {"dataset": "government.penalty", "record": nodes[0]["id"], "proof": "证001", "commitment": "诺001", "statement": "已缴清"}  # fmt: skip


async def _case(world: World, token: str, text: str, asked: dict[str, Any]) -> dict[str, Any]:
    answer = await world.ask(token, text, {"i": asked})
    assert answer["data"], answer
    return dict(next(iter(answer["data"].values())))


def _act(name: str) -> str:
    return _ACT.format(name, _ACTS[name])


def test_a_repair_goes_from_the_subject_over_the_unit_to_the_operator_and_the_record_is_gone(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        application = await _application(world)
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", (), operator="王一")
        operator = await world.token("operator-main", "OPERATION", (), operator="李二")
        case = await _case(world, own, _APPLY, application)
        assert (case["state"], case["dueOn"], case["decideBy"]) == ("APPLIED", "2026-11-25", "2026-12-04")
        for token in (unit, operator):
            due = (await world.ask(token, _DUE, {"o": False}))["data"]["dueCases"]
            assert due == {"more": False, "nodes": [case]}
        accepted = await world.ask(unit, _act("acceptRepair"), {"id": case["id"]})
        assert accepted["data"]["acceptRepair"] == {"state": "ACCEPTED", "dueOn": "2026-12-04"}
        before = await _counts(world)
        same = await world.ask(unit, _act("approveRepair"), {"id": case["id"]})
        assert same["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        assert await _counts(world) == before
        done = await world.ask(operator, _act("approveRepair"), {"id": case["id"]})
        assert done["data"]["approveRepair"] == {"state": "APPROVED", "dueOn": None}
        left = await world.ask(own, _READ, {"u": COMPANY})
        assert left["data"]["organization"]["government"]["penalties"]["nodes"] == []
        assert (await world.ask(own, _OWN))["data"]["ownCases"][0]["state"] == "APPROVED"
        file = (await world.ask(own, _FILE, {"id": case["id"]}))["data"]["caseFile"]
        assert [e["act"] for e in file["events"]] == ["apply", "accept", "approve"]
        assert {w["name"]: w["text"] for w in file["events"][0]["written"]} == {
            "proof": "证001",
            "commitment": "诺001",
            "statement": "已缴清",
        }
        seen = await world.ask(operator, _FILE, {"id": case["id"]})
        assert seen["data"]["caseFile"]["events"][0]["written"] == []
        assert "王一" not in json.dumps(seen, ensure_ascii=False)

    run(database_url, tmp_path, scene)  # fmt: skip


def test_an_objection_marks_the_case_as_disputed_until_it_is_settled(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        asked = await _application(world)
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        objection = {
            "dataset": asked["dataset"],
            "record": asked["record"],
            "ground": "OTHER",
            "statement": "金额不符",
        }
        case = await _case(world, own, _OBJECT, objection)
        assert (case["kind"], case["disputed"], case["dueOn"]) == ("OBJECTION", True, "2026-12-01")
        settled = await world.ask(unit, _act("settleObjection"), {"id": case["id"]})
        assert settled["data"]["settleObjection"]["state"] == "REJECTED"
        assert (await world.ask(own, _OWN))["data"]["ownCases"][0]["disputed"] is False

    run(database_url, tmp_path, scene)  # fmt: skip


def test_every_role_is_refused_what_is_not_its_own_and_nothing_remains(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        application = await _application(world)
        own = await world.token("subject-org", "SELF_QUERY")
        case = await _case(world, own, _APPLY, application)
        bank = await world.bank_token()
        tokens = {
            "subject": own,
            "another subject": await world.token("subject-person", "SELF_QUERY", (facts.PERSON_ID,)),
            "unit": await world.token("dept-amr", "DATA_SUPPLY", ()),
            "another unit": await world.token("dept-tax", "DATA_SUPPLY", ()),
            "unit for another purpose": await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED"),
            "operator": await world.token("operator-main", "OPERATION", ()),
            "officer": await world.token("officer-privacy", "AUDIT_REVIEW", ()),
            "bank": bank,
        }
        may = {
            "apply": {"subject", "another subject"},
            "acceptRepair": {"unit", "operator"},
            "declineRepair": {"unit", "operator"},
            "own": {"subject", "another subject"},
            "due": {"unit", "another unit", "operator"},
            "file": {"subject", "unit", "operator"},
        }
        before = await _counts(world)
        for role, token in tokens.items():
            for name in _ACTS:
                if role in may.get(name, ()):
                    continue
                answer = await world.ask(token, _act(name), {"id": case["id"]})
                assert answer["data"] is None, (role, name)
                assert answer["errors"], (role, name)
            answer = await world.ask(token, _APPLY, {"i": application})
            assert answer["data"] is None, role
            for name, text, variables in (
                ("own", _OWN, {}),
                ("due", _DUE, {"o": False}),
                ("file", _FILE, {"id": case["id"]}),
            ):
                answer = await world.ask(token, text, variables)
                assert (answer["data"] is not None) == (role in may[name]), (role, name, answer)
        assert await _counts(world) == before
        empty = await world.ask(tokens["another unit"], _DUE, {"o": False})
        assert empty["data"]["dueCases"] == {"more": False, "nodes": []}
        assert (await world.ask(tokens["another subject"], _OWN))["data"]["ownCases"] == []

    run(database_url, tmp_path, scene)  # fmt: skip


def test_what_is_malformed_is_refused_with_a_hint(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        application = await _application(world)
        own = await world.token("subject-org", "SELF_QUERY")
        unit = await world.token("dept-amr", "DATA_SUPPLY", ())
        before = await _counts(world)
        for change in (
            {"record": "zz"},
            {"record": ""},
            {"record": "ab"},
            {"dataset": "a\u0000"},
            {"statement": "长" * 2001},
            {"dataset": "government.gossip"},
        ):
            answer = await world.ask(own, _APPLY, {"i": {**application, **change}})
            assert answer["data"] is None, change
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", change
        for first in (0, 101, -1):
            answer = await world.ask(unit, _DUE, {"o": True, "f": first})
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        for wrong in ("", "l_none", "\u0000", "x" * 10_000):
            answer = await world.ask(unit, _act("acceptRepair"), {"id": wrong})
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", wrong
        assert await _counts(world) == before

    run(database_url, tmp_path, scene)  # fmt: skip
