"""Connections are lent, kept while sound, and given up when anything is doubtful about them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from hub.errors import UnavailableError
from hub.store.database import Database

PID = "SELECT pg_backend_pid()"


def run(url: str, scene: Callable[[Database], Awaitable[None]], size: int = 2) -> None:
    async def play() -> None:
        database = await Database.open(url, pool_size=size)
        try:
            await scene(database)
        finally:
            await database.close()

    asyncio.run(play())


async def pid(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(PID))


def test_a_connection_given_back_sound_is_lent_again(database_url: str) -> None:
    async def scene(database: Database) -> None:
        assert len({await pid(database) for _ in range(5)}) == 1

    run(database_url, scene)


def test_no_more_connections_are_lent_than_there_are_and_those_who_wait_get_theirs(database_url: str) -> None:
    async def scene(database: Database) -> None:
        lent, most = 0, 0

        async def work() -> None:
            nonlocal lent, most
            async with database.connection() as connection:
                lent += 1
                most = max(most, lent)
                await connection.fetchval("SELECT pg_sleep(0.005)")
                lent -= 1

        await asyncio.gather(*(work() for _ in range(40)))
        assert most == 2

    run(database_url, scene)


def test_a_transaction_left_open_is_not_lent_to_the_next(database_url: str) -> None:
    async def scene(database: Database) -> None:
        async with database.connection() as connection:
            await connection.execute("BEGIN; CREATE TEMP TABLE left_open (n int) ON COMMIT DROP")
        async with database.connection() as connection:
            assert not connection.is_in_transaction()
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetch("SELECT * FROM left_open")

    run(database_url, scene, size=1)


def test_a_statement_that_was_interrupted_does_not_reach_the_next_borrower(database_url: str) -> None:
    async def scene(database: Database) -> None:
        async def slow() -> None:
            async with database.connection() as connection:
                await connection.fetchval("SELECT pg_sleep(30)")

        for _ in range(3):
            task = asyncio.create_task(slow())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with database.connection() as connection:
                assert await connection.fetchval("SELECT 7") == 7

    run(database_url, scene, size=1)


def test_a_connection_that_the_server_ended_is_replaced(database_url: str) -> None:
    async def scene(database: Database) -> None:
        gone = await pid(database)
        other = await asyncpg.connect(database_url)
        await other.execute("SELECT pg_terminate_backend($1)", gone)
        await other.close()
        for _ in range(100):
            try:
                assert await pid(database) != gone
                break
            except UnavailableError:
                await asyncio.sleep(0.01)
        assert len({await pid(database) for _ in range(5)}) == 1

    run(database_url, scene, size=1)


def test_errors_give_the_connection_back(database_url: str) -> None:
    async def scene(database: Database) -> None:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                async with database.connection():
                    raise ZeroDivisionError
        async with asyncio.timeout(10):
            assert await pid(database)

    run(database_url, scene, size=1)
