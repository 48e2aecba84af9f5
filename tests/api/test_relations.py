"""Declarations of avoidance over HTTP: an institution makes them, the officer finds reads, and nobody learns more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from world import COMPANY, STRANGER, World, run

from hub.demo import story_facts as facts
from hub.demo.codes import uscc

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
DECLARE = "mutation D($i: RelationInput!) { declareRelation(input: $i) { id operator subject kind since until endedAt } }"
END = "mutation E($i: ID!) { endRelation(id: $i) }"
LIST = "{ declaredRelations { id institution operator subject kind endedAt } }"
FINDINGS = (
    'query F($r: String) { auditFindings(since: "2026-11-20T00:00:00+08:00", until: "2026-11-21T00:00:00+08:00", '
    "rule: $r) { nodes { rule severity explanation { zh en } unseen { zh en } operator subject entries } } }"
)
LEDGER = "{ accessLedger { nodes { operation sentence { zh en } } } }"
MEI, LI = "梅经理", "李经理"


async def bank(world: World, operator: str = LI, client: str = "bank-hkb") -> str:
    return await world.token(client, "LOAN_APPLICATION", (), operator=operator)


async def officer(world: World) -> str:
    return await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="演示专员甲")


async def declared(
    world: World, subject: str = COMPANY, kind: str = "RELATIVE", **more: Any
) -> dict[str, Any]:
    given = {"operator": MEI, "subject": subject, "kind": kind, **more}
    answer = await world.ask(await bank(world), DECLARE, {"i": given})
    assert "errors" not in answer, answer
    return dict(answer["data"]["declareRelation"])


def refused(answer: dict[str, Any]) -> str:
    assert answer["errors"], answer
    extensions = answer["errors"][0]["extensions"]
    return str(extensions.get("reason") or extensions["code"])


async def read_as(world: World, operator: str) -> None:
    await world.bank_token()  # there is a consent now
    own = await world.token("subject-org", "SELF_QUERY")
    consents = await world.ask(own, "{ consents { id } }")
    token = await world.token(
        "bank-hkb", "LOAN_APPLICATION", consent=consents["data"]["consents"][0]["id"], operator=operator
    )
    answer = await world.ask(token, ASK, {"u": COMPANY})
    assert answer["data"]["organization"] == {"name": facts.COMPANY_NAME}


def test_a_relative_that_is_read_is_found_whatever_blanks_and_width_the_name_is_written_in(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        one = await declared(world)
        await read_as(world, " 梅经理 ")
        await read_as(world, LI)
        found = await world.ask(await officer(world), FINDINGS, {"r": "D-KIN-1"})
        (node,) = found["data"]["auditFindings"]["nodes"]
        assert (node["severity"], node["operator"], node["subject"]) == (
            "HIGH",
            one["operator"],
            one["subject"],
        )
        assert len(node["entries"]) == 1
        assert "应回避的亲属" in node["explanation"]["zh"]
        assert "What is not declared" in node["unseen"]["en"]
        text = json.dumps(found, ensure_ascii=False)
        for value in (MEI, COMPANY, facts.COMPANY_NAME):
            assert value not in text

    run(database_url, tmp_path, scene)


def test_a_declaration_answers_the_same_whether_or_not_there_is_such_a_subject(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        known, unknown = await declared(world, STRANGER), await declared(world, uscc("91", "469005", "79997"))
        for one in (known, unknown):
            assert one.pop("id").startswith("dr_")
            assert one.pop("subject").startswith("sub_")
        assert known == unknown

    run(database_url, tmp_path, scene)


def test_another_institution_neither_sees_nor_ends_a_declaration_and_cannot_tell_it_from_none(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        one = await declared(world)
        other = await bank(world, client="bank-qzb")
        assert (await world.ask(other, LIST))["data"]["declaredRelations"] == []
        theirs, none = [
            (await world.ask(other, END, {"i": name}))["errors"][0] for name in (one["id"], "dr_" + "0" * 32)
        ]
        strange = (await world.ask(other, END, {"i": "dr_\x00"}))["errors"][0]
        assert strange["message"] == none["message"]
        assert (theirs["message"], theirs["extensions"]) == (none["message"], none["extensions"])

    run(database_url, tmp_path, scene)


def test_the_person_concerned_does_not_end_its_own_declaration_and_a_colleague_does(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        one = await declared(world)
        for operator in (MEI, " 梅经理 "):
            answer = await world.ask(await bank(world, operator), END, {"i": one["id"]})
            assert refused(answer) == "BAD_INPUT"
            assert "本人以外" in answer["errors"][0]["extensions"]["messageZh"]
        answer = await world.ask(await bank(world), END, {"i": one["id"]})
        assert answer["data"]["endRelation"] is True
        await read_as(world, MEI)
        found = await world.ask(await officer(world), FINDINGS, {"r": "D-KIN-1"})
        assert len(found["data"]["auditFindings"]["nodes"]) == 1, "an ended one counts for a month more"

    run(database_url, tmp_path, scene)


def test_an_institution_lists_its_own_without_subjects_and_the_officer_all_in_pseudonyms(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        one = await declared(world)
        (mine,) = (await world.ask(await bank(world, MEI), LIST))["data"]["declaredRelations"]
        assert (mine["id"], mine["subject"]) == (one["id"], None)
        answer = await world.ask(await officer(world), LIST)
        (seen,) = answer["data"]["declaredRelations"]
        assert seen["subject"] == one["subject"]
        entry = json.loads(answer["extensions"]["receipt"]["entry"])
        assert (entry["kind"], entry["detail"]["reads"][0]["query"]) == ("AUDIT_READ", "declaredRelations")

    run(database_url, tmp_path, scene)


def test_reading_the_log_beside_its_list_does_not_show_an_institution_the_subjects(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        one = await declared(world)
        beside = "{ unclosedUses { nodes { entry } } declaredRelations { id subject } }"
        answer = await world.ask(await bank(world, MEI), beside)
        assert answer["data"]["declaredRelations"] == [{"id": one["id"], "subject": None}]

    run(database_url, tmp_path, scene)


def test_the_subject_finds_in_its_ledger_that_somebody_stands_aside_and_not_who(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        one = await declared(world)
        own = await world.token("subject-org", "SELF_QUERY")
        answer = await world.ask(own, LEDGER)
        (line,) = [
            x for x in answer["data"]["accessLedger"]["nodes"] if x["operation"] == "audit.relation.declare"
        ]
        assert "申报其经办人应对您回避" in line["sentence"]["zh"]
        text = json.dumps(answer["data"], ensure_ascii=False)
        assert one["operator"] not in text
        assert MEI not in text

    run(database_url, tmp_path, scene)


def test_who_reads_about_nobody_but_itself_declares_nothing_and_a_number_of_a_person_is_no_name(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        given = {"operator": MEI, "subject": COMPANY, "kind": "SELF"}
        own = await world.token("subject-org", "SELF_QUERY")
        assert refused(await world.ask(own, DECLARE, {"i": given})) == "PURPOSE_NOT_HELD"
        for name in ("", "469999199001011234", "x" * 65):
            answer = await world.ask(await bank(world), DECLARE, {"i": {**given, "operator": name}})
            assert refused(answer) == "BAD_INPUT"
        listed = await world.ask(await officer(world), LIST)
        assert listed["data"]["declaredRelations"] == []

    run(database_url, tmp_path, scene)
