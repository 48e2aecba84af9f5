"""Listening to notifications of the database, reconnecting for as long as the process lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
from sqlalchemy.engine import URL

from hub.store.database import TRANSIENT, asyncpg_arguments

_logger = logging.getLogger(__name__)


class Listener:
    """Calls back when one of the channels is notified, and every `interval` seconds whatever happens.

    A notification may be missed while the connection is away; the interval bounds how long that can matter.
    """

    def __init__(
        self, url: URL, channels: Sequence[str], changed: Callable[[], Awaitable[None]], interval: float = 5.0
    ) -> None:
        self._url = url
        self._channels = channels
        self._changed = changed
        self._interval = interval
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen in the background."""
        self._task = asyncio.create_task(self._run(), name="hub-listener")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(**asyncpg_arguments(self._url))
                try:
                    for channel in self._channels:
                        await connection.add_listener(channel, lambda *_: self._wake.set())
                    await self._loop(connection)
                finally:
                    await connection.close(timeout=1)
            except (*TRANSIENT, asyncpg.PostgresError) as error:
                _logger.warning(
                    "The database's notifications are not reachable (%s); trying again.", type(error).__name__
                )
                await asyncio.sleep(1.0)

    async def _loop(self, connection: asyncpg.Connection) -> None:
        while not connection.is_closed():
            try:
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._changed()
            except Exception as error:
                _logger.warning("A refresh failed (%s); trying again.", type(error).__name__)
