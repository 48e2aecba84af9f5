"""Emergency access over the API: two persons, one subject, some hours, a review, a notice, a line in the ledger."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from world import COMPANY, ISSUER, STRANGER, World, run

from hub.demo import story_facts as facts
from hub.demo.clients import unsafe_demo_key
from hub.demo.codes import uscc
from hub.emergency.sweep import EmergencySweep, Told
from hub.identity.assertion import request_token

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name address government { taxPayments { nodes { period } } } } }"
NAME = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
F = (
    " fragment F on Emergency { id state subject institution uses overAt reviewDueOn reviewOverdue noticeDueOn"
    " noticeOverdue toldAt verdict verdictWords }"
)
REQUEST = (
    'mutation R($s: String!, $w: String! = "三楼有人被困", $r: String! = "急2026-演7") '
    "{ requestEmergency(subject: $s, danger: LIFE, reason: $w, reference: $r) { ...F } }" + F
)
APPROVE = "mutation A($i: ID!) { approveEmergency(id: $i) { ...F } }" + F
END = 'mutation E($i: ID!) { endEmergency(id: $i, reason: "险情已排除") { ...F } }' + F
REVIEW = (
    'mutation V($i: ID!, $v: EmergencyVerdict! = JUSTIFIED, $w: String! = "与接警记录相符") '
    "{ reviewEmergency(id: $i, verdict: $v, words: $w) { ...F } }" + F
)
LIST = (
    "query L($s: EmergencyState, $o: Boolean! = false) "
    "{ emergencies(state: $s, overdue: $o) { nextAfter nodes { ...F } } }" + F
)
LEDGER = (
    "{ accessLedger { notYetShown nodes { sentence { zh en } consent withdrawable delayedUnder basis } } }"
)


async def desk(world: World, operator: str = "值班员甲") -> str:
    """A token of the department for asking for emergencies."""
    return await world.token("dept-amr", "EMERGENCY", (), operator=operator)


async def officer(world: World, operator: str = "专员乙") -> str:
    return await world.token("officer-privacy", "EMERGENCY_REVIEW", (), operator=operator)


async def did(world: World, token: str, text: str, **variables: Any) -> dict[str, Any]:
    """What a mutation gave."""
    answer = await world.ask(token, text, variables)
    assert "errors" not in answer, answer
    found: dict[str, Any] = next(iter(answer["data"].values()))
    return found


async def refused(world: World, token: str, text: str, **variables: Any) -> str:
    """The whole error of a mutation that must fail."""
    answer = await world.ask(token, text, variables)
    assert "errors" in answer, answer
    return json.dumps([error["message"] for error in answer["errors"]], ensure_ascii=False)


async def granted(world: World, subject: str = COMPANY) -> str:
    """Id of an emergency that is approved."""
    made = await did(world, await desk(world), REQUEST, s=subject)
    return str((await did(world, await officer(world), APPROVE, i=made["id"]))["id"])


async def look(world: World, grant: str, text: str = NAME, subject: str = COMPANY) -> dict[str, Any]:
    token = await world.token(
        "dept-amr", "EMERGENCY", (subject,), consent=grant, reference="急2026-演7", operator="值班员甲"
    )
    return await world.ask(token, text, {"u": subject})


async def tell(world: World) -> Told:
    hub = world.hub
    sweep = EmergencySweep(hub.lifecycle.notices, hub.log, hub.rules.catalog)
    return await sweep.run(hub.rules.policy, world.clock.now(), "cli:test")


async def nodes(world: World, token: str, **variables: Any) -> list[dict[str, Any]]:
    answer = await world.ask(token, LIST, variables)
    assert "errors" not in answer, answer
    found: list[dict[str, Any]] = answer["data"]["emergencies"]["nodes"]
    return found


def reason_of(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["reason"])


def test_an_emergency_goes_from_request_to_review_and_the_subject_learns_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        made = await did(world, await desk(world), REQUEST, s=COMPANY)
        assert made["state"] == "REQUESTED"
        assert reason_of(await look(world, made["id"])) == "GRANT_REQUIRED"
        grant = await did(world, await officer(world), APPROVE, i=made["id"])
        assert (grant["state"], grant["reviewDueOn"], grant["noticeDueOn"]) == (
            "IN_FORCE",
            "2026-11-28",
            "2026-12-01",
        )
        shown = await look(world, grant["id"], ASK)
        assert shown["data"]["organization"]["name"] == facts.COMPANY_NAME
        assert shown["data"]["organization"]["government"] == {"taxPayments": None}  # no rule opens them
        entry = json.loads(shown["extensions"]["receipt"]["entry"])
        (part,) = entry["subjects"]
        assert part["basis"] == {
            "consent": grant["id"], "consentVersion": 1, "kind": "EMERGENCY", "reference": "急2026-演7",
        }  # fmt: skip
        own = await world.token("subject-org", "SELF_QUERY")
        kept = (await world.ask(own, LEDGER))["data"]["accessLedger"]
        assert kept["notYetShown"] == 4  # request, the refused look, the approval, the look
        assert "紧急" not in json.dumps(kept["nodes"], ensure_ascii=False)

        ended = await did(world, await officer(world, "专员丙"), END, i=grant["id"])
        assert (ended["state"], ended["uses"], ended["reviewDueOn"]) == ("OVER", 1, "2026-11-27")
        assert reason_of(await look(world, grant["id"])) == "GRANT_REQUIRED"
        assert await tell(world) == (0, 0)  # not before the ledger shows it
        world.clock.advance(timedelta(days=3))
        assert await tell(world) == (1, 1)
        assert await tell(world) == (0, 0)
        done = await did(world, await officer(world, "专员丙"), REVIEW, i=grant["id"], v="NOT_JUSTIFIED")
        assert (done["state"], done["verdict"]) == ("REVIEWED", "NOT_JUSTIFIED")
        assert await tell(world) == (1, 1)

        own = await world.token("subject-org", "SELF_QUERY")
        told = await world.ask(own, "{ notices { nodes { code case dataset record text { zh en } } } }")
        first, second = told["data"]["notices"]["nodes"]
        assert (first["code"], second["code"]) == ("emergency.over", "emergency.not_justified")
        assert (first["case"], first["dataset"], first["record"]) == (grant["id"], None, None)
        assert "海南省市场监督管理局（演示）" in first["text"]["zh"]
        assert "danger to life" in first["text"]["en"]
        lines = (await world.ask(own, LEDGER))["data"]["accessLedger"]["nodes"]
        (seen,) = [line for line in lines if "原文看到" in line["sentence"]["zh"]]
        assert f"依据：紧急查询批准（{grant['id']}）" in seen["sentence"]["zh"]
        assert "without your consent" in seen["sentence"]["en"]
        assert (seen["consent"], seen["withdrawable"]) == (None, False)
        assert "第十八条" in seen["delayedUnder"]
        for value in (facts.COMPANY_NAME, "三楼有人被困", "与接警记录相符"):
            async with world.hub.database.connection() as connection:
                body = b"".join(row[0] for row in await connection.fetch("SELECT body FROM log_entry"))
            assert value.encode() not in body

    run(database_url, tmp_path, scene)


def test_a_lookup_beside_a_reading_of_the_log_is_an_entry_of_a_lookup(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        text = "query Q($u: USCC!) { organization(uscc: $u) { name } emergencies { nextAfter } }"
        shown = await look(world, await granted(world), text)
        assert shown["data"]["organization"]["name"] == facts.COMPANY_NAME
        entry = json.loads(shown["extensions"]["receipt"]["entry"])
        assert (entry["kind"], entry["outcome"]) == ("QUERY", "DISCLOSED")
        listed = await world.ask(await desk(world), LIST, {"s": "IN_FORCE"})
        read = json.loads(listed["extensions"]["receipt"]["entry"])
        assert (read["kind"], read["detail"]) == (
            "AUDIT_READ",
            {"reads": [{"query": "emergencies", "state": "IN_FORCE"}]},
        )

    run(database_url, tmp_path, scene)


def test_a_lookup_beside_one_for_another_purpose_is_kept_from_the_subject_as_long(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        grant, hub = await granted(world), world.hub
        for first in (COMPANY, STRANGER):
            second = STRANGER if first == COMPANY else COMPANY
            emergency = {
                "type": "credit_disclosure", "purpose": "EMERGENCY", "subjects": [COMPANY], "consent": grant,
                "reference": "急2026-演7",
            }  # fmt: skip
            other = {
                "type": "credit_disclosure", "purpose": "GOV_SUPERVISION", "subjects": [STRANGER], "reference": "演1",
                "matter": next(m.code for m in hub.rules.policy.matters.values() if m.purpose == "GOV_SUPERVISION"),
            }  # fmt: skip
            answer = await request_token(
                world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=unsafe_demo_key(world.keys, "dept-amr"),
                client_id="dept-amr", issuer=ISSUER, details=[emergency, other], now=world.clock.now(),
            )  # fmt: skip
            text = "query Q($a: USCC!, $b: USCC!) { a: organization(uscc: $a) { name } b: organization(uscc: $b) { name } }"
            shown = await world.ask(str(answer["access_token"]), text, {"a": first, "b": second})
            assert facts.COMPANY_NAME in json.dumps(shown, ensure_ascii=False)
        own = await world.token("subject-org", "SELF_QUERY")
        kept = (await world.ask(own, LEDGER))["data"]["accessLedger"]
        assert (kept["notYetShown"], kept["nodes"]) == (4, [])

    run(database_url, tmp_path, scene)


def test_many_lookups_at_once_see_no_more_than_the_grant_has_uses(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        grant = await granted(world)
        token = await world.token("dept-amr", "EMERGENCY", consent=grant, reference="急2026-演7")
        texts = [NAME.replace("name", f"n{n}: name") for n in range(30)]
        answers = await asyncio.gather(*(world.ask(token, text, {"u": COMPANY}) for text in texts))
        refused = [answer for answer in answers if "errors" in answer]
        assert len(refused) == 10
        assert {reason_of(answer) for answer in refused} <= {"GRANT_REQUIRED", "FAIR_USE_FREQUENCY"}
        (one,) = await nodes(world, await officer(world))
        assert one["uses"] == 20

    run(database_url, tmp_path, scene)


def test_a_person_is_no_other_person_by_a_blank_by_width_or_by_case(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        made = await did(world, await desk(world), REQUEST, s=COMPANY)
        grant = await did(world, await officer(world, "officer Li"), APPROVE, i=made["id"])
        await did(world, await officer(world, "officer Wu"), END, i=grant["id"])
        for name in ("officer Li ", "officer  Li", "ＯＦＦＩＣＥＲ ＬＩ", "Officer LI"):
            assert "same person" in await refused(world, await officer(world, name), REVIEW, i=grant["id"])

    run(database_url, tmp_path, scene)


def test_whoever_asked_cannot_approve_and_whoever_asked_or_approved_cannot_review(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        client = world.hub.registry.get("officer-privacy")
        assert client is not None
        await world.register(
            replace(client, roles=("officer", "department"), purposes=("EMERGENCY", "EMERGENCY_REVIEW")),
        )

        async def as_person(purpose: str, operator: str) -> str:
            return await world.token("officer-privacy", purpose, (), operator=operator)

        made = await did(world, await as_person("EMERGENCY", "甲"), REQUEST, s=COMPANY)
        message = await refused(world, await as_person("EMERGENCY_REVIEW", "甲"), APPROVE, i=made["id"])
        assert "The same person" in message
        assert (await nodes(world, await as_person("EMERGENCY_REVIEW", "甲")))[0]["state"] == "REQUESTED"
        await did(world, await as_person("EMERGENCY_REVIEW", "乙"), APPROVE, i=made["id"])
        await did(world, await as_person("EMERGENCY_REVIEW", "乙"), END, i=made["id"])
        for person in ("甲", "乙"):
            assert "The same person" in await refused(
                world, await as_person("EMERGENCY_REVIEW", person), REVIEW, i=made["id"]
            )
        await did(world, await as_person("EMERGENCY_REVIEW", "丙"), REVIEW, i=made["id"])

    run(database_url, tmp_path, scene)


def test_a_token_that_names_no_person_asks_for_and_approves_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        nobody = await world.token("dept-amr", "EMERGENCY", ())
        assert "names none" in await refused(world, nobody, REQUEST, s=COMPANY)
        made = await did(world, await desk(world), REQUEST, s=COMPANY)
        unnamed = await world.token("officer-privacy", "EMERGENCY_REVIEW", ())
        for text in (APPROVE, END, REVIEW):
            assert "names none" in await refused(world, unnamed, text, i=made["id"])
        assert [n["state"] for n in await nodes(world, await officer(world))] == ["REQUESTED"]

    run(database_url, tmp_path, scene)


def test_only_the_officer_approves_ends_and_reviews(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        made = await did(world, await desk(world), REQUEST, s=COMPANY)
        asks = await desk(world, "另一人")
        reads = await world.token("officer-privacy", "AUDIT_REVIEW", (), operator="专员乙")
        own = await world.token("subject-org", "SELF_QUERY")
        bank = await world.token("bank-hkb", "LOAN_APPLICATION", ())
        for token in (asks, reads, own, bank):
            for text in (APPROVE, END, REVIEW):
                assert reason_of(await world.ask(token, text, {"i": made["id"]})) == "PURPOSE_NOT_HELD"
        for token in (own, bank, await officer(world)):
            assert reason_of(await world.ask(token, REQUEST, {"s": COMPANY})) == "PURPOSE_NOT_HELD"
        for token in (own, bank):
            assert reason_of(await world.ask(token, LIST)) == "PURPOSE_NOT_HELD"
        assert [n["state"] for n in await nodes(world, reads)] == ["REQUESTED"]

    run(database_url, tmp_path, scene)


def test_the_subject_neither_lists_nor_withdraws_a_grant_about_it(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        grant = await granted(world)
        own = await world.token("subject-org", "SELF_QUERY")
        assert (await world.ask(own, "{ consents { id } }"))["data"]["consents"] == []
        withdraw = "mutation W($i: ID!) { withdrawConsent(id: $i) { id } }"
        errors = {await refused(world, own, withdraw, i=i) for i in (grant, "e_none", "c_none")}
        assert len(errors) == 1
        assert (await look(world, grant))["data"]["organization"] is not None

    run(database_url, tmp_path, scene)


def test_a_request_that_nobody_approves_in_time_lapses_and_one_can_be_declined(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        late = await did(world, await desk(world), REQUEST, s=COMPANY)
        world.clock.advance(timedelta(hours=24))
        other = await did(world, await desk(world), REQUEST, s=COMPANY)
        assert (await did(world, await officer(world), END, i=other["id"]))["state"] == "DECLINED"
        errors = {
            await refused(world, await officer(world), APPROVE, i=i) for i in (late["id"], other["id"], "e_x")
        }
        assert len(errors) == 1
        states = {n["id"]: n["state"] for n in await nodes(world, await officer(world))}
        assert states == {late["id"]: "LAPSED", other["id"]: "DECLINED"}
        assert await tell(world) == (0, 0)

    run(database_url, tmp_path, scene)


def test_reviews_that_are_due_and_overdue_are_listed_and_a_running_grant_is_not_reviewed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        grant = await granted(world)
        await refused(world, await officer(world, "专员丙"), REVIEW, i=grant)
        world.clock.advance(timedelta(hours=24))
        (due,) = await nodes(world, await officer(world), s="OVER")
        assert (due["id"], due["reviewOverdue"], due["noticeOverdue"]) == (grant, False, False)
        assert await nodes(world, await officer(world), o=True) == []
        world.clock.advance(timedelta(days=11))
        (late,) = await nodes(world, await officer(world), o=True)
        assert (late["reviewOverdue"], late["noticeOverdue"]) == (True, True)
        await tell(world)
        await did(world, await officer(world, "专员丙"), REVIEW, i=grant)
        (done,) = await nodes(world, await officer(world))
        assert (done["state"], done["reviewOverdue"], done["noticeOverdue"]) == ("REVIEWED", False, False)
        assert done["toldAt"] is not None

    run(database_url, tmp_path, scene)


def test_an_institution_lists_its_own_and_cannot_tell_who_is_registered(
    database_url: str, tmp_path: Path
) -> None:
    unknown = uscc("91", "460100", "88888")

    async def scene(world: World) -> None:
        for subject in (STRANGER, unknown):
            await granted(world, subject)
        world.clock.advance(timedelta(days=5))
        await tell(world)
        mine = await nodes(world, await desk(world))
        told = [{k: v for k, v in n.items() if k not in ("id", "subject")} for n in mine]
        assert len(told) == 2
        assert told[0] == told[1]
        assert told[0]["toldAt"] is None
        seen = await nodes(world, await officer(world))
        assert sorted(n["toldAt"] is not None for n in seen) == [False, True]
        world.clock.advance(timedelta(days=30))
        assert not any(n["noticeOverdue"] for n in await nodes(world, await officer(world)))
        other = await world.token("dept-tax", "EMERGENCY", (), operator="戊")
        assert await nodes(world, other) == []

    run(database_url, tmp_path, scene)


def test_words_and_references_hold_no_identity_number(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await desk(world)
        for words in (facts.PERSON_ID, "字" * 501, "a\u0000", "  "):
            await refused(world, token, REQUEST, s=COMPANY, w=words)
        for reference in (facts.PERSON_ID, "号" * 129, " "):
            await refused(world, token, REQUEST, s=COMPANY, r=reference)
        await refused(world, token, REQUEST, s="nobody")
        assert await nodes(world, token) == []

    run(database_url, tmp_path, scene)


def test_what_came_of_an_emergency_is_reported_like_any_use(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await look(world, await granted(world))
        open_uses = "{ unclosedUses { nodes { entry purpose dueOn } } }"
        answer = await world.ask(await desk(world), open_uses)
        (use,) = answer["data"]["unclosedUses"]["nodes"]
        assert (use["purpose"], use["dueOn"]) == ("EMERGENCY", "2026-12-20")
        report = "mutation R($e: ID!) { reportUse(entry: $e, outcome: OTHER) { id } }"
        await did(world, await desk(world), report, e=use["entry"])
        assert (await world.ask(await desk(world), open_uses))["data"]["unclosedUses"]["nodes"] == []

    run(database_url, tmp_path, scene)


def test_each_act_is_one_entry_that_names_who_did_it(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        grant = await granted(world)
        await did(world, await officer(world, "专员丙"), END, i=grant)
        await did(world, await officer(world, "专员丙"), REVIEW, i=grant)
        async with world.hub.database.connection() as connection:
            rows = await connection.fetch("SELECT body FROM log_entry WHERE body IS NOT NULL ORDER BY idx")
        bodies = [json.loads(row[0]) for row in rows]
        acts = [body for body in bodies if body["operation"].startswith("emergency.")]
        assert [body["operation"] for body in acts] == [
            "emergency.request", "emergency.approve", "emergency.end", "emergency.review",
        ]  # fmt: skip
        assert len({body["operator"] for body in acts}) == 3
        assert all(body["purpose"] == "EMERGENCY" and body["detail"]["emergency"] == grant for body in acts)

    run(database_url, tmp_path, scene)


def test_a_page_goes_on_where_the_last_one_ended_and_no_cursor_of_another_helps(
    database_url: str, tmp_path: Path
) -> None:
    page = "query P($a: ID) { emergencies(first: 2, after: $a) { nextAfter nodes { id } } }"

    async def scene(world: World) -> None:
        made = []
        for _ in range(3):
            made.append((await did(world, await desk(world), REQUEST, s=COMPANY))["id"])
            world.clock.advance(timedelta(minutes=1))
        token = await desk(world)
        first = (await world.ask(token, page))["data"]["emergencies"]
        assert [n["id"] for n in first["nodes"]] == made[:2]
        rest = (await world.ask(token, page, {"a": first["nextAfter"]}))["data"]["emergencies"]
        assert ([n["id"] for n in rest["nodes"]], rest["nextAfter"]) == (made[2:], None)
        other = await world.token("dept-tax", "EMERGENCY", (), operator="戊")
        own = await did(world, other, REQUEST, s=COMPANY)
        for cursor in (made[0], "e_none"):
            assert (await world.ask(other, page, {"a": cursor}))["data"]["emergencies"]["nodes"] == []
        assert [n["id"] for n in (await world.ask(other, page))["data"]["emergencies"]["nodes"]] == [
            own["id"]
        ]

    run(database_url, tmp_path, scene)


def test_an_institution_has_only_so_many_requests_waiting_and_may_ask_again_once_one_is_settled_or_lapses(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        most = 10
        token = await desk(world)
        asked = [world.ask(token, REQUEST, {"s": COMPANY}) for _ in range(most + 4)]
        answers = await asyncio.gather(*asked)
        made = [answer["data"]["requestEmergency"] for answer in answers if "errors" not in answer]
        over = [answer["errors"][0] for answer in answers if "errors" in answer]
        assert (len(made), len(over)) == (most, 4)
        assert all("as many as it may" in error["message"] for error in over)
        assert all("已达上限" in error["extensions"]["messageZh"] for error in over)
        async with world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM emergency") == most
        await did(world, await officer(world), APPROVE, i=made[0]["id"])
        await did(world, token, REQUEST, s=COMPANY)
        assert "as many as it may" in await refused(world, token, REQUEST, s=COMPANY)
        world.clock.advance(timedelta(hours=24))
        await did(world, await desk(world), REQUEST, s=COMPANY)

    run(database_url, tmp_path, scene)
