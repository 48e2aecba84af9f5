"""On what basis one may ask: the fair-use template of the token, of the purpose and of the consent are one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, World, run

from hub.policies.files import build_policy

from .gate_world import counted
from .test_live import publish, until

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"
SMALL = "FU-LOAN-SMALL"


async def asked(world: World, **members: str) -> tuple[dict[str, Any] | None, str]:
    """What the bank gets and the reason of a refusal, under a token with these members."""
    token = await world.token("bank-hkb", "LOAN_APPLICATION", **members)
    answer = await world.ask(token, ASK, {"u": COMPANY})
    reason = answer["errors"][0]["extensions"]["reason"] if "errors" in answer else ""
    return answer["data"]["organization"], reason


async def uses(world: World) -> int:
    """How often consents have been used."""
    return int(await world.hub.database.pool.fetchval("SELECT sum(used_count) FROM consent"))


def test_a_consent_is_good_under_the_template_it_was_given_under(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        default, small = await world.consent(), await world.consent(fairUseTemplate=SMALL)
        shown = ({"name": (await asked(world, consent=default))[0]["name"]}, "")  # type: ignore[index]
        assert await asked(world, consent=default, template="FU-LOAN-1") == shown
        assert await asked(world, consent=small, template=SMALL) == shown
        used = await uses(world)
        for members in (
            {"consent": default, "template": SMALL},
            {"consent": small, "template": "FU-LOAN-1"},
            {"consent": small},
            {"consent": default, "template": "FU-RENEWAL-1"},
            {"consent": default, "template": "FU-NONE"},
        ):
            assert await asked(world, **members) == (None, "FAIR_USE_TEMPLATE"), members
        assert await uses(world) == used

    run(database_url, tmp_path, scene)


def test_a_refused_template_reads_and_unseals_nothing_and_is_in_the_log(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        small = await world.consent(fairUseTemplate=SMALL)
        for members in ({"consent": small}, {"consent": small, "template": "FU-RENEWAL-1"}):
            token = await world.token("bank-hkb", "LOAN_APPLICATION", **members)
            without = await world.token("bank-hkb", "LOAN_APPLICATION")
            with counted(monkeypatch) as counts:
                await world.ask(without, ASK, {"u": COMPANY})
                expected = counts.take()
                await world.ask(without, ASK, {"u": COMPANY})
                expected = min(expected, counts.take())
                await world.ask(token, ASK, {"u": COMPANY})
                counts.take()
                answer = await world.ask(token, ASK, {"u": COMPANY})
                assert counts.take() <= expected
            entry = json.loads(answer["extensions"]["receipt"]["entry"])
            assert entry["outcome"] == "REFUSED"
            assert "FAIR_USE_TEMPLATE" in json.dumps(entry)
            label = world.hub.rules.policy.messages
            assert answer["errors"][0]["extensions"]["messageZh"] in {text.zh for text in label.values()}

    run(database_url, tmp_path, scene)


def test_a_statutory_purpose_is_held_to_its_template_too(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for template, reason in (("FU-SUPERVISION-1", None), ("FU-APPROVAL-1", "FAIR_USE_TEMPLATE")):
            token = await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED", template=template)
            answer = await world.ask(token, ASK, {"u": COMPANY})
            assert (answer["data"]["organization"] is None) == bool(reason)
            if reason:
                assert answer["errors"][0]["extensions"]["reason"] == reason

    run(database_url, tmp_path, scene)


def test_a_consent_signed_wider_than_a_narrowed_cap_is_refused_where_the_template_says_so(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        default, small = await world.consent(), await world.consent(fairUseTemplate=SMALL)
        files = dict(world.hub.rules.policy.files)
        narrowed = files["fair_use.toml"].replace(
            "range_months = 24\ndata_life_days = 30", "range_months = 18\ndata_life_days = 30"
        )
        assert narrowed != files["fair_use.toml"]
        policy = build_policy({**files, "fair_use.toml": narrowed}, world.hub.rules.catalog)
        await publish(world, policy)
        await until(lambda: world.hub.rules.policy.revision == policy.revision)
        assert await asked(world, consent=small, template=SMALL) == (None, "FAIR_USE_RANGE")
        assert (await asked(world, consent=default))[1] == ""
        fresh = await world.consent(fairUseTemplate=SMALL)
        assert (await asked(world, consent=fresh, template=SMALL))[1] == ""

    run(database_url, tmp_path, scene)


WIDER = (
    ('{ unit = "DAY", most = 5 }, { unit = "MONTH", most = 20 }', '{ unit = "DAY", most = 9 }, { unit = "MONTH", most = 90 }'),
    ("range_months = 24\ndata_life_days = 30", "range_months = 24\ndata_life_days = 60"),
)  # fmt: skip


def test_a_cap_widened_after_the_signature_does_not_widen_what_was_signed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        signed = await world.consent(fairUseTemplate=SMALL)
        files = dict(world.hub.rules.policy.files)
        for narrow, wide in WIDER:
            assert narrow in files["fair_use.toml"]
            files["fair_use.toml"] = files["fair_use.toml"].replace(narrow, wide)
        policy = build_policy(files, world.hub.rules.catalog)
        await publish(world, policy)
        await until(lambda: world.hub.rules.policy.revision == policy.revision)
        fresh = await world.consent(fairUseTemplate=SMALL)
        for consent, days, most in ((signed, 30, 5), (fresh, 60, 9)):
            token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent, template=SMALL)
            answer = await world.ask(token, ASK, {"u": COMPANY})
            assert answer["extensions"]["disclosure"]["terms"][0]["dataLifeDays"] == days
            while answer["data"]["organization"] is not None:
                answer = await world.ask(token, ASK, {"u": COMPANY})
            assert answer["errors"][0]["extensions"]["reason"] == "FAIR_USE_FREQUENCY"
            query = "SELECT used FROM quota_count WHERE subject_id <> '' AND unit = 'DAY'"
            assert await world.hub.database.pool.fetchval(query) == most

    run(database_url, tmp_path, scene)


LOANS = "query Q($u: USCC!) { organization(uscc: $u) { name financial { loans { nodes { lender } } } } }"


async def loans(world: World, consent: str, template: str) -> tuple[dict[str, Any], str]:
    """An answer with loans, and the reason of a refusal."""
    token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent, template=template)
    answer = await world.ask(token, LOANS, {"u": COMPANY})
    return answer, answer["errors"][0]["extensions"]["reason"] if "errors" in answer else ""


def test_caps_of_a_dataset_that_are_widened_or_lifted_after_the_signature_do_not_widen_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        signed = await world.consent(fairUseTemplate=SMALL)
        files = dict(world.hub.rules.policy.files)
        narrow = 'range_months = 12\nreads_of_subject = [{ unit = "DAY", most = 2 }]'
        for change in (
            'range_months = 20\nreads_of_subject = [{ unit = "DAY", most = 4 }]',
            "data_life_days = 29",
        ):
            assert narrow in files["fair_use.toml"]
            changed = files["fair_use.toml"].replace(narrow, change)
            policy = build_policy({**files, "fair_use.toml": changed}, world.hub.rules.catalog)
            await publish(world, policy)
            await until(lambda revision=policy.revision: world.hub.rules.policy.revision == revision)  # type: ignore[misc]
            answer, reason = await loans(world, signed, SMALL)
            assert reason == "", change
            ranges = {r["path"]: r["from"] for r in answer["extensions"]["disclosure"]["ranges"]}
            assert ranges["organization.financial.loans"] == "2025-11-20", change
        assert (await loans(world, signed, SMALL))[1] == "FAIR_USE_FREQUENCY"
        assert (await asked(world, consent=signed, template=SMALL))[1] == ""

    run(database_url, tmp_path, scene)


def test_reads_under_a_template_without_the_cap_count_for_a_template_with_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        default, small = await world.consent(), await world.consent(fairUseTemplate=SMALL)
        for _ in range(3):
            assert (await loans(world, default, "FU-LOAN-1"))[1] == ""
        counted_loans = "SELECT used FROM quota_count WHERE dataset = 'financial.loan' AND unit = 'DAY'"
        assert await world.hub.database.pool.fetchval(counted_loans) == 3
        assert (await loans(world, small, SMALL))[1] == "FAIR_USE_FREQUENCY"
        assert (await asked(world, consent=small, template=SMALL))[1] == ""
        assert await world.hub.database.pool.fetchval(counted_loans) == 3

    run(database_url, tmp_path, scene)


def test_a_refused_template_is_told_which_one_to_name(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        small = await world.consent(fairUseTemplate=SMALL)
        for template, told in (({}, SMALL), ({"template": "FU-NONE"}, "FU-LOAN-1, FU-LOAN-SMALL")):
            token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=small, **template)
            answer = await world.ask(token, ASK, {"u": COMPANY})
            assert told in answer["errors"][0]["extensions"]["hint"]

    run(database_url, tmp_path, scene)


def test_a_consent_does_not_become_too_wide_by_itself(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        from datetime import timedelta

        small = await world.consent(fairUseTemplate=SMALL)
        world.clock.advance(timedelta(days=60))
        assert (await asked(world, consent=small, template=SMALL))[1] == ""

    run(database_url, tmp_path, scene)
