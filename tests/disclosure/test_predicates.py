"""Questions through the whole hub: who may ask, what is answered, what is counted, and what shows nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, ISSUER, NOW, World, open_world, run

from hub.demo import story_facts as facts
from hub.demo.codes import uscc
from hub.disclosure import questions as questions_module
from hub.disclosure.budget import spend, window_of
from hub.disclosure.questions import Question
from hub.identity.assertion import request_token
from hub.identity.clients import Client
from hub.keys.jwk import generate_client_key
from hub.policies.predicates import Budget
from hub.store.database import Database

from .gate_world import counted
from .paired import normal

BUREAU = uscc("91", "460100", "83001")
PRIVATE, PUBLIC = generate_client_key()
ASK = (
    "query Q($u: USCC!, $ask: [PredicateQuestion!]!) { organization(uscc: $u) { name "
    "predicates(ask: $ask) { code threshold answer asOf } } }"
)
TAX = "TAX_PAID_12M_AT_LEAST"


def one(code: str, threshold: str | None = None) -> dict[str, Any]:
    return {"code": code} if threshold is None else {"code": code, "threshold": threshold}


async def register_bureau(world: World) -> None:
    """A credit bureau: sees no tax and no social insurance, and may ask about both."""
    jwks = {"keys": [PUBLIC]}
    client = Client(
        "bureau", "征信机构（演示）", "Bureau", ("credit_bureau",), BUREAU, ("LOAN_APPLICATION",), jwks
    )
    await world.register(client)


async def bureau_token(world: World, **more: Any) -> str:
    consent = await world.consent(grantee=BUREAU, **more)
    details = {
        "type": "credit_disclosure", "purpose": "LOAN_APPLICATION", "subjects": [COMPANY], "consent": consent,
    }  # fmt: skip
    answer = await request_token(
        world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=PRIVATE, client_id="bureau", issuer=ISSUER,
        details=[details], now=world.clock.now(),
    )  # fmt: skip
    return str(answer["access_token"])


async def pay(world: World, month: str, fen: int | None, kind: str = "VAT") -> None:
    values = {"subjectName": facts.COMPANY_NAME, "uscc": COMPANY, "period": month, "taxType": kind}
    await world.put("government.tax_payment", values if fen is None else {**values, "amount": fen})


async def insure(world: World, months: Sequence[str], status: str | None = "PAID") -> None:
    for month in months:
        values = {
            "subjectName": facts.COMPANY_NAME, "uscc": COMPANY, "period": month, "insuranceType": "ALL",
            "insuredCount": 7, "amount": 700_000,
        }  # fmt: skip
        await world.put("government.social_insurance", values | ({"status": status} if status else {}))


def months(first: int, last: int) -> list[str]:
    """Months from 2025-`first` on; 13 is January 2026."""
    return [f"{2025 + (n - 1) // 12}-{(n - 1) % 12 + 1:02d}" for n in range(first, last + 1)]


async def answers(world: World, token: str, *ask: dict[str, Any]) -> list[str | None]:
    answer = await world.ask(token, ASK, {"u": COMPANY, "ask": list(ask)})
    return [a["answer"] for a in answer["data"]["organization"]["predicates"]]


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    notes = answer["extensions"]["disclosure"]["fields"]
    return {n["path"]: n["reason"] for n in notes if ".predicates." in n["path"]}


def entry_of(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer["extensions"]["receipt"]["entry"])
    return found


def test_a_bureau_asks_about_tax_it_cannot_see_and_is_answered_on_the_boundary(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        # `fill` has stored 12,345.67 + 24,691.34 + 37,037.01 yuan for January to March 2026
        await register_bureau(world)
        await pay(world, "2026-11", 10_000_000 - 7_407_402)
        await pay(world, "2025-11", 900_000_000)  # one month too old
        token = await bureau_token(world)
        assert await answers(world, token, one(TAX, "100K"), one(TAX, "500K")) == ["YES", "NO"]
        await pay(world, "2026-11", 10_000_000 - 7_407_402 - 1)
        assert await answers(world, token, one(TAX, "100K")) == ["NO"]
        await pay(world, "2025-12", 1, "STAMP_DUTY")  # the first month of the period
        assert await answers(world, token, one(TAX, "100K")) == ["YES"]

    run(database_url, tmp_path, scene)


def test_the_months_of_social_insurance_are_asked_one_by_one(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        token = await bureau_token(world)
        stable = one("SOCIAL_INSURANCE_STABLE_12M")
        assert await answers(world, token, stable) == ["UNKNOWN"]
        await insure(world, months(11, 21))
        assert await answers(world, token, stable) == ["NO"]
        await insure(world, months(22, 22), None)
        assert await answers(world, token, stable) == ["UNKNOWN"]
        await insure(world, months(22, 22))
        assert await answers(world, token, stable) == ["YES"]
        await insure(world, months(15, 15), "ARREARS")
        assert await answers(world, token, stable) == ["NO"]

    run(database_url, tmp_path, scene)


def test_a_question_that_does_not_open_is_null_with_a_reason_and_costs_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        token = await bureau_token(world)
        ask = [
            one(TAX), one(TAX, "700K"), one(TAX, "100000"), one("TAX_PAYMENT_RECORDED_12M", "100K"),
            one("HEADCOUNT_12M_AT_LEAST", "60"), one("LOAN_OVERDUE_NONE_12M"), one(TAX, "100K"),
        ]  # fmt: skip
        answer = await world.ask(token, ASK, {"u": COMPANY, "ask": ask})
        found = answer["data"]["organization"]["predicates"]
        assert [(a["answer"], a["asOf"]) for a in found] == [(None, None)] * 6 + [("NO", "2026-11-20")]
        where = "organization.predicates"
        assert reasons(answer) == {
            **{f"{where}.{n}": "PREDICATE_THRESHOLD" for n in range(4)},
            f"{where}.4": "NO_RULE",
            f"{where}.5": "DENIED_BY_RULE",
        }
        part = entry_of(answer)["subjects"][0]
        assert [q["outcome"] for q in part["predicates"]] == ["refused"] * 6 + ["answered"]
        assert "700K" not in json.dumps(part)
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT sum(asked) FROM question_count") == 1

    run(database_url, tmp_path, scene)


def test_a_consent_that_does_not_name_the_dataset_or_cover_the_period_answers_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        for more in (
            {"datasets": ["government.registration", "government.social_insurance"]},
            {"rangeFrom": "2026-01-01"},
        ):
            token = await bureau_token(world, **more)
            answer = await world.ask(token, ASK, {"u": COMPANY, "ask": [one(TAX, "100K")]})
            assert answer["data"]["organization"]["name"] == facts.COMPANY_NAME
            assert answer["data"]["organization"]["predicates"][0]["answer"] is None
            assert reasons(answer) == {"organization.predicates.0": "CONSENT_SCOPE"}
            assert entry_of(answer)["subjects"][0]["predicates"][0]["outcome"] == "refused"
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM question_count") == 0

    run(database_url, tmp_path, scene)


def test_a_value_that_can_only_be_asked_about_shows_nowhere(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        await pay(world, "2026-04", 987_654_321)
        token = await bureau_token(world)
        query = (
            "query Q($u: USCC!, $ask: [PredicateQuestion!]!) { organization(uscc: $u) { predicates(ask: $ask) "
            "{ answer } government { taxPayments { nodes { id period amount { amount } } pageInfo { hasNextPage } } } } }"
        )
        response = await world.send(token, query, {"u": COMPANY, "ask": [one(TAX, "5M"), one(TAX, "1M")]})
        answer = response.json()
        assert answer["data"]["organization"] == {
            "predicates": [{"answer": "YES"}, {"answer": "YES"}],
            "government": {"taxPayments": None},
        }
        entry = entry_of(answer)
        part = entry["subjects"][0]
        assert entry["unsealed"] == 0
        assert part["records"] == {}
        assert part["fields"]["predicate"] == {"government.tax_payment": ["amount", "period"]}
        assert part["predicates"] == [
            {"code": TAX, "outcome": "answered", "threshold": "5M"},
            {"code": TAX, "outcome": "answered", "threshold": "1M"},
        ]
        assert "YES" not in json.dumps(entry)
        async with world.hub.database.connection() as connection:
            logged = b"".join(bytes(r["body"]) for r in await connection.fetch("SELECT body FROM log_entry"))
        for value in (b"987654321", b"9876543.21", b"YES"):
            assert value not in logged
        assert "9876543" not in response.text

    run(database_url, tmp_path, scene)


def test_the_subject_sees_in_its_ledger_what_was_asked(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        await answers(world, await bureau_token(world), one(TAX, "100K"), one("SOCIAL_INSURANCE_STABLE_12M"))
        token = await world.token("subject-org", "SELF_QUERY")
        answer = await world.ask(
            token, "{ accessLedger { nodes { institution questions { code threshold outcome } } } }"
        )
        line = next(n for n in answer["data"]["accessLedger"]["nodes"] if n["questions"])
        assert line == {
            "institution": BUREAU,
            "questions": [
                {"code": TAX, "threshold": "100K", "outcome": "answered"},
                {"code": "SOCIAL_INSURANCE_STABLE_12M", "threshold": None, "outcome": "answered"},
            ],
        }

    run(database_url, tmp_path, scene)


def test_halving_is_refused_and_the_budget_outlives_the_process(database_url: str, tmp_path: Path) -> None:
    async def first(world: World) -> None:
        await register_bureau(world)
        token = await bureau_token(world)
        answer = await world.ask(
            token, ASK, {"u": COMPANY, "ask": [one(TAX, t) for t in ("100K", "1M", "500K", "5M")]}
        )
        assert [a["answer"] for a in answer["data"]["organization"]["predicates"]] == ["NO", "NO", None, None]
        assert reasons(answer) == {f"organization.predicates.{n}": "PREDICATE_BUDGET" for n in (2, 3)}
        assert await answers(world, token, one(TAX, "1M"), one("TAX_PAYMENT_RECORDED_12M")) == ["NO", "YES"]
        assert await answers(world, token, one(TAX, "5M")) == [None]

    async def later(world: World) -> None:
        budget = world.hub.rules.policy.questionnaire.budget
        token = await bureau_token(world)
        assert await answers(world, token, one(TAX, "5M"), one(TAX, "100K")) == [None, "NO"]
        asked = [one("TAX_PAYMENT_RECORDED_12M")] * budget.questions
        found = await answers(world, token, *asked)
        assert found.count("YES") == budget.questions - 5
        assert found[-1] is None

    run(database_url, tmp_path, first)
    run(database_url, tmp_path, later)


def test_too_many_questions_at_once_are_refused_with_a_hint(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        ask = [one("TAX_PAYMENT_RECORDED_12M")] * 21
        answer = await world.ask(await bureau_token(world), ASK, {"u": COMPANY, "ask": ask})
        assert answer["data"] == {"organization": None}
        assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"
        unknown = await world.send(
            await bureau_token(world), ASK, {"u": COMPANY, "ask": [one("BALANCE_ABOVE")]}
        )
        assert unknown.status_code == 400

    run(database_url, tmp_path, scene)


def test_more_records_than_are_judged_leave_the_answer_open(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        await register_bureau(world)
        monkeypatch.setattr(questions_module, "MOST_ROWS", 2)
        assert await answers(world, await bureau_token(world), one("TAX_PAYMENT_RECORDED_12M")) == ["UNKNOWN"]

    run(database_url, tmp_path, scene)


def test_the_budget_is_exact_when_many_ask_at_once(database_url: str) -> None:
    budget = Budget(window_days=30, questions=7, thresholds=2)

    async def play() -> None:
        from hub.catalog.loader import load_catalog
        from hub.folders import locate
        from hub.policies.files import load_policies

        catalog = load_catalog(locate("schema"))
        predicate = load_policies(locate("policies"), catalog).questionnaire.predicates[TAX]
        databases = [await Database.open(database_url, pool_size=8) for _ in range(2)]

        async def ask(number: int, threshold: str, institution: str = BUREAU) -> bool:
            question = Question(TAX, threshold, "", threshold, predicate)
            async with databases[number % 2].connection() as connection:
                return await spend(connection, budget, b"s" * 16, institution, question, NOW.date())

        try:
            found = await asyncio.gather(*(ask(n, ("100K", "500K", "1M", "5M")[n % 4]) for n in range(40)))
            assert sum(found) == budget.questions
            open_to = {("100K", "500K", "1M", "5M")[n % 4] for n, yes in enumerate(found) if yes}
            assert len(open_to) <= budget.thresholds
            assert await ask(0, "100K", facts.BANK_HKB)  # another institution has its own
            async with databases[0].connection() as connection:
                rows = await connection.fetch("SELECT asked, thresholds FROM question_count ORDER BY asked")
            assert [row["asked"] for row in rows] == [1, budget.questions]
        finally:
            for database in databases:
                await database.close()

    asyncio.run(play())


def test_a_new_window_opens_a_new_budget() -> None:
    budget = Budget(window_days=30)
    starts = {window_of(budget, NOW.date().fromordinal(NOW.date().toordinal() + n)) for n in range(90)}
    assert len(starts) in (3, 4)
    assert all((b - a).days == 30 for a, b in zip(sorted(starts), sorted(starts)[1:], strict=False))


async def _ask_all(
    url: str, folder: Path, *, other: bool, patch: pytest.MonkeyPatch
) -> list[tuple[str, int]]:
    asked = [
        [one(TAX, "100K"), one("TAX_PAYMENT_RECORDED_12M")],
        [one(TAX, "500K"), one("SOCIAL_INSURANCE_STABLE_12M"), one("HEADCOUNT_12M_AT_LEAST", "60")],
        [one(TAX, "1M"), one(TAX, "100K")],
    ]
    async with open_world(url, folder, pool_size=2) as world:
        await world.put("government.registration", {
            "name": facts.COMPANY_NAME, "uscc": COMPANY, "establishedOn": "2019-05-20",
        })  # fmt: skip
        await register_bureau(world)
        for number, month in enumerate(months(12, 23 if other else 20)):
            await pay(
                world,
                month,
                3_000_000 + number * 1_234 if other else 4_000_001,
                "VAT" if number % 2 else "OTHER",
            )
        await insure(world, months(11, 22))
        if other:
            await pay(world, "2024-01", 77)
            await insure(world, months(1, 8), "ARREARS")
        token = await bureau_token(world)
        found = []
        with counted(patch) as counts:
            for ask in asked:
                counts.take()
                answer = await world.ask(token, ASK, {"u": COMPANY, "ask": ask})
                consent = entry_of(answer)["subjects"][0]["basis"]["consent"]
                found.append(
                    (
                        normal(json.dumps(answer, separators=(",", ":"))).replace(consent, "c_"),
                        counts.take()[0],
                    )
                )
        return found


def test_two_files_that_give_the_same_answers_give_the_same_bytes(
    two_database_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_world, other_world = (
        asyncio.run(_ask_all(url, tmp_path, other=other, patch=monkeypatch))
        for url, other in zip(two_database_urls, (False, True), strict=True)
    )
    assert one_world == other_world
    assert '"answer":"YES"' in one_world[0][0]
    assert '"PREDICATE_BUDGET"' in one_world[2][0]


async def refund_token(world: World) -> str:
    """A token of the office that refunds unemployment insurance to firms that keep jobs."""
    purpose, jwks = "FISCAL_REWARD", {"keys": [PUBLIC]}
    await world.register(
        Client("refunds", "稳岗返还（演示）", "Refunds", ("department",), BUREAU, (purpose,), jwks)
    )
    details = {
        "type": "credit_disclosure", "purpose": purpose, "subjects": [COMPANY], "matter": "FR-JOB-RETENTION",
    }  # fmt: skip
    answer = await request_token(
        world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=PRIVATE, client_id="refunds", issuer=ISSUER,
        details=[details], now=world.clock.now(),
    )  # fmt: skip
    return str(answer["access_token"])


def test_what_is_generalised_is_coarser_accounted_for_and_explained(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await insure(world, ["2026-10"])
        token = await refund_token(world)
        query = '{ organization(uscc: "%s") { government { socialInsurance { nodes { insuredCount } } } } }'
        answer = await world.ask(token, query % COMPANY)
        nodes = answer["data"]["organization"]["government"]["socialInsurance"]["nodes"]
        assert nodes == [{"insuredCount": 5}]
        (note,) = answer["extensions"]["disclosure"]["fields"]
        assert (note["outcome"], note["reason"], note["rule"]) == (
            "GENERALISED",
            "GENERALISED_BY_RULE",
            "D-REWARD-23",
        )
        entry = entry_of(answer)
        assert entry["subjects"][0]["fields"] == {
            "generalised": {"government.social_insurance": ["insuredCount"]}
        }
        assert entry["unsealed"] == 1

    run(database_url, tmp_path, scene)
