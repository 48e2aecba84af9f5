"""Without an emergency grant in force nobody learns anything, and a grant opens no more than it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import COMPANY, NOW, STRANGER, World, run

from hub.catalog.types import SubjectKind
from hub.consent.artefact import Origin
from hub.demo import story_facts as facts
from hub.demo.codes import uscc
from hub.emergency.case import Danger, Verdict
from hub.emergency.service import Asked, EmergencyService
from hub.errors import InputError
from hub.intake.acting import Steward
from hub.model.outcome import Outcome

from .beside import emergency
from .gate_world import counted
from .test_refusals import ASK, UNKNOWN, shape

PURPOSE = "EMERGENCY"
HIDDEN = uscc("91", "460105", "79990")


async def department(world: World, subject: str = COMPANY, **more: str) -> str:
    return await world.token("dept-amr", PURPOSE, (subject,), reference="急2026-演7", **more)


def _service(world: World) -> EmergencyService:
    return EmergencyService(world.hub.database, world.hub.log, world.hub.ring)


def _steward(world: World, name: str = "a") -> Steward:
    return Steward(f"cli:{name}", "", "", world.hub.rules.policy.revision, world.hub.rules.catalog.revision)


async def _granted(world: World, subject: str = COMPANY, institution: str = facts.DEPT_AMR) -> str:
    return await emergency(world, SubjectKind.ORG, subject, institution, PURPOSE)


async def _asked(world: World) -> str:
    """Id of a request that nobody has approved."""
    subject_id = world.hub.indexer.subject_id("ORG", COMPANY)
    asked = Asked(subject_id, PURPOSE, facts.DEPT_AMR, Danger.LIFE, "演练", "急2026-演7")
    return (await _service(world).request(asked, _steward(world), world.hub.rules.policy, NOW)).emergency_id


async def _work(
    world: World, tokens: Mapping[str, tuple[str, str]], patch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What each token gives the second time, with its statements and the values opened."""
    found = {}
    with counted(patch) as counts:
        for name, (token, subject) in tokens.items():
            await world.send(token, ASK, {"u": subject})
            counts.take()
            response = await world.send(token, ASK, {"u": subject})
            assert response.json()["data"] == {"organization": None}, name
            statements = tuple(sorted(counts.statements))
            found[name] = (*shape(response), statements, counts.take())
    return found


