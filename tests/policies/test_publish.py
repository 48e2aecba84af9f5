"""What is published is checked, kept, put in force and recorded together, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.catalog.types import Catalog
from hub.errors import InputError, PolicyError, UnavailableError
from hub.policies import store
from hub.policies.files import build_policy
from hub.policies.model import PolicySet
from hub.policies.publish import Change, Publisher, check_files, check_published, find_revision
from hub.store.database import Database

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def with_rows(texts: dict[str, str], *rows: str) -> dict[str, str]:
    """The files with rows added to the rules."""
    return {**texts, "rules.csv": texts["rules.csv"].rstrip("\n") + "\n" + "\n".join(rows) + "\n"}


DENY = "p, Z-TEST-01, subject, SELF_QUERY, government.registration.establishedOn, 1, *, PREDICATE, deny"


@pytest.fixture
def changed(texts: dict[str, str], catalog: Catalog) -> PolicySet:
    return build_policy(with_rows(texts, DENY), catalog)


def play(url: str, scene: Callable[[Database], Awaitable[None]]) -> None:
    async def body() -> None:
        database = await Database.open(url, pool_size=4)
        try:
            await scene(database)
        finally:
            await database.close()

    asyncio.run(body())


async def active(database: Database) -> store.Active | None:
    async with database.connection() as connection:
        return await store.active(connection)


def test_a_change_names_what_was_before_and_an_earlier_policy_can_be_put_back(
    database_url: str, policy: PolicySet, changed: PolicySet
) -> None:
    recorded: list[Change] = []

    async def record(_connection: Any, change: Change) -> None:
        recorded.append(change)

    async def scene(database: Database) -> None:
        publisher = Publisher(database, record)
        await publisher.begin(policy, by="start", note="first", now=NOW)
        assert await publisher.begin(changed, by="start", note="second start", now=NOW) is None
        await publisher.publish(changed, by="cli:a", note="narrower", now=NOW)
        await publisher.activate(policy.revision, by="cli:a", now=NOW)
        now = await active(database)
        assert now is not None
        assert (now.revision, now.sequence) == (policy.revision, 3)
        async with database.connection() as connection:
            listed = await store.listed(connection)
        assert {(p.revision, p.note) for p in listed} == {
            (policy.revision, "first"),
            (changed.revision, "narrower"),
        }

    play(database_url, scene)
    a, b = policy.revision, changed.revision
    assert [(c.act, c.old, c.new) for c in recorded] == [
        ("policy.publish", "", a),
        ("policy.publish", a, b),
        ("policy.activate", b, a),
    ]


def test_without_its_entry_a_change_does_not_happen(
    database_url: str, policy: PolicySet, changed: PolicySet
) -> None:
    async def record(_connection: Any, change: Change) -> None:
        if change.old:
            raise UnavailableError("The audit log could not be written.")

    async def scene(database: Database) -> None:
        publisher = Publisher(database, record)
        await publisher.begin(policy, by="start", note="", now=NOW)
        with pytest.raises(UnavailableError):
            await publisher.publish(changed, by="cli:a", note="", now=NOW)
        assert await active(database) == store.Active(policy.revision, 1)
        async with database.connection() as connection:
            assert await store.files(connection, changed.revision) is None

    play(database_url, scene)


def test_the_policy_in_force_is_not_published_again(database_url: str, policy: PolicySet) -> None:
    async def record(_connection: Any, _change: Change) -> None:
        return

    async def scene(database: Database) -> None:
        publisher = Publisher(database, record)
        await publisher.publish(policy, by="cli:a", note="", now=NOW)
        with pytest.raises(InputError, match="in force already"):
            await publisher.publish(policy, by="cli:a", note="", now=NOW)
        assert await active(database) == store.Active(policy.revision, 1)

    play(database_url, scene)


def test_publishers_at_the_same_time_follow_one_another(
    database_url: str, policy: PolicySet, changed: PolicySet, texts: dict[str, str], catalog: Catalog
) -> None:
    recorded: list[Change] = []

    async def record(_connection: Any, change: Change) -> None:
        await asyncio.sleep(0.01)
        recorded.append(change)

    async def scene(database: Database) -> None:
        third = build_policy(with_rows(texts, DENY.replace("establishedOn", "divisionCode")), catalog)
        publisher = Publisher(database, record)
        await asyncio.gather(
            *(publisher.publish(p, by="cli:a", note="", now=NOW) for p in (policy, changed, third))
        )

    play(database_url, scene)
    assert recorded[0].old == ""
    assert [c.old for c in recorded[1:]] == [c.new for c in recorded[:-1]]


def test_files_that_are_not_those_of_the_revision_are_refused(
    texts: dict[str, str], catalog: Catalog
) -> None:
    policy = build_policy(texts, catalog)
    with pytest.raises(PolicyError, match="not those of its revision"):
        check_published(policy.revision, with_rows(texts, DENY), catalog)


def test_a_policy_whose_own_case_fails_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    shut = "p, Z-TEST-01, bank, LOAN_APPLICATION, government.registration.name, 1, *, PREDICATE, deny"
    with pytest.raises(PolicyError, match="should be CLEAR"):
        check_files(with_rows(texts, shut), catalog)


def test_a_policy_with_a_file_missing_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    del texts["closed.toml"]
    with pytest.raises(PolicyError, match="files of a policy folder"):
        check_files(texts, catalog)


def test_a_revision_is_found_by_its_beginning_if_only_one_has_it(
    database_url: str, policy: PolicySet, changed: PolicySet
) -> None:
    async def record(_connection: Any, _change: Change) -> None:
        return

    async def scene(database: Database) -> None:
        publisher = Publisher(database, record)
        await publisher.publish(policy, by="cli:a", note="", now=NOW)
        await publisher.publish(changed, by="cli:a", note="", now=NOW)
        bare = changed.revision.removeprefix("sha256:")
        assert await find_revision(database, bare[:20]) == changed.revision
        for text in ("sha256:", "sha256:zz", "%"):
            with pytest.raises(InputError, match="begin"):
                await find_revision(database, text)

    play(database_url, scene)
