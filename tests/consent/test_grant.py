"""What a subject may grant: the recipient, the items, the notices and the limits of the purpose's template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from world import World, run

from hub.demo import story_facts as facts
from hub.keys.signing import verify_document

_GRANT = "mutation G($i: GrantConsentInput!) { grantConsent(input: $i) { id status maxUses rangeFrom rangeTo items { dataset separate } } }"
_WHOLE: dict[str, Any] = {
    "grantee": facts.BANK_HKB, "purpose": "LOAN_APPLICATION", "separateConsent": True, "adverseNoticeAcknowledged": True,
}  # fmt: skip
_REFUSED: dict[str, dict[str, Any]] = {
    "a purpose that rests on no consent": {"purpose": "GOV_APPROVAL"},
    "a purpose that does not exist": {"purpose": "FRIENDSHIP"},
    "an item beyond the template": {"datasets": ["market.industry_evaluation"]},
    "an item that does not exist": {"datasets": ["government.gossip"]},
    "no item at all": {"datasets": []},
    "sensitive items without a consent of their own": {"separateConsent": False},
    "an unread notice about adverse information": {"adverseNoticeAcknowledged": False},
    "a longer validity than the purpose allows": {"validDays": 366},
    "no day of validity": {"validDays": 0},
    "more uses than the template allows": {"maxUses": 21},
    "no use": {"maxUses": 0},
    "data from before the range of a template that refuses": {
        "rangeFrom": "2020-01-01",
        "fairUseTemplate": "FU-LOAN-SMALL",
    },
    "a fair-use template of another purpose": {"fairUseTemplate": "FU-RENEWAL-1"},
    "a fair-use template that does not exist": {"fairUseTemplate": "FU-NONE"},
    "a range that ends before it begins": {"rangeFrom": "2026-05-01", "rangeTo": "2026-04-30"},
    "a recipient that is not registered": {"grantee": "91460105DEM000022F"},
    "a recipient that does not hold the purpose": {"grantee": facts.DEPT_TAX},
    "a signature with a null character": {"signatory": "符\u0000"},
}


async def _logged(world: World) -> int:
    return int(await world.hub.database.pool.fetchval("SELECT count(*) FROM log_entry"))


async def _count(world: World) -> int:
    async with world.hub.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM consent"))


def test_a_grant_that_breaks_a_rule_is_refused_with_a_hint_and_leaves_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        for name, change in _REFUSED.items():
            size = await _logged(world)
            answer = await world.ask(token, _GRANT, {"i": {**_WHOLE, **change}})
            assert answer["data"] is None, name
            extensions = answer["errors"][0]["extensions"]
            assert extensions["code"] == "BAD_INPUT", (name, answer)
            assert extensions["messageZh"], name
            assert extensions["hint"], name
            assert await _count(world) == 0, name
            entry = json.loads(answer["extensions"]["receipt"]["entry"])
            assert (entry["kind"], entry["outcome"]) == ("MUTATION", "REFUSED"), name
            assert await _logged(world) == size + 1, name

    run(database_url, tmp_path, scene)


def test_what_is_left_out_of_a_grant_comes_from_the_template(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        answer = await world.ask(token, _GRANT, {"i": _WHOLE})
        granted = answer["data"]["grantConsent"]
        template = world.hub.rules.policy.templates_for("LOAN_APPLICATION")[0]
        assert {i["dataset"] for i in granted["items"]} == set(template.datasets)
        assert granted["maxUses"] == template.max_uses
        assert granted["rangeFrom"] == "2024-11-20"
        assert {i["dataset"] for i in granted["items"] if i["separate"]} == {
            i.dataset for i in template.items if i.separate
        }

    run(database_url, tmp_path, scene)


def test_what_lies_beyond_the_fair_use_template_is_cut_down_and_told(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        said = "{ id rangeFrom validTo fairUse dataLifeDays frequency { unit most } clamped { term asked given text { zh en } } }"
        mutation = f"mutation G($i: GrantConsentInput!) {{ grantConsent(input: $i) {said} }}"
        answer = await world.ask(token, mutation, {"i": {**_WHOLE, "rangeFrom": "2020-01-01"}})
        granted = answer["data"]["grantConsent"]
        assert granted["rangeFrom"] == "2024-11-20"
        assert granted["fairUse"] == "FU-LOAN-1"
        assert granted["frequency"] == [{"unit": "DAY", "most": 50}, {"unit": "MONTH", "most": 500}]
        (clamp,) = granted["clamped"]
        assert (clamp["term"], clamp["asked"], clamp["given"]) == ("RANGE_FROM", "2020-01-01", "2024-11-20")
        assert "2024-11-20" in clamp["text"]["zh"]
        assert "2024-11-20" in clamp["text"]["en"]
        small = {**_WHOLE, "validDays": 365, "fairUseTemplate": "FU-LOAN-SMALL"}
        second = (await world.ask(token, mutation, {"i": small}))["data"]["grantConsent"]
        assert second["validTo"].startswith("2027-02-18")
        assert second["dataLifeDays"] == 30
        assert [c["term"] for c in second["clamped"]] == ["VALID_DAYS"]
        listed = (await world.ask(token, f"{{ consents {said} }}"))["data"]["consents"]
        assert sorted(listed, key=lambda c: c["id"]) == sorted([granted, second], key=lambda c: c["id"])

    run(database_url, tmp_path, scene)


def test_without_sensitive_items_no_separate_consent_is_needed(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        grant = {**_WHOLE, "separateConsent": False, "datasets": ["government.registration"]}
        answer = await world.ask(token, _GRANT, {"i": grant})
        assert answer["data"]["grantConsent"]["status"] == "ACTIVE"

    run(database_url, tmp_path, scene)


def test_only_the_subject_itself_grants_lists_and_withdraws(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent()
        person = await world.token("subject-person", "SELF_QUERY", (facts.PERSON_ID,))
        bank = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent)
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        for token in (bank, officer):
            for query in (
                "{ consents { id } }",
                f'mutation {{ withdrawConsent(id: "{consent}") {{ id }} }}',
                f'mutation {{ grantConsent(input: {{grantee: "{facts.BANK_HKB}", purpose: "LOAN_APPLICATION"}}) {{ id }} }}',
            ):  # fmt: skip
                answer = await world.ask(token, query)
                assert answer["data"] is None
                assert consent not in json.dumps(answer["errors"])
        answer = await world.ask(person, "{ consents { id } }")
        assert answer["data"] == {"consents": []}
        answer = await world.ask(person, f'mutation {{ withdrawConsent(id: "{consent}") {{ id }} }}')
        assert answer["data"] is None
        own = await world.token("subject-org", "SELF_QUERY")
        listed = await world.ask(own, "{ consents { id status usedCount } }")
        assert listed["data"]["consents"] == [{"id": consent, "status": "ACTIVE", "usedCount": 0}]

    run(database_url, tmp_path, scene)


def test_a_consent_is_withdrawn_once(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent()
        own = await world.token("subject-org", "SELF_QUERY")
        mutation = 'mutation W($id: ID!) { withdrawConsent(id: $id, reason: "不再需要") { status } }'
        first = await world.ask(own, mutation, {"id": consent})
        second = await world.ask(own, mutation, {"id": consent})
        assert first["data"]["withdrawConsent"]["status"] == "REVOKED"
        assert second["data"] is None
        assert second["errors"][0]["extensions"]["code"] == "BAD_INPUT"

    run(database_url, tmp_path, scene)


def test_the_artefact_is_signed_and_says_all_that_was_agreed(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        consent = await world.consent(signatory="符海澜")
        own = await world.token("subject-org", "SELF_QUERY")
        artefact = (await world.ask(own, "{ consents { artefact } }"))["data"]["consents"][0]["artefact"]
        body = verify_document(world.hub.ring.public().consent, artefact)
        assert body["id"] == consent
        assert body["grantor"]["signatory"] == "符海澜"
        assert body["onwardTransfer"] == {"allowed": False}
        assert body["dataLife"] == {"unit": "DAY", "value": 90}
        assert body["fairUse"] == {"template": "FU-LOAN-1"}
        assert body["frequency"] == [{"unit": "DAY", "value": 50}, {"unit": "MONTH", "value": 500}]
        assert body["clamped"] == []
        assert body["adverseNoticeAcknowledged"] is True
        assert not any({"rangeMonths", "frequency"} & item.keys() for item in body["items"])

    run(database_url, tmp_path, scene)


def test_an_item_says_the_caps_that_the_fair_use_template_has_for_it_alone(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await world.consent(fairUseTemplate="FU-LOAN-SMALL")
        own = await world.token("subject-org", "SELF_QUERY")
        artefact = (await world.ask(own, "{ consents { artefact } }"))["data"]["consents"][0]["artefact"]
        body = verify_document(world.hub.ring.public().consent, artefact)
        said = {
            item["dataset"]: (item.get("rangeMonths"), item.get("frequency"), item["dataLife"]["value"])
            for item in body["items"]
        }
        assert said.pop("financial.loan") == (12, [{"unit": "DAY", "value": 2}], 30)
        assert said.pop("government.tax_payment") == (12, None, 15)
        assert set(said.values()) == {(None, None, 30)}

    run(database_url, tmp_path, scene)
