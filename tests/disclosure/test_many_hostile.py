"""Lists of subjects under odd questions, altered files, lost connections and readers who see only their own part."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from world import COMPANY, STRANGER, World, run

from hub.audit import offline_pack
from hub.demo.clients import unsafe_demo_key
from hub.disclosure.history import replay_since
from hub.disclosure.replay import Replayer
from hub.identity.assertion import request_token

from .portfolio_world import CLIENT, MANY, PURPOSE, Portfolio, entries, export

LEDGER = (
    "{ accessLedger(first: 1) { nodes { outcome purpose basis items { dataset outcome fields } records } } }"
)


def log_key(world: World) -> str:
    return str(world.hub.ring.public().note_verifiers()[0])


async def newest_line(world: World) -> dict[str, Any]:
    """What the company sees of the last operation about it."""
    answer = await world.ask(await world.token("subject-org", "SELF_QUERY"), LEDGER)
    line: dict[str, Any] = answer["data"]["accessLedger"]["nodes"][0]
    return line


def test_a_list_that_is_null_is_an_invalid_request_and_recorded_as_one(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token, company = await portfolio.token(), portfolio.companies[0]
        for query in (
            f'query($x: [SubjectIdentifier!] = ["{company}"]) {{ subjects(ids: $x) {{ id }} }}',
            f'query($x: USCC = "{company}") {{ organization(uscc: $x) {{ id }} }}',
        ):
            assert (await world.ask(token, query))["data"]
            response = await world.send(token, query, {"x": None})
            assert response.status_code == 400
            assert response.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_INVALID"
            assert (await entries(world))[-1]["outcome"] == "INVALID"

    run(database_url, tmp_path, scene)


def test_the_receipt_of_an_export_covers_every_line_and_nothing_else_may_stand_there(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token = await portfolio.token()
        file, said = tmp_path / "portfolio.ndjson", []
        file.write_bytes((await export(world, token, [])).content)
        assert offline_pack.verify_file(file, log_key(world), said.append) == 0, said
        text = (await export(world, token, [*portfolio.companies, STRANGER])).text
        *lines, last = text.splitlines()
        changes = {
            "another reason": (text.replace('"SUBJECT_NOT_IN_TOKEN"', '"CONSENT_WITHDRAWN"', 1), 1),
            "a reason left out": ("\n".join([*lines[:5], '{"index":5,"data":null}', last]), 1),
            "a reason made up": (text.replace("}\n", ',"errors":[{"message":"no"}]}\n', 1), 1),
            "a remark": (text.replace('{"index":0', '{"remark":"solvent","index":0', 1), 1),
            "a line left out": ("\n".join([*lines[1:], last]), 1),
            "the last line left out": ("\n".join(lines), 2),
            "a root that is no text": ("\n".join([*lines, '{"root":[],"errors":[],"extensions":{}}']), 1),
        }
        for name, (altered, code) in changes.items():
            file.write_text(altered)
            assert offline_pack.verify_file(file, log_key(world), said.append) == code, name

    run(database_url, tmp_path, scene)


def test_the_ledger_of_a_company_shows_its_part_of_a_list_and_no_other(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 6)
        assert COMPANY in portfolio.companies
        await world.ask(await portfolio.token(), MANY, {"ids": portfolio.companies})
        line = await newest_line(world)
        own = portfolio.consents[portfolio.companies.index(COMPANY)]
        assert line["outcome"] == "DISCLOSED"
        assert line["basis"]["consent"] == own
        assert {"government.registration", "government.tax_payment"} <= {i["dataset"] for i in line["items"]}
        text = json.dumps(line)
        assert not any(consent in text for consent in portfolio.consents if consent != own)
        assert "sub_" not in text

    run(database_url, tmp_path, scene)


def test_a_second_question_about_a_company_in_one_operation_does_not_hide_from_its_ledger(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        query = f"""{{ innocent: organization(uscc: "{COMPANY}") {{ name }}
            curious: organization(uscc: "{COMPANY}") {{ government {{ taxPayments {{ nodes {{ period }} }} }} }} }}"""
        assert "errors" not in await world.ask(token, query)
        line = await newest_line(world)
        shown = {item["dataset"]: item["fields"] for item in line["items"] if item["outcome"] == "clear"}
        assert shown == {"government.registration": ["name"], "government.tax_payment": ["period"]}
        assert line["records"] == {"government.registration": 1, "government.tax_payment": 3}

    run(database_url, tmp_path, scene)


def test_each_subject_is_recorded_under_the_purpose_of_its_own_grant(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        other = next(c for c in portfolio.companies if c != COMPANY)
        mine = await world.consent(purpose="LOAN_APPLICATION")
        theirs = portfolio.consents[portfolio.companies.index(other)]
        details = [
            {"type": "credit_disclosure", "purpose": purpose, "subjects": [company], "consent": consent}
            for purpose, company, consent in ((PURPOSE, other, theirs), ("LOAN_APPLICATION", COMPANY, mine))
        ]
        answer = await request_token(
            world.http, "https://hub.test/oauth/token", details=details, client_id=CLIENT,
            unsafe_private_jwk=unsafe_demo_key(world.keys, CLIENT), issuer="https://hub.test",
            now=world.clock.now(),
        )  # fmt: skip
        found = await world.ask(str(answer["access_token"]), MANY, {"ids": [other, COMPANY]})
        assert "errors" not in found
        entry = (await entries(world))[-1]
        assert entry["purpose"] == PURPOSE
        assert [part.get("purpose") for part in entry["subjects"]] == [None, "LOAN_APPLICATION"]
        assert (await newest_line(world))["purpose"] == "LOAN_APPLICATION"
        replayer = Replayer(world.hub.rules, {c.client_id: c for c in world.hub.registry.listed()})
        replay = await replay_since(world.hub.database, replayer, world.clock.now())
        assert (replay.opening, replay.closing, replay.unknown) == (0, 0, 0)

    run(database_url, tmp_path, scene)


def test_a_list_is_decided_again_as_it_was_decided(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 9)
        await world.ask(await portfolio.token(), MANY, {"ids": portfolio.companies})
        replayer = Replayer(world.hub.rules, {c.client_id: c for c in world.hub.registry.listed()})
        replay = await replay_since(world.hub.database, replayer, world.clock.now())
        assert (replay.subjects, replay.opening, replay.closing) == (9, 0, 0)

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("lines", [False, True], ids=["one answer", "line by line"])
def test_lost_connections_give_no_answer_and_the_next_request_is_served(
    lines: bool, database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 40)
        token = await portfolio.token()

        async def ask() -> Any:
            if lines:
                return await export(world, token, portfolio.companies)
            return await world.send(token, MANY, {"ids": portfolio.companies})

        async def kill() -> None:
            connection = await asyncpg.connect(database_url)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            await connection.close()

        for _ in range(3):
            assert (await ask()).status_code == 200
            await kill()
            assert (await ask()).status_code in (200, 503)
            asking = asyncio.create_task(ask())
            await kill()
            assert (await asking).status_code in (200, 503)
            while (await ask()).status_code != 200:
                await asyncio.sleep(0.05)

    run(database_url, tmp_path, scene)
