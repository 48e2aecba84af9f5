"""The counts of fair use in the schema: officers see them beside their caps, nobody else does, and nobody a value."""

from __future__ import annotations

import json
from pathlib import Path

from world import COMPANY, World, run

from hub.demo import story_facts as facts

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { name } } }"
QUOTAS = (
    "query L($i: String, $n: Int! = 0, $f: Int) { quotas(institution: $i, near: $n, first: $f) "
    "{ institution purpose template subject dataset unit used most percent until } }"
)


def test_the_officer_sees_counts_beside_caps_and_the_reading_is_an_entry(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        answer = await world.ask(officer, QUOTAS, {"i": facts.BANK_HKB})
        lines = answer["data"]["quotas"]
        first = lines[0]
        assert first["subject"].startswith("sub_")
        assert (first["template"], first["unit"], first["used"], first["most"], first["percent"]) == (
            "FU-LOAN-SMALL", "DAY", 1, 5, 20,
        )  # fmt: skip
        assert first["until"] == "2026-11-21T00:00:00.000+08:00"
        assert {line["institution"] for line in lines} == {facts.BANK_HKB}
        assert [line["percent"] for line in lines] == sorted((q["percent"] for q in lines), reverse=True)
        entry = json.loads(answer["extensions"]["receipt"]["entry"])
        assert (entry["kind"], entry["outcome"]) == ("AUDIT_READ", "DONE")
        text = json.dumps(answer, ensure_ascii=False)
        for value in (facts.COMPANY_NAME, facts.PERSON_NAME, COMPANY):
            assert value not in text

    run(database_url, tmp_path, scene)


def test_nobody_else_sees_the_counts(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        await world.ask(bank, ASK, {"u": COMPANY})
        department = await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED")
        for token in (bank, department, await world.token("subject-org", "SELF_QUERY")):
            size = world.hub.log.size
            answer = await world.ask(token, QUOTAS)
            assert answer["data"] is None
            assert answer["errors"][0]["extensions"]["reason"] == "PURPOSE_NOT_HELD"
            assert "sub_" not in json.dumps(answer["errors"])
            assert json.loads(answer["extensions"]["receipt"]["entry"])["outcome"] == "REFUSED"
            assert world.hub.log.size == size + 1

    run(database_url, tmp_path, scene)


def test_a_question_about_quotas_that_cannot_be_is_refused(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        for variables in ({"n": -1}, {"n": 101}, {"f": 0}, {"f": 100_000}, {"i": "\u0000"}):
            response = await world.send(officer, QUOTAS, variables)
            assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT", variables

    run(database_url, tmp_path, scene)
