"""Use-closure in the schema: an institution lists and closes its own uses, officers see all, nobody probes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from world import COMPANY, World, run

from hub.demo import story_facts as facts

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
OPEN = (
    "query U($o: Boolean! = false, $i: String) { unclosedUses(overdue: $o, institution: $i) "
    "{ nextAfter nodes { entry institution caller purpose purposeTitle { zh } subject dueOn overdue } } }"
)
REPORT = (
    'mutation R($e: ID!, $o: UseOutcome!, $s: String, $r: String! = "") '
    "{ reportUse(entry: $e, outcome: $o, subject: $s, reference: $r) { id entry subjects outcome amends } }"
)


async def nodes(world: World, token: str, **variables: Any) -> list[dict[str, Any]]:
    answer = await world.ask(token, OPEN, variables)
    assert "errors" not in answer, answer
    found: list[dict[str, Any]] = answer["data"]["unclosedUses"]["nodes"]
    return found


def test_a_bank_closes_its_use_and_the_subject_reads_what_came_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        shown = await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        entry_id = json.loads(shown["extensions"]["receipt"]["entry"])["id"]
        plain = await world.token("bank-hkb", "LOAN_APPLICATION", ())
        (use,) = await nodes(world, plain)
        assert (use["entry"], use["dueOn"], use["overdue"]) == (entry_id, "2027-02-18", False)
        assert use["purposeTitle"]["zh"] == "贷款申请审查"
        wanted = {"e": entry_id, "o": "GRANTED", "s": COMPANY, "r": "贷2026-演118"}
        answer = await world.ask(plain, REPORT, wanted)
        assert answer["data"]["reportUse"]["subjects"] == [use["subject"]]
        assert not answer["data"]["reportUse"]["amends"]
        assert await nodes(world, plain) == []
        again = await world.ask(plain, REPORT, {**wanted, "o": "ABANDONED"})
        assert again["data"]["reportUse"]["amends"]
        own = await world.token("subject-org", "SELF_QUERY")
        ledger = await world.ask(own, "{ accessLedger { nodes { sentence { zh } } } }")
        said = [line["sentence"]["zh"] for line in ledger["data"]["accessLedger"]["nodes"]]
        assert "海口示范银行（演示）报告了“贷款申请审查”的使用结果：终止。" in said[0]
        assert "使用结果：准予" in said[1]
        assert "贷2026-演118" not in json.dumps(ledger, ensure_ascii=False)

    run(database_url, tmp_path, scene)


def test_officers_see_all_unclosed_uses_and_each_reading_is_an_entry(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        department = await world.token("dept-amr", "GOV_APPROVAL", matter="AP-FOOD-LICENCE")
        await world.ask(department, ASK, {"u": COMPANY})
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        assert [u["caller"] for u in await nodes(world, officer)] == ["bank-hkb", "dept-amr"]
        assert [u["caller"] for u in await nodes(world, officer, i=facts.BANK_HKB)] == ["bank-hkb"]
        world.clock.advance(timedelta(days=61))
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        answer = await world.ask(officer, OPEN, {"o": True})
        assert [(u["caller"], u["overdue"]) for u in answer["data"]["unclosedUses"]["nodes"]] == [
            ("dept-amr", True)
        ]
        assert json.loads(answer["extensions"]["receipt"]["entry"])["kind"] == "AUDIT_READ"
        for value in (facts.COMPANY_NAME, COMPANY):
            assert value not in json.dumps(answer, ensure_ascii=False)

    run(database_url, tmp_path, scene)


def test_nobody_lists_or_closes_the_uses_of_another(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        shown = await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        entry_id = json.loads(shown["extensions"]["receipt"]["entry"])["id"]
        rival = await world.token("bank-qzb", "LOAN_APPLICATION", ())
        department = await world.token("dept-amr", "GOV_APPROVAL", ())
        for token in (rival, department):
            assert await nodes(world, token) == []
            assert await nodes(world, token, i=facts.BANK_HKB) == []
        errors = []
        for token, entry, subject in (
            (rival, entry_id, None),
            (rival, entry_id, COMPANY),
            (department, entry_id, None),
            (rival, "0" * 32, None),
            (rival, "x", "nobody"),
            (await world.token("bank-hkb", "GUARANTEE", ()), entry_id, None),
        ):
            answer = await world.ask(token, REPORT, {"e": entry, "o": "OTHER", "s": subject})
            errors.append(json.dumps(answer["errors"]))
            assert json.loads(answer["extensions"]["receipt"]["entry"])["subjects"] == []
        assert len(set(errors)) == 1
        own = await world.token("subject-org", "SELF_QUERY")
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        for token, query in ((own, OPEN), (own, REPORT), (officer, REPORT)):
            answer = await world.ask(token, query, {"e": entry_id, "o": "OTHER"} if query == REPORT else {})
            assert answer["errors"][0]["extensions"]["reason"] == "PURPOSE_NOT_HELD"

    run(database_url, tmp_path, scene)


def test_a_reference_that_holds_an_identity_number_is_refused(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        shown = await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        entry_id = json.loads(shown["extensions"]["receipt"]["entry"])["id"]
        token = await world.token("bank-hkb", "LOAN_APPLICATION", ())
        wide = facts.PERSON_ID.translate({n: n + 0xFEE0 for n in range(0x30, 0x5B)})
        for reference in (facts.PERSON_ID, wide, "贷" * 129, "a\u0000b"):
            answer = await world.ask(token, REPORT, {"e": entry_id, "o": "OTHER", "r": reference})
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        assert len(await nodes(world, token)) == 1

    run(database_url, tmp_path, scene)
