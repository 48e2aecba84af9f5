"""The data tracker: the paths and fields of the specification, the ledger's own lines, and nobody else's."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from world import COMPANY, STRANGER, World, run

from hub.audit.entry import read_body
from hub.demo import story_facts as facts
from hub.keys.pseudonym import pseudonym

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
USER = {"x-road-userid": "EE38001085718"}


async def get(world: World, token: str | None, path: str, **parameters: Any) -> httpx.Response:
    headers = dict(USER) | ({"authorization": f"Bearer {token}"} if token else {})
    return await world.http.get(f"/data-tracker/{path}", params=parameters, headers=headers)


async def own(world: World) -> str:
    return await world.token("subject-org", "SELF_QUERY")


async def entry(world: World, back: int = 1) -> dict[str, Any]:
    """The newest entry of the log."""
    async with world.hub.database.connection() as connection:
        body = await connection.fetchval(
            "SELECT body FROM log_entry WHERE idx = $1", world.hub.log.size - back
        )
    return read_body(body)


def test_the_uses_of_a_subject_are_listed_as_the_specification_has_them(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        answer = await get(world, await own(world), "findUsage", userCode=COMPANY)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {
            "totalUsages": 1,
            "usages": [
                {
                    "logtime": "2026-11-20T10:00:00+08:00",
                    "action": "贷款申请审查 Decision on a loan application",
                    "receiverCode": facts.BANK_HKB,
                    "receiverName": "海口示范银行（演示）",
                    "receiverSystem": "bank-hkb",
                }
            ],
        }
        read = await entry(world)
        assert (read["kind"], read["operation"], read["outcome"]) == (
            "AUDIT_READ",
            "tracker.findUsage",
            "DONE",
        )
        assert read["operator"].startswith("op_")
        assert USER["x-road-userid"] not in json.dumps(read)
        mine = pseudonym(world.hub.indexer.subject_id("ORG", COMPANY))
        assert (await get(world, await own(world), "findUsage", userCode=mine)).json()["totalUsages"] == 1

    run(database_url, tmp_path, scene)


def test_pages_and_periods_cut_the_list_and_the_total_is_that_of_the_period(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        for _ in range(4):
            await world.ask(bank, ASK, {"u": COMPANY})
            world.clock.advance(timedelta(minutes=1))
        token = await own(world)

        async def found(**parameters: Any) -> tuple[int, list[str]]:
            body = (await get(world, token, "findUsage", userCode=COMPANY, **parameters)).json()
            return body["totalUsages"], [use["logtime"][11:16] for use in body["usages"]]

        assert await found() == (4, ["10:03", "10:02", "10:01", "10:00"])
        assert await found(limit=2) == (4, ["10:03", "10:02"])
        assert await found(limit=2, offset=3) == (4, ["10:00"])
        assert await found(offset=9) == (4, [])
        assert await found(periodStart="2026-11-20T10:01:00", periodEnd="2026-11-20T02:02:00Z") == (
            2,
            ["10:02", "10:01"],
        )

    run(database_url, tmp_path, scene)


def test_period_and_heartbeat_answer_as_the_specification_has_them(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await world.consent()
        world.clock.advance(timedelta(minutes=9))
        answer = await get(world, await own(world), "usagePeriod")
        assert (answer.status_code, answer.json()) == (200, {"periodStart": "2026-11-20T10:00:00+08:00"})
        assert (await entry(world))["operation"] == "tracker.usagePeriod"
        size = world.hub.log.size
        alive = await get(world, None, "heartbeat")
        assert (alive.status_code, alive.json()["status"]) == (200, "OK")
        assert world.hub.log.size == size

    run(database_url, tmp_path, scene)


MALFORMED: dict[str, dict[str, Any]] = {
    "no subject": {},
    "a limit of none": {"userCode": COMPANY, "limit": 0},
    "too large a limit": {"userCode": COMPANY, "limit": 10_001},
    "an offset below none": {"userCode": COMPANY, "offset": -1},
    "an offset of letters": {"userCode": COMPANY, "offset": "١"},
    "a time that is none": {"userCode": COMPANY, "periodStart": "yesterday"},
    "a day without a time": {"userCode": COMPANY, "periodEnd": "2026-11-20"},
    "a week's day": {"userCode": COMPANY, "periodStart": "2026-W01-1T00:00:00"},
    "a time with a zero byte": {"userCode": COMPANY, "periodStart": "2026-11-20T10:00:00Z\0"},
    "a time finer than the log's": {"userCode": COMPANY, "periodEnd": "2026-11-20T10:00:00.9999999"},
    "a time that no database has": {"userCode": COMPANY, "periodStart": "0001-01-01T00:00:00"},
    "a time before all times": {"userCode": COMPANY, "periodStart": "0001-01-01T00:00:00+14:00"},
    "a parameter nobody knows": {"userCode": COMPANY, "processingType": "DATA_REQUEST"},
    "a parameter stated twice": {"userCode": [COMPANY, STRANGER]},
}


def test_what_is_asked_wrongly_is_400_and_recorded(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await own(world)
        await get(world, token, "usagePeriod")
        for name, parameters in MALFORMED.items():
            size = world.hub.log.size
            answer = await get(world, token, "findUsage", **parameters)
            assert answer.status_code == 400, (name, answer.text)
            assert set(answer.json()) == {"code", "message"}, name
            assert world.hub.log.size == size + 1, name
            assert (await entry(world))["outcome"] == "REFUSED", name
        headers = {"authorization": f"Bearer {token}"}
        nobody = await world.http.get(f"/data-tracker/findUsage?userCode={COMPANY}", headers=headers)
        assert (nobody.status_code, "X-Road-UserId" in nobody.text) == (400, True)

    run(database_url, tmp_path, scene)


def test_nobody_reads_the_uses_of_another_and_all_refusals_are_one(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        await world.ask(bank, ASK, {"u": COMPANY})
        company, officer = await own(world), await world.token("officer-privacy", "AUDIT_REVIEW", ())
        person = await world.token("subject-person", "SELF_QUERY", (facts.PERSON_ID,))
        refusals = [
            await get(world, token, "findUsage", userCode=code)
            for token, code in (
                (company, STRANGER),
                (company, "91460105DEM0000000"),
                (company, "sub_" + "0" * 32),
                (company, "sub_zz"),
                (company, "\x00"),
                (company, facts.PERSON_ID),
                (person, COMPANY),
                (bank, COMPANY),
                (officer, COMPANY),
            )
        ]
        assert {(r.status_code, r.text) for r in refusals} == {(400, refusals[0].text)}
        assert (await get(world, person, "findUsage", userCode=facts.PERSON_ID)).json()["totalUsages"] == 0
        for token in (bank, officer):
            assert (await get(world, token, "usagePeriod")).status_code == 400

    run(database_url, tmp_path, scene)


def test_without_a_good_token_it_is_401_and_nothing_is_recorded(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        size = world.hub.log.size
        for token in (None, "nonsense"):
            for path in ("findUsage", "usagePeriod"):
                answer = await get(world, token, path, userCode=COMPANY)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")
        assert world.hub.log.size == size

    run(database_url, tmp_path, scene)


def test_the_tracker_lists_what_the_ledger_says_was_shown(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        await world.ask(bank, ASK, {"u": COMPANY})
        await world.ask(bank, ASK, {"u": STRANGER})
        await world.ask(await own(world), ASK, {"u": COMPANY})
        department = await world.token("dept-amr", "GOV_APPROVAL", matter="AP-FOOD-LICENCE")
        await world.ask(department, ASK, {"u": COMPANY})
        query = "{ accessLedger(first: 100) { nodes { caller purpose outcome } } }"
        lines = (await world.ask(await own(world), query))["data"]["accessLedger"]["nodes"]
        uses = (await get(world, await own(world), "findUsage", userCode=COMPANY)).json()["usages"]
        shown = [line["caller"] for line in lines if line["outcome"] == "DISCLOSED"]
        assert [use["receiverSystem"] for use in uses] == shown == ["dept-amr", "subject-org", "bank-hkb"]

    run(database_url, tmp_path, scene)
