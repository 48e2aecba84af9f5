"""A replay finds what another policy would have opened and closed, for whom, and in which entries."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

from world import COMPANY, NOW, World, run

from hub.audit.span import read_span, span_since
from hub.demo import story_facts as facts
from hub.disclosure.history import replay_since
from hub.disclosure.replay import Replay, Replayer
from hub.disclosure.rules import Rules
from hub.policies.files import build_policy

ID, DATE = "government.registration.legalRepresentativeIdNumber", "government.registration.establishedOn"
ASK = f'''{{ organization(uscc: "{COMPANY}") {{ name establishedOn legalRepresentative {{ idNumber }}
    government {{ taxPayments {{ nodes {{ period amount {{ amount }} }} }} }} financial {{ loans {{ nodes {{ balance {{ amount }} }} }} }} }} }}'''


def changed(rules: Rules, *pairs: tuple[str, str, str], rows: tuple[str, ...] = ()) -> Rules:
    """Rules over files with texts replaced and rows added."""
    files = dict(rules.policy.files)
    for file, old, new in pairs:
        assert old in files[file], old
        files[file] = files[file].replace(old, new)
    files["rules.csv"] += "".join(f"{row}\n" for row in rows)
    return Rules(rules.catalog, build_policy(files, rules.catalog))


async def replayed(world: World, rules: Rules, days: int = 30) -> Replay:
    clients = {client.client_id: client for client in world.hub.registry.listed()}
    return await replay_since(world.hub.database, Replayer(rules, clients), NOW - timedelta(days=days))


def found(replay: Replay, *, opens: bool) -> dict[tuple[str, str, str], tuple[str, str, int]]:
    return {
        (e.caller, e.purpose, e.field): (e.before, e.after, t.count) for e, t in replay.counted(opens=opens)
    }


async def entry(world: World, token: str, text: str = ASK) -> int:
    answer = await world.ask(token, text)
    return int(answer["extensions"]["receipt"]["index"])


def test_under_the_policy_of_the_time_nothing_opens_or_closes(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await entry(world, await world.bank_token())
        await entry(world, await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED"))
        await entry(world, await world.token("subject-org", "SELF_QUERY"))
        replay = await replayed(world, world.hub.rules)
        assert replay.effects == {}
        assert (replay.opening, replay.closing, replay.unknown) == (0, 0, 0)
        assert replay.entries >= 3

    run(database_url, tmp_path, scene)


def test_a_wider_and_a_narrower_rule_are_found_for_the_caller_they_concern(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        bank = await world.bank_token()
        indices = [await entry(world, bank) for _ in range(3)]
        await entry(world, await world.token("subject-org", "SELF_QUERY"))
        wider = changed(
            world.hub.rules,
            ("rules.csv", _row(world, "B-LOAN-02"), _row(world, "B-LOAN-02").replace("MASKED", "CLEAR")),
            rows=(f"p, Z-TEST-01, bank, LOAN_APPLICATION, {DATE}, 1, ORG, PREDICATE, deny",),
        )
        replay = await replayed(world, wider)
        assert found(replay, opens=True) == {("bank-hkb", "LOAN_APPLICATION", ID): ("MASKED", "CLEAR", 3)}
        assert found(replay, opens=False) == {
            ("bank-hkb", "LOAN_APPLICATION", DATE): ("CLEAR", "WITHHELD", 3)
        }
        assert (replay.opening, replay.closing) == (3, 3)
        (effect, tally), *_ = replay.counted(opens=True)
        assert (effect.rule, tally.examples) == ("B-LOAN-02", indices)
        assert effect.institution == world.hub.registry.get("bank-hkb").institution  # type: ignore[union-attr]

    run(database_url, tmp_path, scene)


def _row(world: World, rule: str) -> str:
    text = world.hub.rules.policy.files["rules.csv"]
    return next(line for line in text.splitlines() if line.startswith(f"p, {rule},"))


def test_what_a_consent_leaves_out_stays_out_under_a_wider_policy(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await entry(world, await world.bank_token(datasets=["government.tax_payment"]))
        wider = changed(
            world.hub.rules,
            ("rules.csv", _row(world, "B-LOAN-02"), _row(world, "B-LOAN-02").replace("MASKED", "CLEAR")),
        )
        assert (await replayed(world, wider)).effects == {}

    run(database_url, tmp_path, scene)


def test_a_purpose_that_is_no_longer_held_closes_everything_that_was_shown(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        await entry(world, await world.token("subject-org", "SELF_QUERY"))
        policy = world.hub.rules.policy
        purposes = {**policy.purposes}
        purposes["SELF_QUERY"] = dataclasses.replace(purposes["SELF_QUERY"], holders=("auditor",))
        narrow = Rules(world.hub.rules.catalog, dataclasses.replace(policy, purposes=purposes))
        closing = found(await replayed(world, narrow), opens=False)
        assert closing["subject-org", "SELF_QUERY", DATE] == ("CLEAR", "REFUSED PURPOSE_NOT_HELD", 1)
        assert {after for _, after, _ in closing.values()} == {"REFUSED PURPOSE_NOT_HELD"}

    run(database_url, tmp_path, scene)


def test_a_refusal_that_would_fall_away_is_an_opening(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await entry(world, await world.token("bank-hkb", "LOAN_APPLICATION"))
        policy = world.hub.rules.policy
        purposes = {**policy.purposes}
        purposes["LOAN_APPLICATION"] = dataclasses.replace(
            purposes["LOAN_APPLICATION"], consent_required=False
        )
        wide = Rules(world.hub.rules.catalog, dataclasses.replace(policy, purposes=purposes))
        assert found(await replayed(world, wide), opens=True) == {
            ("bank-hkb", "LOAN_APPLICATION", "*"): ("REFUSED CONSENT_REQUIRED", "may be shown", 1)
        }
        assert (await replayed(world, world.hub.rules)).effects == {}

    run(database_url, tmp_path, scene)


def test_a_list_that_was_shut_as_a_whole_opens_as_a_whole(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await entry(world, await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED"))
        policy = world.hub.rules.policy
        rules = tuple(r for r in policy.rules if r.id != "X-DEPT-01")
        opening = dataclasses.replace(
            policy.rules[0], id="Z-1", role="department", purpose="GOV_SUPERVISION", pattern="financial.loan.balance",
            level=5, outcome=next(r.outcome for r in rules if r.id == "B-LOAN-01"),
            effect=next(r.effect for r in rules if r.id == "B-LOAN-01"), row=9999,
        )  # fmt: skip
        wide = Rules(world.hub.rules.catalog, dataclasses.replace(policy, rules=(*rules, opening)))
        opened = found(await replayed(world, wide), opens=True)
        assert opened == {("dept-amr", "GOV_SUPERVISION", "financial.loan.*"): ("WITHHELD", "CLEAR", 1)}

    run(database_url, tmp_path, scene)


def test_entries_before_the_span_are_left_out_and_pages_are_small(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        for _ in range(4):
            await entry(world, token)
        assert (await replayed(world, world.hub.rules)).entries == 4
        await world.hub.database.pool.execute(
            "UPDATE log_entry SET at = at - interval '40 days' WHERE idx < 3"
        )
        assert (await replayed(world, world.hub.rules)).entries == 2
        span = await span_since(world.hub.database, NOW - timedelta(days=100))
        pages = [page async for page in read_span(world.hub.database, span, page=2)]
        assert [len(page) for page in pages] == [2, 2, 1]
        assert [e.number for page in pages for e in page] == list(range(5))

    run(database_url, tmp_path, scene)


def test_a_client_that_is_gone_is_counted_as_unknown_and_a_withheld_entry_as_withheld(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        token = await world.token("subject-org", "SELF_QUERY")
        first, _ = [await entry(world, token) for _ in range(2)]
        replay = await replay_since(
            world.hub.database, Replayer(world.hub.rules, {}), NOW - timedelta(days=1)
        )
        assert (replay.unknown, replay.subjects) == (2, 0)
        await world.hub.database.pool.execute("UPDATE log_entry SET body = NULL WHERE idx = $1", first)
        replay = await replayed(world, world.hub.rules)
        assert (replay.entries, replay.withheld) == (1, 1)

    run(database_url, tmp_path, scene)


def test_a_replay_holds_no_value_of_any_field(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await entry(world, await world.bank_token())
        policy = world.hub.rules.policy
        nothing = Rules(world.hub.rules.catalog, dataclasses.replace(policy, purposes={}))
        replay = await replayed(world, nothing)
        text = json.dumps([list(effect) for effect in replay.effects], ensure_ascii=False)
        assert "CLEAR" in text
        for value in ("2019-05-20", COMPANY, facts.COMPANY_NAME, facts.PERSON_NAME):
            assert value not in text

    run(database_url, tmp_path, scene)
