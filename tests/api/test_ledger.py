"""The ledger in the schema: a subject reads it in words, and starts a withdrawal or an objection from a line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from world import COMPANY, ISSUER, World, run

from hub.demo import story_facts as facts
from hub.identity.assertion import request_token
from hub.identity.clients import Client
from hub.keys.jwk import generate_client_key

ASK = (
    "query Q($u: USCC!) { organization(uscc: $u) "
    "{ name legalRepresentative { name } government { taxPayments { nodes { period } } } } }"
)
LEDGER = (
    "query L($b: Int) { accessLedger(before: $b, first: 100) { notYetShown nodes { index outcome who { zh en } "
    "sentence { zh en } purposeTitle { zh en } basisText { zh en } consent withdrawable delayedUnder caller "
    "items { title { zh } labels { zh en } } shownRecords { dataset record title { zh } } } } }"
)
WITHDRAW = "mutation W($id: ID!) { withdrawConsent(id: $id) { status } }"
OBJECT = "mutation O($i: ObjectionInput!) { objectToRecord(input: $i) { id state dataset record } }"
PRIVATE, PUBLIC = generate_client_key()
PROCURATORATE = "11460000DEM0000991"


async def ledger(world: World) -> dict[str, Any]:
    answer = await world.ask(await world.token("subject-org", "SELF_QUERY"), LEDGER)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["accessLedger"]
    return found


async def procuratorate(world: World) -> None:
    """A judicial body looks at the company for a matter whose lookups are secret for a year."""
    client = Client(
        "procuratorate", "海南省人民检察院（演示）", "Procuratorate", ("judicial_body",), PROCURATORATE,
        ("JUDICIAL_CASE",), {"keys": [PUBLIC]}, ad_hoc=True,
    )  # fmt: skip
    await world.register(client)
    details = {
        "type": "credit_disclosure", "purpose": "JUDICIAL_CASE", "subjects": [COMPANY],
        "matter": "JC-PROCURATORATE", "reference": "琼检2026演1",
    }  # fmt: skip
    answer = await request_token(
        world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=PRIVATE, client_id="procuratorate",
        issuer=ISSUER, details=[details], now=world.clock.now(),
    )  # fmt: skip
    shown = await world.ask(str(answer["access_token"]), ASK, {"u": COMPANY})
    assert shown["data"]["organization"]["name"] == facts.COMPANY_NAME, shown


def test_a_line_is_in_words_and_a_consent_is_withdrawn_from_it(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        await world.ask(bank, ASK, {"u": COMPANY})
        line = next(x for x in (await ledger(world))["nodes"] if x["outcome"] == "DISCLOSED")
        assert line["who"] == {"zh": "海口示范银行（演示）", "en": "Haikou Demonstration Bank"}
        assert line["purposeTitle"]["zh"] == "贷款申请审查"
        assert line["sentence"]["zh"].startswith(
            "2026年11月20日 10:00，海口示范银行（演示）为“贷款申请审查”查询"
        )
        assert line["consent"] in line["sentence"]["en"]
        assert "法定代表人" in line["sentence"]["zh"]
        assert (line["withdrawable"], line["delayedUnder"]) == (True, None)
        own = await world.token("subject-org", "SELF_QUERY")
        answer = await world.ask(own, WITHDRAW, {"id": line["consent"]})
        assert answer["data"]["withdrawConsent"]["status"] == "REVOKED"
        again = next(x for x in (await ledger(world))["nodes"] if x["index"] == line["index"])
        assert not again["withdrawable"]
        assert (await world.ask(bank, ASK, {"u": COMPANY}))["data"]["organization"] is None

    run(database_url, tmp_path, scene)


def test_an_objection_is_opened_from_a_line(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await world.ask(await world.bank_token(), ASK, {"u": COMPANY})
        line = next(x for x in (await ledger(world))["nodes"] if x["outcome"] == "DISCLOSED")
        shown = next(x for x in line["shownRecords"] if x["dataset"] == "government.tax_payment")
        wanted = {
            "dataset": shown["dataset"], "record": shown["record"], "ground": "ERROR_OR_OMISSION", "statement": "金额有误",
        }  # fmt: skip
        own = await world.token("subject-org", "SELF_QUERY")
        answer = await world.ask(own, OBJECT, {"i": wanted})
        if "errors" in answer:
            raise AssertionError(answer)
        assert answer["data"]["objectToRecord"]["record"] == shown["record"]

    run(database_url, tmp_path, scene)


def test_a_secret_lookup_is_counted_then_shown_with_the_law_that_kept_it_back(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await procuratorate(world)
        before = await ledger(world)
        assert before["notYetShown"] == 1
        text = json.dumps(before, ensure_ascii=False)
        for secret in ("procuratorate", "检察", PROCURATORATE, "JC-", "JUDICIAL", "司法"):
            assert secret not in text
        world.clock.advance(timedelta(days=365))
        after = await ledger(world)
        assert after["notYetShown"] == 0
        line = next(x for x in after["nodes"] if x["caller"] == "procuratorate")
        assert "检察办案查询" in line["sentence"]["zh"]
        assert "个人信息保护法第十八条" in line["delayedUnder"]

    run(database_url, tmp_path, scene)
