"""The log in the schema: the subject sees its own lines, the officer the list, nobody a value."""

from __future__ import annotations

import json
from pathlib import Path

from world import COMPANY, World, run

from hub.demo import story_facts as facts

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { name } } }"
LEDGER = "{ accessLedger { nodes { index institution purpose outcome basis items { dataset outcome fields } records } } }"
LIST = "query L($f: AuditFilter) { auditEntries(filter: $f) { nodes { index caller purpose outcome subjects detail } } }"


def test_the_subject_sees_who_looked_at_what_and_the_officer_sees_it_too(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        shown = await world.ask(token, ASK, {"u": COMPANY})
        index = shown["extensions"]["receipt"]["index"]
        own = await world.token("subject-org", "SELF_QUERY")
        lines = (await world.ask(own, LEDGER))["data"]["accessLedger"]["nodes"]
        line = next(x for x in lines if x["index"] == index)
        assert line["institution"] == facts.BANK_HKB
        assert line["basis"]["kind"] == "CONSENT"
        assert {
            "dataset": "government.registration",
            "outcome": "clear",
            "fields": ["legalRepresentativeName", "name"],
        } in line["items"]
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        answer = await world.ask(officer, LIST, {"f": {"caller": "bank-hkb"}})
        assert [n["index"] for n in answer["data"]["auditEntries"]["nodes"]] == [index]
        for text in (json.dumps(lines, ensure_ascii=False), json.dumps(answer, ensure_ascii=False)):
            assert facts.COMPANY_NAME not in text
            assert facts.PERSON_NAME not in text

    run(database_url, tmp_path, scene)


def test_nobody_else_reads_the_log_and_every_reading_is_an_entry(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        own = await world.token("subject-org", "SELF_QUERY")
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        for token, query in ((bank, LIST), (own, LIST), (bank, LEDGER), (officer, LEDGER)):
            answer = await world.ask(token, query)
            assert answer["data"] is None
            assert answer["errors"][0]["extensions"]["reason"] in {"PURPOSE_NOT_HELD", "SUBJECT_NOT_IN_TOKEN"}
        size = world.hub.log.size
        answer = await world.ask(officer, LIST)
        entry = json.loads(answer["extensions"]["receipt"]["entry"])
        assert (entry["kind"], entry["outcome"]) == ("AUDIT_READ", "DONE")
        assert world.hub.log.size == size + 1

    run(database_url, tmp_path, scene)


def test_a_subject_sees_only_its_own_lines(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        person = await world.token("subject-person", "SELF_QUERY", (facts.PERSON_ID,))
        answer = await world.ask(person, LEDGER)
        assert answer["data"] == {"accessLedger": {"nodes": []}}

    run(database_url, tmp_path, scene)


def test_a_filter_that_cannot_be_is_refused_without_a_word_about_the_inside(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        for change in (
            {"caller": "\u0000"},
            {"subject": "nobody"},
            {"reason": "\u0000"},
            {"since": "2026-01-01"},
        ):
            response = await world.send(officer, LIST, {"f": change})
            error = response.json()["errors"][0]
            assert error["extensions"]["code"] in {"BAD_INPUT", "BAD_IDENTIFIER", "IDENTIFIER"}, (
                change,
                error,
            )
        for page in ("first: 0", "first: 101", "first: -1", "before: -1"):
            answer = await world.ask(officer, f"{{ auditEntries({page}) {{ nodes {{ index }} }} }}")
            if "errors" in answer:
                assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", page
            else:
                assert answer["data"]["auditEntries"]["nodes"] == []
        answer = await world.ask(officer, "{ auditProof(index: 99999) { index } }")
        assert answer["errors"][0]["extensions"]["code"] != "ERROR", answer
        answer = await world.ask(officer, "{ auditProof(index: -1) { index } }")
        assert answer["errors"][0]["extensions"]["code"] != "ERROR", answer

    run(database_url, tmp_path, scene)
