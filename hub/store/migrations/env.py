"""Alembic environment: runs the migrations over asyncpg, one at a time across processes."""

from __future__ import annotations

import asyncio

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from hub.store.database import asyncpg_arguments, parse_url
from hub.store.tables import metadata

_LOCK = 7_420_051
"""Advisory lock number that keeps two processes from migrating at once."""


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.run_migrations()


async def _main() -> None:
    arguments = asyncpg_arguments(parse_url(context.config.attributes["url"]))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(**arguments))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_main())
