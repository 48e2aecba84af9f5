"""The officer over HTTP: findings, cases with four eyes, and an insider who wants to hide one or close it alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from world import COMPANY, World, run

from hub.audit.case_check import CaseProblem, check_cases
from hub.audit.case_export import check_export, export
from hub.audit.cases import ReviewCases
from hub.demo import story_facts as facts
from hub.errors import VerificationError
from hub.store.database import asyncpg_arguments, parse_url

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
FINDINGS = (
    "query F($s: DateTime!, $u: DateTime!, $r: String) { auditFindings(since: $s, until: $u, rule: $r) "
    "{ policy entries nodes { rule severity explanation { zh en } unseen { zh } caller subject entries cases } } }"
)
OPEN = "mutation O($i: AuditCaseInput!) { openAuditCase(input: $i) { id severity fourEyes state dueOn rule origin } }"
CASE = "query C($i: ID!) { auditCase(id: $i) { case { state outcome assignee overdue } events { act person text } } }"
SPAN = {"s": "2026-11-20T00:00:00+08:00", "u": "2026-11-21T00:00:00+08:00"}


async def officer(world: World, name: str = "演示专员甲") -> str:
    return await world.token("officer-privacy", "AUDIT_REVIEW", (), operator=name)


async def act(world: World, token: str, name: str, case: str, **arguments: str) -> dict[str, Any]:
    given = {"text": "已核实。", **arguments}
    told = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in given.items())
    return await world.ask(
        token, f'mutation {{ {name}AuditCase(id: "{case}", {told}) {{ state outcome dueOn }} }}'
    )


def refused(answer: dict[str, Any]) -> str:
    assert answer["errors"], answer
    return str(answer["errors"][0]["extensions"].get("reason") or answer["errors"][0]["extensions"]["code"])


async def watched_read(world: World) -> dict[str, Any]:
    """The company is watched, a bank reads it, and the officer finds that."""
    token = await officer(world)
    answer = await world.ask(token, f'mutation {{ watchSubject(subject: "{COMPANY}") }}')
    assert answer["data"]["watchSubject"] is True
    await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
    found = await world.ask(token, FINDINGS, SPAN)
    (node,) = [n for n in found["data"]["auditFindings"]["nodes"] if n["rule"] == "D-WATCH-1"]
    return dict(node)


async def opened(world: World) -> str:
    node = await watched_read(world)
    given = {"text": "热点企业被查询。", "rule": node["rule"], "entries": node["entries"], "severity": "LOW"}
    answer = await world.ask(await officer(world), OPEN, {"i": given})
    case = answer["data"]["openAuditCase"]
    assert (case["severity"], case["fourEyes"], case["state"]) == ("HIGH", True, "OPEN")
    return str(case["id"])


def test_a_watched_company_that_is_read_becomes_a_case_that_two_persons_close(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        node = await watched_read(world)
        assert (node["caller"], node["severity"], len(node["entries"])) == ("bank-hkb", "HIGH", 1)
        assert "bank-hkb" in node["explanation"]["zh"]
        assert facts.COMPANY_NAME not in json.dumps(node, ensure_ascii=False)
        case = await opened_from(world, node)
        first, second = await officer(world), await officer(world, "演示专员乙")
        assigned = await act(world, first, "assign", case, operator="演示专员乙")
        assert assigned["data"]["assignAuditCase"]["state"] == "OPEN"
        mine = await world.ask(second, '{ auditCases(operator: "演示专员乙") { id } }')
        assert mine["data"]["auditCases"] == [{"id": case}]
        proposed = await act(world, second, "conclude", case, outcome="JUSTIFIED")
        assert proposed["data"]["concludeAuditCase"] == {
            "state": "PROPOSED", "outcome": "JUSTIFIED", "dueOn": "2026-11-27",
        }  # fmt: skip
        closed = await act(world, first, "confirm", case)
        assert closed["data"]["confirmAuditCase"]["state"] == "CLOSED"
        told = (await world.ask(first, CASE, {"i": case}))["data"]["auditCase"]
        assert [event["act"] for event in told["events"]] == ["open", "assign", "conclude", "confirm"]
        assert told["events"][0]["text"] == "热点企业被查询。"
        again = await world.ask(first, FINDINGS, {**SPAN, "r": "D-WATCH-1"})
        assert again["data"]["auditFindings"]["nodes"][0]["cases"] == [case]
        reopened = await act(world, second, "reopen", case)
        assert reopened["data"]["reopenAuditCase"]["state"] == "OPEN"
        world.clock.advance(timedelta(days=14))
        late = await world.ask(
            await officer(world), "{ auditCases(overdue: true) { id overdue } }"
        )  # fmt: skip
        assert late["data"]["auditCases"] == [{"id": case, "overdue": True}]
        entries = await world.ask(
            await officer(world),
            f'{{ auditEntries(filter: {{reference: "{case}", kind: ADMIN}}) {{ nodes {{ operation detail }} }} }}',
        )
        nodes = entries["data"]["auditEntries"]["nodes"]
        assert [n["operation"].rpartition(".")[2] for n in reversed(nodes)] == [
            "open", "assign", "conclude", "confirm", "reopen",
        ]  # fmt: skip
        assert "热点企业" not in json.dumps(nodes, ensure_ascii=False)

    run(database_url, tmp_path, scene)


async def opened_from(world: World, node: dict[str, Any]) -> str:
    given = {"text": "热点企业被查询。", "rule": node["rule"], "entries": node["entries"]}
    answer = await world.ask(await officer(world), OPEN, {"i": given})
    return str(answer["data"]["openAuditCase"]["id"])


def test_nobody_closes_a_grave_case_alone_under_whatever_spelling_of_the_name(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        case = await opened(world)
        await act(world, await officer(world, "Demo A"), "conclude", case, outcome="FALSE_ALARM")
        for name in ("Demo A", "demo a", "ＤＥＭＯ Ａ", " DemoA "):
            token = await officer(world, name)
            assert refused(await act(world, token, "confirm", case)) == "BAD_INPUT"
            assert refused(await act(world, token, "reject", case)) == "BAD_INPUT"
        unnamed = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        assert refused(await act(world, unnamed, "confirm", case)) == "BAD_INPUT"
        told = (await world.ask(unnamed, CASE, {"i": case}))["data"]["auditCase"]
        assert (told["case"]["state"], len(told["events"])) == ("PROPOSED", 2)
        sent_back = await act(world, await officer(world, "Demo B"), "reject", case)
        assert sent_back["data"]["rejectAuditCase"] == {
            "state": "OPEN", "outcome": None, "dueOn": "2026-11-27",
        }  # fmt: skip

    run(database_url, tmp_path, scene)


def test_only_officers_act_and_everybody_else_gets_the_one_refusal(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        case = await opened(world)
        bank = await world.token("bank-hkb", "LOAN_APPLICATION", ())
        own = await world.token("subject-org", "SELF_QUERY")
        operator = await world.token("operator-main", "OPERATION", ())
        for token in (bank, own, operator):
            answers = [
                await world.ask(token, FINDINGS, SPAN),
                await world.ask(token, CASE, {"i": case}),
                await world.ask(token, CASE, {"i": "ac_nothing"}),
                await world.ask(token, "{ auditCases { id } }"),
                await world.ask(token, "{ watchedSubjects { subject } }"),
                await world.ask(token, OPEN, {"i": {"text": "x", "entries": [0]}}),
                await act(world, token, "comment", case),
                await act(world, token, "comment", "ac_nothing"),
            ]
            assert {refused(answer) for answer in answers} == {"PURPOSE_NOT_HELD"}
        known = world.hub.registry.get("officer-privacy")
        assert known is not None
        await world.register(replace(known, roles=("auditor",)))
        auditor = await officer(world)
        assert (await world.ask(auditor, CASE, {"i": case}))["data"]
        assert refused(await act(world, auditor, "comment", case)) == "PURPOSE_NOT_HELD"

    run(database_url, tmp_path, scene)


def test_nobody_handles_a_case_about_entries_of_his_own(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        insider = await officer(world, "演示专员丙")
        read = await world.ask(insider, "{ auditEntries(first: 1) { nodes { index } } }")
        index = json.loads(read["extensions"]["receipt"]["entry"]) and read["extensions"]["receipt"]["index"]
        opening = {"i": {"text": "查询过多。", "entries": [index], "severity": "LOW"}}
        case = (await world.ask(await officer(world), OPEN, opening))["data"]["openAuditCase"]["id"]
        for name, more in (("conclude", {"outcome": "JUSTIFIED"}), ("assign", {"operator": "x"})):
            assert refused(await act(world, insider, name, case, **more)) == "BAD_INPUT"
        assert (await act(world, insider, "comment", case))["data"]
        done = await act(world, await officer(world), "conclude", case, outcome="JUSTIFIED")
        assert done["data"]["concludeAuditCase"]["state"] == "CLOSED"

    run(database_url, tmp_path, scene)


def test_a_case_deleted_or_changed_in_the_database_is_found(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        case = await opened(world)
        await act(world, await officer(world), "comment", case, text="第二条。")
        sealer = world.hub.ring.sealer()
        assert await check_cases(world.hub.database, sealer) == (1, [])
        for statement, problem, number in (
            ("UPDATE audit_case SET state = 'CLOSED', closed_at = now()", CaseProblem.CHANGED, 0),
            ("UPDATE audit_case SET due_on = due_on + 900", CaseProblem.CHANGED, 0),
            ("UPDATE audit_case SET four_eyes = false", CaseProblem.CHANGED, 0),
            ("UPDATE audit_case SET concerned = '{}'", CaseProblem.CHANGED, 0),
            ("UPDATE audit_case_event SET person = 'rv_x' WHERE number = 1", CaseProblem.CHANGED, 1),
            ("DELETE FROM audit_case_event WHERE number = 2", CaseProblem.GONE, 2),
            ("UPDATE audit_case_event SET sealed = '' WHERE number = 2", CaseProblem.TEXT, 2),
            ("DELETE FROM audit_case", CaseProblem.GONE, 0),
            ("UPDATE audit_case_event SET case_id = 'ac_other'", CaseProblem.ADDED, 0),
        ):
            saved = await tampered(database_url, statement)
            _, found = await check_cases(world.hub.database, sealer)
            assert (problem, number) in {(m.problem, m.number) for m in found}, statement
            await restore(database_url, saved)
        assert await check_cases(world.hub.database, sealer) == (1, [])

    run(database_url, tmp_path, scene)


async def tampered(url: str, statement: str) -> dict[str, list[Any]]:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        saved = {t: await connection.fetch(f"SELECT * FROM {t}") for t in ("audit_case", "audit_case_event")}
        await connection.execute(statement)
    finally:
        await connection.close()
    return saved


async def restore(url: str, saved: dict[str, list[Any]]) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        for table, rows in saved.items():
            await connection.execute(f"DELETE FROM {table}")
            await connection.copy_records_to_table(table, records=[tuple(row) for row in rows])
    finally:
        await connection.close()


def test_texts_with_numbers_of_persons_and_unknown_entries_open_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await officer(world)
        spaced = " ".join(facts.PERSON_ID[n : n + 6] for n in (0, 6, 12))
        for given in (
            {"text": f"查询 {facts.PERSON_ID}", "entries": [0]},
            {"text": f"查询 {spaced}", "entries": [0]},
            {"text": "", "entries": [0]},
            {"text": "x" * 2001, "entries": [0]},
            {"text": "没有记录"},
            {"text": "没有该记录", "entries": [999999]},
            {"text": "没有该规则", "entries": [0], "rule": "D-NONE"},
        ):
            assert refused(await world.ask(token, OPEN, {"i": given})) == "BAD_INPUT"
        assert (await world.ask(token, "{ auditCases { id } }"))["data"]["auditCases"] == []
        for span in ({"s": SPAN["u"], "u": SPAN["s"]}, {"s": "2026-01-01T00:00:00Z", "u": SPAN["u"]}):
            assert refused(await world.ask(token, FINDINGS, span)) == "BAD_INPUT"

    run(database_url, tmp_path, scene)


def test_a_complaint_stands_in_the_ledger_of_who_complained_and_other_cases_stand_in_none(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await opened(world)
        own = await world.token("subject-org", "SELF_QUERY")
        ledger = "{ accessLedger { nodes { sentence { zh } } } }"
        told = json.dumps(await world.ask(own, ledger), ensure_ascii=False)
        assert "审查案件" not in told
        assert "重点关注" in told
        given = {"text": "主体来信。", "complaintOf": COMPANY}
        answer = await world.ask(await officer(world), OPEN, {"i": given})
        case = answer["data"]["openAuditCase"]
        assert (case["origin"], case["severity"]) == ("COMPLAINT", "MEDIUM")
        assert "办理审查案件" in json.dumps(await world.ask(own, ledger), ensure_ascii=False)

    run(database_url, tmp_path, scene)


def test_an_exported_case_verifies_alone_and_a_changed_one_does_not(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        case = await opened(world)
        hub = world.hub
        assert hub.log is not None
        found = await ReviewCases(hub.database, hub.log, hub.ring.sealer()).file(case)
        verifiers = hub.ring.public().note_verifiers()
        raw = await export(hub.database, found, hub.ring.public_document(), verifiers)
        assert check_export(raw, verifiers)["case"]["id"] == case
        for old, new in (("热点企业", "普通企业"), ('"HIGH"', '"LOW!'), ('"OPEN"', '"DONE"')):
            changed = raw.replace(old.encode(), new.encode())
            assert changed != raw
            try:
                check_export(changed, verifiers)
            except VerificationError:
                continue
            raise AssertionError(old)

    run(database_url, tmp_path, scene)
