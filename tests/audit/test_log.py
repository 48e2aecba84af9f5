"""The writer: durable, in one order from many processes, nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import random

import pytest

from hub.audit.batch import Appended
from hub.audit.entry import Kind
from hub.audit.log import AuditLog
from hub.audit.merkle import leaf_hash, root, verify_inclusion
from hub.audit.note import verify_checkpoint
from hub.audit.walk import walk
from hub.clock import FixedClock
from hub.errors import ConfigurationError, HubError, IntegrityError, UnavailableError, VerificationError
from hub.store.database import Database

from .audit_world import NOW, ORIGIN, SIGNER, administrator, an_entry, log_key, open_log

KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'hub-audit-log' AND datname = current_database()"
)


def check(results: list[Appended]) -> None:
    """Every result proves its own entry against its own signed checkpoint."""
    for result in results:
        checkpoint = verify_checkpoint(result.checkpoint, SIGNER.verifier)
        assert checkpoint.size == result.tree_size
        verify_inclusion(leaf_hash(result.body), result.index, checkpoint.size, result.proof, checkpoint.root)


async def check_whole(database: Database, results: list[Appended], *, exact: bool = True) -> None:
    """The stored log verifies, and holds what was acknowledged where it was said to stand, once."""
    report = await walk(database, [SIGNER.verifier], checkpoints=[r.checkpoint for r in results[-3:]])
    report.require_whole()
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT idx, entry_id, body, leaf_hash FROM log_entry ORDER BY idx")
        state = await connection.fetchrow("SELECT size, root FROM log_state")
    assert [row["idx"] for row in rows] == list(range(len(rows)))
    assert len({row["entry_id"] for row in rows}) == len(rows) == state["size"]
    assert root([row["leaf_hash"] for row in rows]) == state["root"]
    for result in results:
        assert rows[result.index]["entry_id"] == result.entry_id
        assert bytes(rows[result.index]["body"]) == result.body
    if exact:
        assert len(results) == len(rows)


def test_a_new_log_begins_with_a_signed_empty_tree(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            assert (log.size, log.waiting) == (0, 0)
            await check_whole(database, [])

    asyncio.run(scenario())


def test_what_append_returns_proves_the_entry(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            results = [await log.append(an_entry()) for _ in range(9)]
            assert [r.index for r in results] == list(range(9))
            check(results)
            await check_whole(database, results)

    asyncio.run(scenario())


def test_entries_that_wait_together_are_committed_together(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            results = await asyncio.gather(*(log.append(an_entry()) for _ in range(300)))
            assert {r.tree_size for r in results} == {256, 300}
            check(list(results))
            await check_whole(database, list(results))

    asyncio.run(scenario())


def test_a_log_opened_again_goes_on_where_it_stopped(database_url: str) -> None:
    async def scenario() -> None:
        results: list[Appended] = []
        for _ in range(3):
            async with open_log(database_url) as (database, log):
                results += await asyncio.gather(*(log.append(an_entry()) for _ in range(7)))
                await check_whole(database, results)
        check(results)

    asyncio.run(scenario())


def test_two_writers_on_one_database_share_one_order(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, one), open_log(database_url) as (_, other):

            async def client(log: AuditLog) -> list[Appended]:
                return [await log.append(an_entry()) for _ in range(100)]

            done = await asyncio.gather(*(client(log) for log in (one, other) for _ in range(16)))
            results = [result for part in done for result in part]
            check(results)
            await check_whole(database, sorted(results, key=lambda r: r.tree_size))

    asyncio.run(scenario())


def test_an_act_and_its_entry_stand_or_fall_together(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            first = await log.append(an_entry())
            act = an_entry(kind=Kind.ADMIN, operation="consent.grant")
            async with database.connection() as connection, connection.transaction():
                done = await log.append_in(connection, [act, an_entry(kind=Kind.ADMIN)])
                done += await log.append_in(connection, [an_entry(kind=Kind.ADMIN)])
            async with database.connection() as connection:
                undone = connection.transaction()
                await undone.start()
                await log.append_in(connection, [an_entry(kind=Kind.ADMIN)])
                await undone.rollback()
            last = await log.append(an_entry())
            assert [r.index for r in (first, *done, last)] == [0, 1, 2, 3, 4]
            check([first, *done, last])
            await check_whole(database, [first, *done, last])

    asyncio.run(scenario())


def test_acts_and_requests_at_once_leave_one_whole_log(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):

            async def acts() -> list[Appended]:
                done: list[Appended] = []
                for _ in range(20):
                    async with database.connection() as connection, connection.transaction():
                        done += await log.append_in(connection, [an_entry(kind=Kind.ADMIN)])
                return done

            async def requests() -> list[Appended]:
                return [await log.append(an_entry()) for _ in range(60)]

            parts = await asyncio.gather(acts(), *(requests() for _ in range(8)))
            results = [result for part in parts for result in part]
            check(results)
            await check_whole(database, results)

    asyncio.run(scenario())


def test_a_full_queue_refuses_at_once_and_writes_what_it_took(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url, capacity=5) as (database, log):
            done = await asyncio.gather(*(log.append(an_entry()) for _ in range(8)), return_exceptions=True)
            assert sum(isinstance(r, UnavailableError) for r in done) == 3
            await check_whole(database, [r for r in done if isinstance(r, Appended)])

    asyncio.run(scenario())


def test_a_waiter_who_leaves_neither_loses_nor_doubles_an_entry(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            tasks = [asyncio.create_task(log.append(an_entry())) for _ in range(60)]
            for turn, task in enumerate(tasks):
                if turn % 3 == 0:
                    await asyncio.sleep(0)
                    task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            results = [r for r in done if isinstance(r, Appended)]
            assert len(results) >= 40
            results.append(await log.append(an_entry()))
            await check_whole(database, results, exact=False)

    asyncio.run(scenario())


def test_closing_writes_what_waits_and_takes_no_more(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            waiting = [asyncio.create_task(log.append(an_entry())) for _ in range(20)]
            await asyncio.sleep(0)
            await log.close()
            await check_whole(database, list(await asyncio.gather(*waiting)))
            for refused in (log.append(an_entry()), log.append_in(None, [an_entry()])):
                with pytest.raises(UnavailableError):
                    await refused

    asyncio.run(scenario())


def test_connections_killed_in_mid_append_lose_and_double_nothing(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log), open_log(database_url) as (_, other):
            results: list[Appended] = []
            stop = asyncio.Event()

            async def client(log: AuditLog) -> None:
                while not stop.is_set():
                    try:
                        results.append(await log.append(an_entry()))
                    except UnavailableError:
                        await asyncio.sleep(0.01)

            clients = [asyncio.create_task(client(log)) for log in (log, other) for _ in range(12)]
            kills = 0
            dice = random.Random(7)
            for _ in range(30):
                wanted = len(results) + dice.randint(1, 50)
                while len(results) < wanted:
                    await asyncio.sleep(dice.random() * 0.003)
                kills += len(await administrator(database_url, KILL))
            stop.set()
            await asyncio.gather(*clients)
            assert kills >= 15
            check(results)
            await check_whole(database, results, exact=False)

    asyncio.run(scenario())


def test_an_answer_lost_after_the_commit_is_found_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.audit import store

    genuine, losses = store.append, iter([True, False, True, True, False])

    async def lossy(connection, plan) -> bool:
        done = await genuine(connection, plan)
        if not connection.is_in_transaction() and next(losses, False):
            raise ConnectionResetError
        return done

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            monkeypatch.setattr(store, "append", lossy)
            results = [await log.append(an_entry()) for _ in range(10)]
            assert [r.index for r in results] == list(range(10))
            check(results)
            await check_whole(database, results)

    asyncio.run(scenario())


def test_while_the_database_is_away_every_append_is_refused_and_later_taken_again(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            first = await log.append(an_entry())
            name = database.url.database
            await administrator(
                database_url.replace(f"/{name}", "/postgres"),
                f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
                KILL.replace("current_database()", f"'{name}'"),
            )
            done = await asyncio.gather(*(log.append(an_entry()) for _ in range(5)), return_exceptions=True)
            assert all(isinstance(r, UnavailableError) for r in done)
            await administrator(
                database_url.replace(f"/{name}", "/postgres"),
                f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true',
            )
            last = await log.append(an_entry())
            await check_whole(database, [first, last], exact=True)

    asyncio.run(scenario())


STATES = {
    "a size that was set back": "UPDATE log_state SET size = 1",
    "another root": "UPDATE log_state SET root = sha256('x')",
    "another right edge": "UPDATE log_state SET frontier = sha256('x') || substring(frontier FROM 33)",
    "no state": "DELETE FROM log_state",
}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES.keys())
def test_a_log_whose_state_was_altered_takes_no_entry(database_url: str, change: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log), open_log(database_url) as (_, other):
            for _ in range(3):
                await log.append(an_entry())
            await administrator(database_url, change)
            with pytest.raises(UnavailableError):
                await other.append(an_entry())
            async with database.connection() as connection:
                with pytest.raises(HubError):
                    await log.append_in(connection, [an_entry()])
                assert await connection.fetchval("SELECT count(*) FROM log_entry") == 3

    asyncio.run(scenario())


def test_a_log_set_back_to_an_earlier_signed_state_takes_no_entry(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            await log.append(an_entry())
            await administrator(database_url, "CREATE TABLE kept AS SELECT * FROM log_state")
            await log.append(an_entry())
            await administrator(
                database_url,
                "DELETE FROM log_state",
                "INSERT INTO log_state SELECT * FROM kept",
                "DELETE FROM log_entry WHERE idx = 1",
            )
            with pytest.raises(UnavailableError) as refused:
                await log.append(an_entry())
            assert isinstance(refused.value.__cause__, IntegrityError)
            assert len(await administrator(database_url, "SELECT 1 FROM log_entry")) == 1

    asyncio.run(scenario())


def test_a_log_of_another_origin_or_key_is_not_opened(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            with pytest.raises(ConfigurationError):
                await AuditLog.open(database, "another/log", SIGNER, FixedClock(NOW))
            with pytest.raises(VerificationError):
                await AuditLog.open(database, ORIGIN, log_key(2), FixedClock(NOW))
            changed = await AuditLog.open(
                database, ORIGIN, log_key(2), FixedClock(NOW), verifiers=[SIGNER.verifier]
            )
            await changed.append(an_entry())
            await changed.close()
            (await walk(database, [SIGNER.verifier, log_key(2).verifier])).require_whole()

    asyncio.run(scenario())


def test_a_commit_of_the_log_is_durable_whatever_the_servers_default(database_url: str) -> None:
    async def scenario() -> None:
        await administrator(database_url, "ALTER ROLE hub SET synchronous_commit = off")
        try:
            async with open_log(database_url) as (_, log):
                connection = await log._connection.get()
                assert await connection.fetchval("SHOW synchronous_commit") == "on"
        finally:
            await administrator(database_url, "ALTER ROLE hub RESET synchronous_commit")

    asyncio.run(scenario())
