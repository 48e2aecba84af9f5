"""The gate's direct answer is what the GraphQL engine gives for the same finished data."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from world import COMPANY, World, run

from hub.demo import story_facts as facts

from .documents import write
from .gate_world import DOCUMENTS, Bench, caller_for, load, story

_CALLERS = {
    "a bank with consent, about a company": ("bank-hkb", "LOAN_APPLICATION", COMPANY, "organization"),
    "a department with a matter, about a company": ("dept-amr", "GOV_SUPERVISION", COMPANY, "organization"),
    "the company about itself": ("subject-org", "SELF_QUERY", COMPANY, "organization"),
    "a person about herself": ("subject-person", "SELF_QUERY", facts.PERSON_ID, "person"),
}


@pytest.mark.parametrize("name", _CALLERS)
def test_the_plan_gives_what_the_engine_gives(name: str, database_url: str, tmp_path: Path) -> None:
    client, purpose, identifier, root = _CALLERS[name]

    async def scene(world: World) -> None:
        await load(world, story())
        bench = Bench(world)
        grant = {}
        if client == "bank-hkb":
            grant["consent_id"] = await world.consent()
        if purpose.startswith("GOV"):
            grant["matter"] = "SV-GRADED"
        caller = caller_for(world, client, purpose, identifier, **grant)
        leaves = 0
        for seed in range(DOCUMENTS // 4):
            document = write(bench.core, seed, identifier, root)
            report = await bench.direct(caller, document.text, document.variables)
            assert not any(part.error for part in report.parts()), document
            result = await bench.engine(caller, document.text, document.variables, report.finished())
            assert not result.errors, (document, result.errors)
            mine, theirs = json.dumps(report.finished()), json.dumps(result.data)
            assert mine == theirs, document
            for sent, canonical in report.texts().values():
                assert canonical == orjson.dumps(orjson.loads(sent), option=orjson.OPT_SORT_KEYS)
            leaves += mine.count(":")
        assert leaves > 1000

    run(database_url, tmp_path, scene)


def test_a_document_that_also_asks_for_registers_gives_the_same_subject_data(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await load(world, story())
        token = await world.bank_token()
        bench = Bench(world)
        for seed in range(25):
            document = write(bench.core, seed, COMPANY)
            mixed = document.text.replace("{ ", "{ pulse: __typename ", 1)
            alone = await world.ask(token, document.text, document.variables)
            both = await world.ask(token, mixed, document.variables)
            assert both["data"].pop("pulse") == "Query"
            assert json.dumps(alone["data"]) == json.dumps(both["data"])
            assert alone["extensions"]["disclosure"] == both["extensions"]["disclosure"]
            if seed % 9 == 8:
                token = await world.bank_token()

    run(database_url, tmp_path, scene)
