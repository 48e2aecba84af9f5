"""The officer's review over HTTP: what it finds, what it leaves in the log, and who gets nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, World, run

from hub.demo import story_facts as facts

ASK = """query Q($u: USCC!) { organization(uscc: $u) { name
    legalRepresentative { name idNumber } government { taxPayments { nodes { period amount { amount } } } } } }"""
LIST = """query L($f: AuditFilter, $n: Int, $b: Int) {
    auditEntries(filter: $f, first: $n, before: $b) { nextBefore nodes { index withheld } } }"""
COUNTS = "query C($f: AuditFilter) { auditCounts(filter: $f, by: [CALLER, PURPOSE], per: DAY) { period keys entries } }"
WHO = """query W($s: String!, $d: String, $f: String, $r: String) { whoSaw(subject: $s, dataset: $d, field: $f, record: $r) {
    viewers { institution caller operator purpose basis consent times first last how datasets entries references }
    withheld } }"""
SHOW = """query E($i: Int, $id: ID, $s: String) { auditEntry(index: $i, id: $id, subject: $s) { caveats entry { index withheld }
    parts { subject outcome reason message purpose purposeTitle purposeSource basis matterTitle matterLegalBasis records
    consent { artefact revokedAt noticeZh noticeVerified } questions
    fields { dataset name recorded outcome rule reason agrees } } } }"""
QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "list": (LIST, {}),
    "counts": (COUNTS, {}),
    "who": (WHO, {"s": COMPANY}),
    "entry": (SHOW, {"i": 0}),
}


async def officer(world: World) -> str:
    """A token of the officer, who is named in it."""
    return await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="专员演示甲")


async def read_once(world: World) -> int:
    """The bank reads the company once; gives the index of the entry."""
    shown = await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
    assert shown["data"]["organization"]["name"] == facts.COMPANY_NAME
    return int(shown["extensions"]["receipt"]["index"])


def test_who_saw_a_field_of_the_company_and_on_what_basis(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        index = await read_once(world)
        token = await officer(world)
        field = "government.registration.legalRepresentativeName"
        answer = await world.ask(token, WHO, {"s": COMPANY, "f": field})
        (viewer,) = answer["data"]["whoSaw"]["viewers"]
        assert (viewer["institution"], viewer["caller"], viewer["basis"]) == (
            facts.BANK_HKB,
            "bank-hkb",
            "CONSENT",
        )
        assert (viewer["times"], viewer["entries"], viewer["how"]) == (1, [index], ["CLEAR"])
        nobody = await world.ask(token, WHO, {"s": COMPANY, "d": "financial.loan"})
        assert nobody["data"]["whoSaw"] == {"viewers": [], "withheld": 0}
        assert facts.COMPANY_NAME not in json.dumps(answer, ensure_ascii=False)

    run(database_url, tmp_path, scene)


def test_who_saw_a_record_is_found_by_its_id(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await read_once(world)
        token = await officer(world)
        listed = await world.ask(token, '{ auditEntries(filter: {caller: "bank-hkb"}) { nodes { detail } } }')
        (entry,) = [n["detail"] for n in listed["data"]["auditEntries"]["nodes"]]
        record = entry["subjects"][0]["records"]["government.registration"][0]
        for name, times in ((record, 1), ("rec_" + record, 1), ("0" * 32, 0)):
            answer = await world.ask(token, WHO, {"s": COMPANY, "r": name})
            assert len(answer["data"]["whoSaw"]["viewers"]) == times

    run(database_url, tmp_path, scene)


def test_an_entry_leads_down_to_rules_consent_and_purpose_and_to_no_value(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        index = await read_once(world)
        token = await officer(world)
        answer = await world.ask(token, SHOW, {"i": index})
        found = answer["data"]["auditEntry"]
        assert found["caveats"] == []
        (part,) = found["parts"]
        assert part["purpose"] == "LOAN_APPLICATION"
        assert part["purposeSource"]
        fields = {f"{f['dataset']}.{f['name']}": f for f in part["fields"]}
        assert all(field["agrees"] for field in fields.values())
        name = fields["government.registration.legalRepresentativeName"]
        assert (name["recorded"], name["outcome"]) == ("CLEAR", "CLEAR")
        assert name["rule"]
        assert name["reason"] == "ALLOWED"
        consent = part["consent"]
        assert consent["noticeVerified"]
        assert consent["noticeZh"]
        assert consent["artefact"]["id"] == part["basis"]["consent"]
        assert "signatory" not in consent["artefact"]["grantor"]
        text = json.dumps(answer, ensure_ascii=False)
        for value in (facts.COMPANY_NAME, facts.PERSON_NAME, facts.PERSON_ID):
            assert value not in text

    run(database_url, tmp_path, scene)


def test_an_entry_is_named_once_and_nothing_is_null(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await officer(world)
        missing = await world.ask(token, SHOW, {"i": 999_999})
        assert missing["data"] == {"auditEntry": None}
        for variables in ({}, {"i": 0, "id": "x"}, {"i": -1}, {"id": "\u0000"}):
            answer = await world.ask(token, SHOW, variables)
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"

    run(database_url, tmp_path, scene)


def test_a_withheld_entry_says_so_and_leads_nowhere(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        index = await read_once(world)
        async with world.hub.database.connection() as connection:
            await connection.execute("UPDATE log_entry SET body = NULL WHERE idx = $1", index)
        token = await officer(world)
        found = (await world.ask(token, SHOW, {"i": index}))["data"]["auditEntry"]
        assert found == {
            "caveats": ["BODY_WITHHELD"], "entry": {"index": index, "withheld": True}, "parts": [],
        }  # fmt: skip
        listed = await world.ask(token, LIST, {"f": {"dataset": "financial.loan", "caller": "bank-hkb"}})
        assert listed["data"]["auditEntries"]["nodes"] == [{"index": index, "withheld": True}]

    run(database_url, tmp_path, scene)


def test_a_field_that_was_shown_against_the_rules_is_seen(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        index = await read_once(world)
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE log_entry SET body = convert_to("
                """replace(convert_from(body, 'UTF8'), '"roles":["bank"]', '"roles":["county_tenant"]'), 'UTF8')"""
            )
        found = (await world.ask(await officer(world), SHOW, {"i": index}))["data"]["auditEntry"]
        name = next(f for f in found["parts"][0]["fields"] if f["name"] == "name")
        assert (name["recorded"], name["outcome"], name["agrees"]) == ("CLEAR", "WITHHELD", False)

    run(database_url, tmp_path, scene)


def test_an_entry_is_judged_by_the_roles_of_its_time_and_one_without_by_those_of_now(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        index = await read_once(world)
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE client SET roles = ARRAY['county_tenant'] WHERE client_id = 'bank-hkb'"
            )
        found = (await world.ask(await officer(world), SHOW, {"i": index}))["data"]["auditEntry"]
        assert found["caveats"] == []
        assert all(field["agrees"] for field in found["parts"][0]["fields"])
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE log_entry SET body = convert_to("
                """replace(convert_from(body, 'UTF8'), '"roles":["bank"],', ''), 'UTF8')"""
            )
        old = (await world.ask(await officer(world), SHOW, {"i": index}))["data"]["auditEntry"]
        assert old["caveats"] == ["ROLES_OF_NOW"]

    run(database_url, tmp_path, scene)


def test_each_reading_says_in_the_log_what_was_looked_for_by_whom_and_no_identifier(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await officer(world)
        sought = {
            "subject": COMPANY,
            "dataset": "financial.loan",
            "shown": "CLEAR",
            "since": "2026-01-01T00:00:00+08:00",
        }
        for query, variables in (
            (LIST, {"f": sought, "n": 7}), (COUNTS, {"f": sought}), (WHO, {"s": COMPANY}), (SHOW, {"i": 0}),
        ):  # fmt: skip
            answer = await world.ask(token, query, variables)
            entry = json.loads(answer["extensions"]["receipt"]["entry"])
            assert (entry["kind"], entry["purpose"]) == ("AUDIT_READ", "AUDIT_REVIEW")
            assert entry["operator"].startswith("op_")
            assert COMPANY not in json.dumps(entry)
            (read,) = entry["detail"]["reads"]
            if query is LIST:
                pseudonym = entry["subjects"][0]["subject"]
                assert read == {
                    "query": "auditEntries", "first": 7,
                    "filter": {
                        "subject": pseudonym, "dataset": "financial.loan", "shown": "clear",
                        "since": "2026-01-01T00:00:00+08:00",
                    },
                }  # fmt: skip

    run(database_url, tmp_path, scene)


def test_a_subject_finds_in_its_ledger_that_an_entry_was_gone_into_for_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        shown = await world.ask(await officer(world), SHOW, {"i": await read_once(world), "s": COMPANY})
        entry = json.loads(shown["extensions"]["receipt"]["entry"])
        (part,) = entry["subjects"]
        assert part["subject"] == entry["detail"]["reads"][0]["subject"]
        own = await world.token("subject-org", "SELF_QUERY")
        told = await world.ask(own, "{ accessLedger { nodes { index kind } } }")
        newest = told["data"]["accessLedger"]["nodes"][0]
        assert newest == {"index": shown["extensions"]["receipt"]["index"], "kind": "AUDIT_READ"}

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("name", QUERIES)
def test_whoever_is_no_reviewer_is_refused_in_the_same_words_and_learns_nothing(
    database_url: str, tmp_path: Path, name: str
) -> None:
    async def scene(world: World) -> None:
        query, variables = QUERIES[name]
        said = set()
        for token in (
            await world.bank_token(),
            await world.token("subject-org", "SELF_QUERY"),
            await world.token("operator-main", "OPERATION", ()),
        ):
            answer = await world.ask(token, query, variables)
            assert not any((answer["data"] or {}).values())
            said.add(json.dumps(answer["errors"][0]["extensions"], sort_keys=True))
            entry = json.loads(answer["extensions"]["receipt"]["entry"])
            assert (entry["outcome"], entry["reason"]) == ("REFUSED", "PURPOSE_NOT_HELD")
            assert entry["detail"] == {}
        assert len(said) == 1

    run(database_url, tmp_path, scene)


def test_pages_over_http_neither_lose_nor_double(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        expected = []
        for _ in range(7):
            answer = await world.ask(bank, ASK, {"u": COMPANY})
            expected.append(answer["extensions"]["receipt"]["index"])
        token, seen, before = await officer(world), [], None
        while True:
            page = (await world.ask(token, LIST, {"f": {"caller": "bank-hkb"}, "n": 3, "b": before}))["data"][
                "auditEntries"
            ]
            seen += [node["index"] for node in page["nodes"]]
            before = page["nextBefore"]
            if before is None:
                break
        assert seen == expected[::-1]
        counts = await world.ask(token, COUNTS, {"f": {"caller": "bank-hkb"}})
        assert counts["data"]["auditCounts"] == [
            {"period": "2026-11-20", "keys": ["bank-hkb", "LOAN_APPLICATION"], "entries": 7}
        ]

    run(database_url, tmp_path, scene)
