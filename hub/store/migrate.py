"""Alembic, driven from code: the migrations travel with the package and need no ini file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from hub.errors import ConfigurationError, UnavailableError
from hub.store.database import TRANSIENT, asyncpg_arguments, parse_url

_FOLDER = Path(__file__).with_name("migrations")


def alembic_config(url: str) -> Config:
    """Alembic's configuration for this database."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Bring the database to the newest schema; does nothing when it is there already."""
    command.upgrade(alembic_config(url), "head")


def head_revision() -> str:
    """The newest revision the package knows."""
    return ScriptDirectory.from_config(alembic_config("")).get_current_head() or ""


async def check_revision(url: str) -> None:
    """Refuse a database that is not at the newest schema, and a server that is too old.

    Raises:
        ConfigurationError: when `hub migrate` must run first or the server is older than PostgreSQL 15.
        UnavailableError: when the server does not answer.
    """
    try:
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    except TRANSIENT as error:
        raise UnavailableError("The database does not answer.", hint="Check HUB_DATABASE_URL.") from error
    try:
        if connection.get_server_version().major < 15:
            raise ConfigurationError(
                "The database server is older than PostgreSQL 15.", hint="Use 15 or later."
            )
        try:
            current = await connection.fetchval("SELECT version_num FROM alembic_version")
        except asyncpg.UndefinedTableError:
            current = None
    finally:
        await connection.close()
    if current != head_revision():
        raise ConfigurationError("The database schema is not the newest.", hint="Run `hub migrate`.")


def check_revision_now(url: str) -> None:
    """`check_revision` for callers outside an event loop."""
    asyncio.run(check_revision(url))
