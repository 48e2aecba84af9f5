"""A consent opens what was signed, to whom, for what and for as long as was signed; nothing else and no more."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, World, open_world, run

from hub.demo import story_facts as facts

ASK = (
    "query Q($u: USCC!) { organization(uscc: $u) { name "
    "government { taxPayments { nodes { period amount { amount } } } } } }"
)


async def ask(world: World, token: str, query: str = ASK) -> tuple[Any, str]:
    """The subject's data and the reason why there are none."""
    answer = await world.ask(token, query, {"u": COMPANY})
    reason = answer["errors"][0]["extensions"]["reason"] if answer.get("errors") else ""
    return answer["data"]["organization"], reason


async def token_for(world: World, consent: str) -> str:
    return await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent)


async def uses(world: World, consent: str) -> int:
    async with world.hub.database.connection() as connection:
        found = await connection.fetchval("SELECT used_count FROM consent WHERE consent_id = $1", consent)
    return int(found)


async def withdraw(world: World, consent: str) -> None:
    token = await world.token("subject-org", "SELF_QUERY")
    answer = await world.ask(
        token, "mutation W($id: ID!) { withdrawConsent(id: $id) { status } }", {"id": consent}
    )
    assert answer["data"]["withdrawConsent"]["status"] == "REVOKED"


