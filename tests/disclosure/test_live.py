"""A published policy takes effect in every running process, whole, without a restart; a broken one nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, NOW, World, fill, open_world, run

from hub.catalog.types import Catalog
from hub.disclosure.live import PurposesInForce, recorder
from hub.errors import PolicyError
from hub.folders import locate
from hub.policies.files import build_policy, revision
from hub.policies.model import PolicySet
from hub.policies.publish import Publisher

DATE, DIVISION = "government.registration.establishedOn", "government.registration.divisionCode"
ASK = f'{{ organization(uscc: "{COMPANY}") {{ name establishedOn divisionCode }} }}'


def denying(policy: PolicySet, catalog: Catalog, *fields: str) -> PolicySet:
    """The policy with fields shut to the subject itself."""
    rows = [
        f"p, Z-TEST-{number:02d}, subject, SELF_QUERY, {field}, 1, *, PREDICATE, deny"
        for number, field in enumerate(fields)
    ]
    files = {**policy.files, "rules.csv": policy.files["rules.csv"] + "\n".join(rows) + "\n"}
    return build_policy(files, catalog)


async def publish(world: World, policy: PolicySet) -> None:
    publisher = Publisher(world.hub.database, recorder(world.hub.log, world.hub.rules.catalog))
    await publisher.publish(policy, by="cli:test", note="test", now=NOW)


async def plant(world: World, revision: str, files: dict[str, str]) -> None:
    """Put files in force that nothing has checked, as somebody with the database could."""
    async with world.hub.database.connection() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO policy_revision VALUES ($1, $2::jsonb, $3, 'x', 'x')",
            revision, json.dumps(files), NOW,
        )  # fmt: skip
        await connection.execute("UPDATE policy_active SET revision = $1, sequence = sequence + 1", revision)
        await connection.execute("SELECT pg_notify('hub_policy', '')")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that will come of itself, for far longer than it should take."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


def entry_of(answer: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(answer["extensions"]["receipt"]["entry"])
    return entry


def test_two_processes_on_one_database_follow_a_change_and_its_taking_back(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(one: World, other: World) -> None:
        first = one.hub.rules.policy
        narrow = denying(first, one.hub.rules.catalog, DATE)
        tokens = [(w, await w.token("subject-org", "SELF_QUERY")) for w in (one, other)]
        for policy, shown in ((first, "2019-05-20"), (narrow, None), (first, "2019-05-20")):
            if policy is not one.hub.rules.policy:
                publisher = Publisher(one.hub.database, recorder(one.hub.log, one.hub.rules.catalog))
                if policy is narrow:
                    await publisher.publish(policy, by="cli:test", note="n", now=NOW)
                else:
                    await publisher.activate(policy.revision, by="cli:test", now=NOW)
            for world, token in tokens:
                await until(lambda w=world, p=policy: w.hub.rules.policy.revision == p.revision)
                answer = await world.ask(token, ASK)
                assert answer["data"]["organization"]["establishedOn"] == shown
                assert answer["extensions"]["disclosure"]["policy"] == policy.revision
                assert entry_of(answer)["policy"] == policy.revision
        rows = await one.hub.database.pool.fetch(
            "SELECT body FROM log_entry WHERE kind = 'ADMIN' ORDER BY idx"
        )
        acts = [json.loads(row["body"]) for row in rows]
        changes = [
            (e["operation"], e["caller"], e["detail"]) for e in acts if e["operation"].startswith("policy.")
        ]
        a, b = first.revision, narrow.revision
        assert changes == [
            ("policy.publish", "start", {"old": "", "new": a}),
            ("policy.publish", "cli:test", {"old": a, "new": b}),
            ("policy.activate", "cli:test", {"old": b, "new": a}),
        ]

    _play_two(database_url, tmp_path, scene)


def _play_two(url: str, folder: Path, scene: Callable[[World, World], Awaitable[None]]) -> None:
    async def play() -> None:
        async with open_world(url, folder) as one, open_world(url, folder) as other:
            await fill(one)
            await scene(one, other)

    asyncio.run(play())


def test_under_traffic_every_answer_is_exactly_that_of_the_revision_its_entry_names(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        first, catalog = world.hub.rules.policy, world.hub.rules.catalog
        no_date, no_division = denying(first, catalog, DATE), denying(first, catalog, DIVISION)
        token = await world.token("subject-org", "SELF_QUERY")
        name = (await world.ask(token, ASK))["data"]["organization"]["name"]
        whole = {"name": name, "establishedOn": "2019-05-20", "divisionCode": "460100"}
        meant = {
            first.revision: whole,
            no_date.revision: {**whole, "establishedOn": None},
            no_division.revision: {**whole, "divisionCode": None},
        }
        seen: dict[str, int] = dict.fromkeys(meant, 0)
        stop = False

        async def ask_on() -> None:
            while not stop:
                answer = await world.ask(token, ASK)
                entry = entry_of(answer)
                assert answer["data"]["organization"] == meant[entry["policy"]]
                assert answer["extensions"]["disclosure"]["policy"] == entry["policy"]
                shut = entry["subjects"][0]["fields"].get("withheld", {})
                assert bool(shut) is (entry["policy"] != first.revision)
                seen[entry["policy"]] += 1

        askers = [asyncio.create_task(ask_on()) for _ in range(6)]
        for policy in (no_date, no_division, no_date, no_division):
            already = dict(seen)
            publisher = Publisher(world.hub.database, recorder(world.hub.log, catalog))
            await publisher.publish(policy, by="cli:test", note="n", now=NOW)
            await until(lambda p=policy, a=already: seen[p.revision] > a[p.revision] + 10)
        stop = True
        await asyncio.gather(*askers)
        assert all(seen.values())

    run(database_url, tmp_path, scene)


BROKEN: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "a mistyped deny row": lambda f: {**f, "rules.csv": f["rules.csv"].replace("deny\n", "dney\n", 1)},
    "a file less": lambda f: {name: text for name, text in f.items() if name != "closed.toml"},
    "no rule at all": lambda f: {**f, "rules.csv": "# nothing\n"},
    "a case that does not hold": lambda f: {
        **f, "rules.csv": f["rules.csv"]
        + "p, Z-TEST-01, bank, LOAN_APPLICATION, government.registration.name, 1, *, PREDICATE, deny\n",
    },
    "text that is no TOML": lambda f: {**f, "purposes.toml": "]["},
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_policy_is_refused_and_the_old_one_stays(
    name: str, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(world: World) -> None:
        first, catalog = world.hub.rules.policy, world.hub.rules.catalog
        files = BROKEN[name](dict(first.files))
        token = await world.token("subject-org", "SELF_QUERY")
        await plant(world, revision(files), files)
        await until(lambda: b"hub_policy_refused_total 1.0" in world.hub.metrics.text())
        assert world.hub.rules.policy is first
        answer = await world.ask(token, ASK)
        assert entry_of(answer)["policy"] == first.revision
        await world.hub.live.refresh()
        assert b"hub_policy_refused_total 1.0" in world.hub.metrics.text(), (
            "it is refused once, not every few seconds"
        )
        later = denying(first, catalog, DATE)
        await publish(world, later)
        await until(lambda: world.hub.rules.policy.revision == later.revision)

    with caplog.at_level(logging.ERROR, "hub.disclosure.live"):
        run(database_url, tmp_path, scene)
    assert "is refused" in caplog.text


def test_files_that_were_altered_in_the_database_are_refused(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        first, catalog = world.hub.rules.policy, world.hub.rules.catalog
        honest, other = denying(first, catalog, DATE), denying(first, catalog, DIVISION)
        await plant(world, honest.revision, dict(other.files))
        await until(lambda: b"hub_policy_refused_total 1.0" in world.hub.metrics.text())
        assert world.hub.rules.policy is first

    run(database_url, tmp_path, scene)


def test_the_policy_in_force_rules_over_the_folder_of_a_starting_process_and_a_warning_says_so(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(locate("policies"), folder)
    rules = folder / "rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8") + "# a note\n", encoding="utf-8")
    found: list[str] = []

    async def scene(world: World) -> None:
        found.append(world.hub.rules.policy.revision)

    run(database_url, tmp_path, scene)
    assert "not the policy in force" not in caplog.text
    run(database_url, tmp_path, scene, policies_dir=str(folder))
    assert found[0] == found[1]
    assert "not the policy in force" in caplog.text


def test_a_process_does_not_start_under_a_policy_in_force_that_does_not_hold(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        first = world.hub.rules.policy
        await plant(world, denying(first, world.hub.rules.catalog, DATE).revision, dict(first.files))

    async def nothing(_world: World) -> None:
        raise AssertionError("it started")

    run(database_url, tmp_path, scene)
    with pytest.raises(PolicyError, match="does not hold"):
        run(database_url, tmp_path, nothing)


def test_purposes_follow_the_policy(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        purposes = PurposesInForce(world.hub.live)
        first = world.hub.rules.policy
        assert set(purposes) == set(first.purposes)
        files = dict(first.files)
        operation = files["purposes.toml"].split("[OPERATION]")[1].split("\n[")[0]
        files["purposes.toml"] += f"\n[UPKEEP]{operation}\n"
        await publish(world, build_policy(files, world.hub.rules.catalog))
        await until(lambda: "UPKEEP" in purposes)
        assert set(purposes) == {*first.purposes, "UPKEEP"}
        assert len(purposes) == len(first.purposes) + 1

    run(database_url, tmp_path, scene)