def test_a_grant_that_was_never_given_costs_and_says_the_same_as_anothers_or_an_unapproved_one(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        theirs, mine = await _granted(world, institution=facts.DEPT_TAX), await _granted(world, STRANGER)
        consent = await world.consent()
        tokens = {
            "forged": (await department(world, consent="e_" + "A" * 22), COMPANY),
            "none": (await department(world), COMPANY),
            "another institution's": (await department(world, consent=theirs), COMPANY),
            "about another subject": (await department(world, consent=mine), COMPANY),
            "not approved": (await department(world, consent=await _asked(world)), COMPANY),
            "a consent for a bank": (await department(world, consent=consent), COMPANY),
            "no such subject": (await department(world, UNKNOWN, consent=mine), UNKNOWN),
        }
        found = await _work(world, tokens, monkeypatch)
        assert len(set(map(str, found.values()))) == 1, found
        assert "GRANT_REQUIRED" in found["none"][2]
        assert found["none"][-1] == (2, 0)

    run(database_url, tmp_path, scene)


def test_a_grant_that_is_over_is_told_like_one_that_was_ended(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        ended, expired = await _granted(world), await _granted(world)
        used_up, standing = await _granted(world), await _granted(world)
        await _service(world).end(ended, "已排除", _steward(world, "c"), world.hub.rules.policy, NOW)
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE consent SET used_count = max_uses WHERE consent_id = $1", used_up
            )
        tokens = {"ended": (await department(world, consent=ended), COMPANY)}
        tokens["used up"] = (await department(world, consent=used_up), COMPANY)
        found = await _work(world, tokens, monkeypatch)
        good = await department(world, consent=standing)
        assert (await world.ask(good, ASK, {"u": COMPANY}))["data"]["organization"] is not None
        world.clock.advance(timedelta(hours=24))
        late = {
            "expired": (await department(world, consent=expired), COMPANY),
            "ended": (await department(world, consent=ended), COMPANY),
        }
        later = await _work(world, late, monkeypatch)
        assert found["ended"] == found["used up"]
        assert later["ended"] == later["expired"]
        assert "GRANT_REQUIRED" in later["expired"][2]
        assert "GRANT_REQUIRED" in found["ended"][2]

    run(database_url, tmp_path, scene)


def test_under_a_grant_an_unknown_subject_is_one_of_which_nothing_may_be_seen(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        amount = {"subjectName": "某公司", "period": "2026-03", "taxType": "VAT", "amount": 1_234_567}
        await world.put("government.tax_payment", {**amount, "uscc": HIDDEN}, identifier=HIDDEN)
        tokens = {
            name: (await department(world, subject, consent=await _granted(world, subject)), subject)
            for name, subject in (("unknown", UNKNOWN), ("only what is shut", HIDDEN))
        }
        found = await _work(world, tokens, monkeypatch)
        assert found["unknown"] == found["only what is shut"]
        assert "SUBJECT_UNKNOWN" in found["unknown"][2]

    run(database_url, tmp_path, scene)


def test_a_grant_costs_the_statements_of_a_consent(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        own = await department(world, consent=await _granted(world))
        done = []
        with counted(monkeypatch) as counts:
            for token in (bank, own):
                await world.ask(token, ASK, {"u": COMPANY})
                counts.take()
                assert (await world.ask(token, ASK, {"u": COMPANY}))["data"]["organization"]["name"]
                done.append(tuple(sorted(counts.statements)))
                counts.take()
        assert done[0] == done[1]

    run(database_url, tmp_path, scene)


FORGERIES = {
    "a longer validity": "valid_to = valid_to + interval '1 day'",
    "more uses": "max_uses = max_uses + 1",
    "another recipient": f"grantee = '{facts.DEPT_TAX}'",
    "a consent's origin": "origin = 'CONSENT'",
    "more items": 'artefact = jsonb_set(artefact, \'{items}\', \'[{"dataset":"financial.loan","fields":[]}]\')',
    "a later end in the artefact": "artefact = jsonb_set(artefact, '{validTo}', '4102444800000')",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_grant_edited_by_hand_opens_nothing(name: str, database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        grant = await _granted(world)
        async with world.hub.database.connection() as connection:
            await connection.execute(f"UPDATE consent SET {FORGERIES[name]} WHERE consent_id = $1", grant)
        for client in ("dept-amr", "dept-tax"):
            token = await world.token(client, PURPOSE, consent=grant, reference="急2026-演7")
            response = await world.send(token, ASK, {"u": COMPANY})
            assert facts.COMPANY_NAME not in response.text

    run(database_url, tmp_path, scene)


def test_a_consent_never_stands_for_a_grant_nor_a_grant_for_a_consent(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hub = world.hub
        consent, grant = await world.consent(), await _granted(world)
        subject_id = hub.indexer.subject_id("ORG", COMPANY)
        async with hub.database.connection() as connection:
            stored = await hub.consents.find(connection, subject_id, grant, facts.DEPT_AMR, PURPOSE)
            assert stored is not None
            assert stored.origin is Origin.EMERGENCY
            hub.consents._known[subject_id, grant] = replace(stored, origin=Origin.CONSENT)
        crossed = await department(world, consent=grant)
        answer = await world.ask(crossed, ASK, {"u": COMPANY})
        assert answer["errors"][0]["extensions"]["reason"] == "GRANT_REQUIRED"
        bank = await world.token("bank-hkb", "LOAN_APPLICATION", consent=grant)
        answer = await world.ask(bank, ASK, {"u": COMPANY})
        assert answer["errors"][0]["extensions"]["reason"] == "CONSENT_REQUIRED"
        token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent)
        assert (await world.ask(token, ASK, {"u": COMPANY}))["data"]["organization"] is not None

    run(database_url, tmp_path, scene)


def test_without_a_file_number_a_grant_opens_nothing(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("dept-amr", PURPOSE, consent=await _granted(world))
        answer = await world.ask(token, ASK, {"u": COMPANY})
        assert answer["errors"][0]["extensions"]["reason"] == "REFERENCE_REQUIRED"

    run(database_url, tmp_path, scene)


def test_an_emergency_shows_nothing_that_the_same_role_could_not_see_for_another_purpose(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        rules = world.hub.rules
        emergencies = [p for p in rules.policy.purposes.values() if p.grant_required]
        assert [p.code for p in emergencies] == [PURPOSE]
        shown = 0
        for role in emergencies[0].holders:
            others = [
                p.code for p in rules.policy.purposes.values() if role in p.holders and not p.grant_required
            ]
            for kind in SubjectKind:
                table = rules.table(frozenset({role}), PURPOSE, kind)
                ordinary = [rules.table(frozenset({role}), code, kind) for code in others]
                for field, decision in table.items():
                    shown += decision.outcome > Outcome.WITHHELD
                    assert decision.outcome <= max(t[field].outcome for t in ordinary), (role, kind, field)
        assert 0 < shown < 100

    run(database_url, tmp_path, scene)


STEPS = st.lists(
    st.sampled_from(["request", "approve", "same person approves", "end", "review", "wait", "look"]),
    max_size=12,
)


def test_whatever_is_done_in_whatever_order_only_an_approved_grant_within_its_hours_shows(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        for steps in _examples():
            await _play(world, steps)

    run(database_url, tmp_path, scene)


def _examples() -> list[list[str]]:
    """Generated orders of acts; collected first, because they are played in one event loop."""
    found: list[list[str]] = [["request", "approve", "look", "wait", "look", "review"]]

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def collect(steps: list[str]) -> None:
        found.append(steps)

    collect()
    return found


async def _play(world: World, steps: list[str]) -> None:
    """Hold the gate to a model of three lines: approved by another person, not ended, not over."""
    policy, service = world.hub.rules.policy, _service(world)
    subject_id = world.hub.indexer.subject_id("ORG", COMPANY)
    asked = Asked(subject_id, PURPOSE, facts.DEPT_AMR, Danger.HEALTH, "演练", "急2026-演8")
    grant, state, until = "e_none", "", world.clock.now()
    for step in steps:
        now = world.clock.now()
        if state == "IN_FORCE" and now >= until:
            state = "OVER"
        elif state == "REQUESTED" and now >= until:
            state = "LAPSED"
        if step == "request":
            made = await service.request(asked, _steward(world, "a"), policy, now)
            grant, state, until = made.emergency_id, "REQUESTED", now + timedelta(hours=24)
        elif step == "wait":
            world.clock.advance(timedelta(hours=13))
        elif step == "look":
            token = await department(world, consent=grant)
            answer = await world.ask(token, ASK, {"u": COMPANY})
            assert (answer["data"]["organization"] is not None) == (state == "IN_FORCE"), (steps, state)
        else:
            wanted = {"approve": "REQUESTED", "review": "OVER"}.get(step, state)
            may = step != "same person approves" and state == wanted
            may = may and (step != "end" or state in ("REQUESTED", "IN_FORCE"))
            did = await _did(service, step, grant, world)
            assert did == may, (steps, step, state)
            if did:
                state = {"approve": "IN_FORCE", "review": "REVIEWED"}.get(
                    step, "OVER" if state == "IN_FORCE" else "DECLINED"
                )
                until = now + timedelta(hours=24) if step == "approve" else until


async def _did(service: EmergencyService, step: str, grant: str, world: World) -> bool:
    policy, now = world.hub.rules.policy, world.clock.now()
    try:
        match step:
            case "approve":
                await service.approve(grant, _steward(world, "b"), policy, now)
            case "same person approves":
                await service.approve(grant, _steward(world, "a"), policy, now)
            case "end":
                await service.end(grant, "已排除", _steward(world, "c"), policy, now)
            case _:
                await service.review(grant, Verdict.JUSTIFIED, "属实", _steward(world, "c"), policy, now)
    except InputError:
        return False
    return True
