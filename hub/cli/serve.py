"""`hub serve` and `hub migrate`.

- Everything is opened and closed once before the first process listens, so that what is set up wrongly is one
  clean message with exit code 2 and never a half-started server.
- The processes read their settings from the environment; what was given as an option is written there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from dataclasses import replace
from typing import Annotated, Any, NoReturn

import typer
import uvicorn

from hub.app import open_hub
from hub.cli.console import say
from hub.cli.desk import open_private_ring
from hub.cli.places import with_database, with_demo_keys
from hub.cli.settings_help import settings_help
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import ConfigurationError
from hub.gateway.server import http_options
from hub.loading import issuer_url
from hub.store.database import Database
from hub.store.migrate import check_revision, head_revision
from hub.store.migrate import migrate as migrate_database

EPILOG = settings_help()


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides HUB_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; overrides HUB_PORT.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; overrides HUB_WORKERS.")] = None,
) -> None:
    """Run the hub.

    Needs a key ring (`hub keys init`). Without HUB_DATABASE_URL an embedded PostgreSQL is started and migrated;
    with it, `hub migrate` must have run.
    """
    given = Settings.from_environment(host=host, port=port, workers=workers)
    settings = with_demo_keys(given)
    if settings.workers < 1:
        raise ConfigurationError("There must be at least one server process.", hint="Correct HUB_WORKERS.")
    open_private_ring(settings)
    _try_port(settings)
    signal.signal(signal.SIGTERM, _stop)  # so that an embedded database is stopped as well
    with with_database(settings) as ready:
        _try_out(ready)
        database = "HUB_DATABASE_URL" if given.database_url else "the embedded PostgreSQL"
        say(f"The hub serves {issuer_url(ready)}/graphql from {database}.", stderr=True)
        run_server(ready)


def run_server(settings: Settings) -> None:
    """Listen until told to stop.

    Args:
        settings: with a database URL; written to the environment for the server's processes.
    """
    chosen = {
        "HUB_HOST": settings.host,
        "HUB_PORT": str(settings.port),
        "HUB_WORKERS": str(settings.workers),
        "HUB_DATABASE_URL": settings.database_url,
        "HUB_KEYS_DIR": settings.keys_dir,
        "HUB_DEMO": str(int(settings.demo)),
    }
    os.environ.update(chosen)
    uvicorn.run("hub.cli.serving:application", **server_options(settings))


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn runs the hub; the same for every process."""
    return {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "workers": settings.workers,
        **http_options(),
    }


def migrate() -> None:
    """Bring the database to the newest schema.

    Does nothing when it is there already. Without HUB_DATABASE_URL: the embedded server's.
    """
    settings = Settings.from_environment()
    with with_database(settings) as ready:
        asyncio.run(_probe(ready.database_url))
        migrate_database(ready.database_url)
        asyncio.run(check_revision(ready.database_url))
    say(f"The database is at revision {head_revision()}.")


def _try_port(settings: Settings) -> None:
    """Listen for a moment, so that a port in use is said before a database is started.

    Raises:
        ConfigurationError: when nobody can listen there.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
            tried.bind(address)
            tried.listen()
    except (OSError, OverflowError, UnicodeError):
        raise ConfigurationError(
            f"The hub cannot listen on {settings.host} port {settings.port}.",
            hint="Stop what listens there, or give another --port or --host.",
            message_zh=f"无法监听 {settings.host}:{settings.port}，端口可能已被占用。",
        ) from None


def _try_out(settings: Settings) -> None:
    """Open everything a process will open, and close it again."""

    async def once() -> None:
        await _probe(settings.database_url)
        async with open_hub(replace(settings, pool_size=2), SystemClock()):
            pass

    asyncio.run(once())


async def _probe(url: str) -> None:
    """Connect once, so that a server that is away or refuses us is a clean error."""
    database = await Database.open(url, pool_size=1)
    await database.close()


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)