def test_a_consent_opens_the_report_until_its_last_second_and_not_after(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent(validDays=1)
        await ask(world, await token_for(world, consent))
        world.clock.advance(timedelta(days=1, seconds=-1))
        data, _ = await ask(world, await token_for(world, consent))
        assert data["name"] == facts.COMPANY_NAME
        token = await token_for(world, consent)
        world.clock.advance(timedelta(seconds=1))
        assert await ask(world, token) == (None, "CONSENT_EXPIRED")
        assert await uses(world, consent) == 2

    run(database_url, tmp_path, scene)


def test_a_consent_that_is_not_yet_valid_opens_nothing(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent()
        world.clock.advance(timedelta(seconds=-1))
        assert await ask(world, await token_for(world, consent)) == (None, "CONSENT_NOT_YET_VALID")
        assert await uses(world, consent) == 0

    run(database_url, tmp_path, scene)


def test_a_withdrawn_consent_opens_nothing_here_and_on_another_process(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        async with open_world(database_url, tmp_path) as other:
            consent = await world.consent()
            token = await token_for(world, consent)
            there = await other.token("bank-hkb", "LOAN_APPLICATION", consent=consent)
            assert (await ask(world, token))[0] is not None
            assert (await ask(other, there))[0] is not None
            await withdraw(world, consent)
            assert await ask(world, token) == (None, "CONSENT_WITHDRAWN")
            assert await ask(other, there) == (None, "CONSENT_WITHDRAWN")
            assert await uses(world, consent) == 2

    run(database_url, tmp_path, scene)


def test_nothing_that_starts_after_a_withdrawal_under_traffic_returns_data(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        async with open_world(database_url, tmp_path) as other:
            consent = await world.consent(maxUses=20)
            tokens = {
                id(w): await w.token("bank-hkb", "LOAN_APPLICATION", consent=consent) for w in (world, other)
            }
            gone = asyncio.Event()
            seen: list[tuple[bool, Any]] = []

            async def traffic(w: World) -> None:
                for _ in range(12):
                    after = gone.is_set()
                    data, _ = await ask(w, tokens[id(w)])
                    seen.append((after, data))

            async def stop() -> None:
                while not any(data for _, data in seen):
                    await asyncio.sleep(0)
                await withdraw(world, consent)
                gone.set()

            await asyncio.gather(stop(), *(traffic(w) for w in (world, other) for _ in range(3)))
            assert any(data for after, data in seen if not after)
            assert any(after for after, _ in seen)
            assert all(data is None for after, data in seen if after)
            assert await uses(world, consent) == sum(data is not None for _, data in seen)

    run(database_url, tmp_path, scene)


def test_five_uses_are_five_answers_however_many_ask_at_once_on_two_processes(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        async with open_world(database_url, tmp_path) as other:
            consent = await world.consent(maxUses=5)
            pairs = [
                (w, await w.token("bank-hkb", "LOAN_APPLICATION", consent=consent)) for w in (world, other)
            ]
            answers = await asyncio.gather(*(ask(w, t) for w, t in pairs for _ in range(10)))
            shown = [data for data, _ in answers if data is not None]
            assert len(shown) == 5
            assert {reason for data, reason in answers if data is None} == {"CONSENT_EXHAUSTED"}
            assert await uses(world, consent) == 5

    run(database_url, tmp_path, scene)


def test_every_root_of_a_document_counts_as_a_use(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent(maxUses=3)
        token = await token_for(world, consent)
        two = "query Q($u: USCC!) { a: organization(uscc: $u) { name } b: organization(uscc: $u) { name } }"
        first = await world.ask(token, two, {"u": COMPANY})
        assert first["data"]["a"]
        assert first["data"]["b"]
        assert await uses(world, consent) == 2
        second = await world.ask(token, two, {"u": COMPANY})
        assert second["data"] == {"a": None, "b": None}
        assert await uses(world, consent) == 2

    run(database_url, tmp_path, scene)


def test_only_the_items_that_were_granted_are_shown(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent(datasets=["government.tax_payment"])
        token = await token_for(world, consent)
        answer = await world.ask(token, ASK, {"u": COMPANY})
        shown = answer["data"]["organization"]
        assert shown["name"] is None
        assert len(shown["government"]["taxPayments"]["nodes"]) == 3
        assert [n["reason"] for n in answer["extensions"]["disclosure"]["fields"]] == ["CONSENT_SCOPE"]
        assert facts.COMPANY_NAME not in json.dumps(answer, ensure_ascii=False)

    run(database_url, tmp_path, scene)


def test_only_records_of_the_granted_range_are_shown(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent(rangeFrom="2026-02-01", rangeTo="2026-02-28")
        data, _ = await ask(world, await token_for(world, consent))
        assert [n["period"] for n in data["government"]["taxPayments"]["nodes"]] == ["2026-02"]

    run(database_url, tmp_path, scene)


_ROW_EDITS = {
    "another grantee": f"grantee = '{facts.BANK_QZB}'",
    "a later end": "valid_to = valid_to + interval '5 years'",
    "an earlier start": "valid_from = valid_from - interval '5 years'",
    "more uses": "max_uses = 1000",
    "no limit of uses": "max_uses = NULL",
    "another purpose": "purpose = 'GUARANTEE'",
    "other items in the artefact": (
        """artefact = jsonb_set(artefact, '{items}', '[{"dataset":"financial.loan","fields":[],"separate":true}]')"""
    ),
    "a wider range in the artefact": "artefact = jsonb_set(artefact, '{dataRange,from}', '\"1990-01-01\"')",
    "an artefact without signature": "artefact = artefact - 'signature'",
}


@pytest.mark.parametrize("remembered", [False, True], ids=["first seen altered", "altered after use"])
def test_a_row_edited_by_hand_opens_nothing_more(remembered: bool, database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for edit, change in _ROW_EDITS.items():
            consent = await world.consent(validDays=1, maxUses=2)
            if remembered:
                assert (await ask(world, await token_for(world, consent)))[0], edit
            async with world.hub.database.connection() as connection:
                done = await connection.execute(f"UPDATE consent SET {change} WHERE consent_id = $1", consent)
                assert done == "UPDATE 1", edit
            client = "bank-qzb" if edit == "another grantee" else "bank-hkb"
            purpose = "GUARANTEE" if edit == "another purpose" else "LOAN_APPLICATION"
            token = await world.token(client, purpose, consent=consent)
            size = world.hub.log.size
            response = await world.send(token, ASK, {"u": COMPANY})
            if remembered and "artefact" in edit:  # what was verified is remembered: it opens what was signed
                assert len(response.json()["data"]["organization"]["government"]["taxPayments"]["nodes"]) == 3
                continue
            assert facts.COMPANY_NAME not in response.text, edit
            assert "2026-01" not in response.text, edit
            assert response.json()["errors"][0]["extensions"]["code"] in {"VERIFICATION", "INTEGRITY"}, edit
            assert await uses(world, consent) == int(remembered), edit
            assert world.hub.log.size == size + 1, edit

    run(database_url, tmp_path, scene)
