"""What was known and would have been disclosed at a past instant: equal to what the log recorded then; no values."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from world import COMPANY, NOW, REGISTRATION, World, run

from hub.demo import story_facts as facts
from hub.disclosure.live import recorder
from hub.model.outcome import Outcome
from hub.policies.publish import Publisher

from .test_live import denying

_REG = "government.registration"
_READ = "query Q($u: USCC!) { organization(uscc: $u) { id name establishedOn divisionCode operatingStatus legalRepresentative { name idNumber phone } registeredCapital { amount } } }"
_TAX = "query Q($u: USCC!) { organization(uscc: $u) { government { taxPayments { nodes { id period taxType amount { amount } } } } } }"
_AS_OF = """query A($s: String!, $d: String!, $r: ID!, $t: DateTime!, $a: AskerInput!) {
  recordAsOf(subject: $s, dataset: $d, record: $r, at: $t, asker: $a) {
    known { version state lineage replacedAt } shown policy consent refused caveats fields { name outcome rule reason filled } } }"""
_BANK = {"role": "bank", "purpose": "LOAN_APPLICATION"}


async def _record(world: World, dataset: str) -> str:
    async with world.hub.database.connection() as connection:
        found: bytes = await connection.fetchval(
            "SELECT record_id FROM record WHERE dataset = $1 AND subject_id = $2 ORDER BY record_id LIMIT 1",
            dataset, world.hub.indexer.subject_id("ORG", COMPANY),
        )  # fmt: skip
    return "rec_" + found.hex()


async def _as_of(
    world: World, dataset: str, record: str, at: datetime, asker: dict[str, Any] | None = None
) -> dict[str, Any]:
    officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
    asked = {**_BANK, "institution": facts.BANK_HKB} if asker is None else asker
    variables = {"s": COMPANY, "d": dataset, "r": record, "t": at.isoformat(), "a": asked}
    answer = await world.ask(officer, _AS_OF, variables)
    assert answer["data"], answer
    return dict(answer["data"]["recordAsOf"])


async def _recorded(world: World, token: str, text: str, dataset: str) -> dict[str, str]:
    """Ask, and give what the entry says of each field of a dataset."""
    response = await world.send(token, text, {"u": COMPANY})
    entry = json.loads(response.json()["extensions"]["receipt"]["entry"])
    fields = entry["subjects"][0]["fields"]
    return {name: word for word, by in fields.items() for name in by.get(dataset, ())}


def test_what_would_have_been_disclosed_is_what_the_log_recorded_and_stays_so_after_everything_changed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        registration, tax = await _record(world, _REG), await _record(world, "government.tax_payment")
        consent = await world.consent()
        token = await world.token("bank-hkb", "LOAN_APPLICATION", consent=consent)
        then = world.clock.now()
        recorded = {
            _REG: (registration, await _recorded(world, token, _READ, _REG)),
            "government.tax_payment": (tax, await _recorded(world, token, _TAX, "government.tax_payment")),
        }
        first = world.hub.rules.policy.revision
        for later in ("at once", "afterwards"):
            for dataset, (record, fields) in recorded.items():
                found = await _as_of(world, dataset, record, then)
                outcomes = {f["name"]: f["outcome"].casefold() for f in found["fields"]}
                assert fields, dataset
                assert {name: outcomes[name] for name in fields} == fields, (later, dataset)
                assert (found["shown"], found["policy"], found["consent"]) == (True, first, consent)
            world.clock.advance(timedelta(hours=1))
            if later == "afterwards":
                break
            own = await world.token("subject-org", "SELF_QUERY")
            gone = await world.ask(own, f'mutation {{ withdrawConsent(id: "{consent}") {{ status }} }}')
            assert gone["data"], gone
            policy = denying(world.hub.rules.policy, world.hub.rules.catalog, f"{_REG}.establishedOn")
            publisher = Publisher(world.hub.database, recorder(world.hub.log, world.hub.rules.catalog))
            await publisher.publish(policy, by="test", note="test", now=world.clock.now())
            world.clock.advance(timedelta(hours=1))
        now = await _as_of(world, _REG, registration, world.clock.now())
        assert (now["refused"], now["consent"], now["fields"]) == ("CONSENT_REQUIRED", None, [])
        assert now["policy"] != first
        mine = {"role": "subject", "purpose": "SELF_QUERY"}
        before = await _as_of(world, _REG, registration, then, mine)
        after = await _as_of(world, _REG, registration, world.clock.now(), mine)
        outcome = [
            next(f["outcome"] for f in side["fields"] if f["name"] == "establishedOn")
            for side in (before, after)
        ]
        assert outcome == [Outcome.CLEAR.name, Outcome.WITHHELD.name]

    run(database_url, tmp_path, scene)  # fmt: skip


def test_the_version_known_is_that_of_the_instant_and_nothing_before_it_came_in(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        record = await _record(world, _REG)
        world.clock.advance(timedelta(days=1))
        await world.put(_REG, {**REGISTRATION, "operatingStatus": "REVOKED"})
        for at, version in (
            (NOW - timedelta(milliseconds=1), None),
            (NOW, 1),
            (world.clock.now() - timedelta(milliseconds=1), 1),
            (world.clock.now(), 2),
        ):
            officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
            asked = {"role": "subject", "purpose": "SELF_QUERY"}
            variables = {"s": COMPANY, "d": _REG, "r": record, "t": at.isoformat(), "a": asked}
            answer = await world.ask(officer, _AS_OF, variables)
            if at < NOW:  # no policy was in force either
                assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"
                continue
            assert answer["data"]["recordAsOf"]["known"]["version"] == version
            text = json.dumps(answer, ensure_ascii=False)
            assert REGISTRATION["name"] not in text
            assert "2019-05-20" not in text

    run(database_url, tmp_path, scene)


def test_only_reviewers_ask_about_the_past_and_each_asking_is_logged(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        record = await _record(world, _REG)
        variables = {
            "s": COMPANY, "d": _REG, "r": record, "t": NOW.isoformat(), "a": {"role": "subject", "purpose": "SELF_QUERY"},
        }  # fmt: skip
        for client, purpose, subjects in (
            ("subject-org", "SELF_QUERY", (COMPANY,)),
            ("operator-main", "OPERATION", ()),
            ("dept-amr", "DATA_SUPPLY", ()),
        ):
            token = await world.token(client, purpose, subjects)
            assert (await world.ask(token, _AS_OF, variables))["data"] is None, client
        await _as_of(world, _REG, record, NOW, {"role": "subject", "purpose": "SELF_QUERY"})
        officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
        for wrong in (
            {"t": (NOW + timedelta(days=1)).isoformat()},
            {"d": "government.gossip"},
            {"r": "rec_"},
            {"a": {"role": "king", "purpose": "SELF_QUERY"}},
        ):
            answer = await world.ask(officer, _AS_OF, {**variables, **wrong})
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", wrong
        async with world.hub.database.connection() as connection:
            kinds = await connection.fetchval(
                "SELECT count(*) FROM log_entry WHERE kind = 'AUDIT_READ' AND caller = 'officer-privacy'"
                " AND outcome <> 'INVALID' AND cardinality(subjects) = 1"
            )
        assert kinds >= 1

    run(database_url, tmp_path, scene)


def test_a_consents_own_months_of_a_dataset_bound_what_would_have_been_shown_and_the_named_consent_counts(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        tax = "government.tax_payment"
        record = await _record(world, tax)
        first = await world.consent()
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE consent SET artefact = jsonb_set(artefact::jsonb, '{items}', (SELECT jsonb_agg("
                " CASE WHEN i->>'dataset' = $2 THEN i || '{\"rangeMonths\": 1}' ELSE i END)"
                " FROM jsonb_array_elements(artefact::jsonb->'items') i))::json WHERE consent_id = $1",
                first, tax,
            )  # fmt: skip
        asker = {**_BANK, "institution": facts.BANK_HKB}
        world.clock.advance(timedelta(days=120))
        then = world.clock.now()
        narrow = await _as_of(world, tax, record, then, asker)
        assert narrow["consent"] == first
        assert {field["reason"] for field in narrow["fields"]} == {"FAIR_USE_RANGE"}
        second = await world.consent()
        newest = await _as_of(world, tax, record, world.clock.now(), asker)
        assert newest["consent"] == second
        assert "SEVERAL_CONSENTS" in newest["caveats"]
        assert any(field["outcome"] != "WITHHELD" for field in newest["fields"])
        named = await _as_of(world, tax, record, world.clock.now(), {**asker, "consent": first})
        assert (named["consent"], "SEVERAL_CONSENTS" in named["caveats"]) == (first, False)
        assert {field["reason"] for field in named["fields"]} == {"FAIR_USE_RANGE"}
        another = await _as_of(world, tax, record, world.clock.now(), {**asker, "consent": "c_another"})
        assert (another["refused"], another["fields"]) == ("CONSENT_REQUIRED", [])

    run(database_url, tmp_path, scene)


def test_what_an_answer_about_the_past_leaves_out_it_says_itself(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        record = await _record(world, _REG)
        mine = {"role": "subject", "purpose": "SELF_QUERY"}
        assert (await _as_of(world, _REG, record, NOW, mine))["caveats"] == []
        by_matter = {"role": "department", "purpose": "GOV_SUPERVISION"}
        assert (await _as_of(world, _REG, record, NOW, by_matter))["caveats"] == ["MATTER_NOT_KNOWN"]
        async with world.hub.database.connection() as connection:
            await connection.execute("UPDATE record SET edition = '1999'")
        assert (await _as_of(world, _REG, record, NOW, mine))["caveats"] == ["CATALOGUE_CHANGED"]

    run(database_url, tmp_path, scene)
