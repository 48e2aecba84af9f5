"""Reads one table or view of somebody else's database, row by row, by any SQLAlchemy URL.

Rules
- Nothing but SELECT on the one relation: the statement is composed from quoted names, there is no way to give SQL.
- Rows come over a server-side cursor in one read-only transaction, so memory stays bounded and the rows are those of
  one moment (PostgreSQL: REPEATABLE READ, READ ONLY). The columns that are not asked for are not read.
- In the order of the watermark column where there is one; rows without a watermark are counted, not read.
- Errors name what to mend; they never show the URL or the words of the driver, which may hold values.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, Select, column, create_engine, func, inspect, literal, select, table
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql import quoted_name

from hub.errors import ConfigurationError, UnavailableError

_ROWS_AT_ONCE = 500
_SECRET = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)
"""Names of URL parameters that hold what must not stand in a file."""
_DRIVERS = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
"""Names without a driver that are read with the driver that comes along."""


def foreign_url(text: str, password: str) -> URL:
    """A database URL with its password.

    Args:
        text: the URL, without a password.
        password: from elsewhere; empty: none is needed.

    Raises:
        ConfigurationError: when it is no URL, or holds a password.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigurationError(
            "`url` is not a database URL.", hint="Write for example postgresql://reader@host/database.",
            message_zh="url 不是有效的数据库地址。",
        ) from None  # fmt: skip
    if url.password is not None or any(_SECRET.search(name) for name in url.query):
        raise ConfigurationError(
            "The mapping file holds a password.",
            hint="Remove it from the URL, and name the environment variable that holds it as password_env.",
            message_zh="映射文件中不得含有密码，请改用 password_env 指定环境变量。",
        )
    if url.drivername in _DRIVERS:
        url = url.set(drivername=_DRIVERS[url.drivername])
    return url.set(password=password) if password else url


@dataclass(frozen=True, slots=True)
class ForeignRelation:
    """What is read: one relation, some of its columns."""

    url: URL
    schema: str
    relation: str
    columns: tuple[str, ...]
    watermark: str
    """Column by which the rows are ordered; empty: none, all rows are read each time."""

    def rows(self, after: Any = None) -> Iterator[Sequence[Any]]:
        """The rows: the columns in their order, then the watermark where there is one.

        Args:
            after: watermark from which on rows are read, itself included; None: from the start.

        Raises:
            ConfigurationError: when the database, the relation or a column cannot be opened.
            UnavailableError: when the database goes away meanwhile.
        """
        return _guarded(self._open(self._select(after)))

    def without_watermark(self) -> int:
        """How many rows have no watermark and so are never read."""
        if not self.watermark:
            return 0
        counted = (
            select(func.count(literal(1)))
            .select_from(self._table())
            .where(self._column(self.watermark).is_(None))
        )
        return int(next(iter(_guarded(self._open(counted))))[0])

    def _column(self, name: str) -> ColumnClause[Any]:
        return column(quoted_name(name, quote=True))

    def _table(self) -> Any:
        schema = quoted_name(self.schema, quote=True) if self.schema else None
        return table(quoted_name(self.relation, quote=True), schema=schema)

    def _select(self, after: Any) -> Select[Any]:
        names = (*self.columns, *([self.watermark] if self.watermark else []))
        # A column may stand for several fields, so each gets a name of its own in the result.
        chosen = [self._column(name).label(f"c{n}") for n, name in enumerate(names)]
        found = select(*chosen).select_from(self._table())
        if not self.watermark:
            return found
        mark = self._column(self.watermark)
        found = found.where(mark.is_not(None)).order_by(mark)
        return found if after is None else found.where(mark >= after)

    def _open(self, statement: Select[Any]) -> Iterator[Sequence[Any]]:
        if _is_async(self.url):
            yield from _from_async(self.url, statement)
        else:
            yield from _blocking(self.url, statement, self._check_names)

    def _check_names(self, connection: Connection) -> None:
        """SQLite takes a quoted name that is no column for a text, so its columns are looked up."""
        if self.url.get_backend_name() != "sqlite":
            return
        known = {
            found["name"] for found in inspect(connection).get_columns(self.relation, self.schema or None)
        }
        if {*self.columns, *filter(None, [self.watermark])} - known:
            raise NoSuchTableError


def _is_async(url: URL) -> bool:
    return bool(getattr(url.get_dialect(), "is_async", False))


def _options(url: URL) -> dict[str, Any]:
    plain: dict[str, Any] = {"stream_results": True, "yield_per": _ROWS_AT_ONCE}
    if url.get_backend_name() == "postgresql":
        plain |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return plain


def _blocking(
    url: URL, statement: Select[Any], check: Callable[[Connection], None]
) -> Iterator[Sequence[Any]]:
    engine: Engine = create_engine(url)
    try:
        with engine.connect() as opened:
            check(opened)
            connection: Connection = opened.execution_options(**_options(url))
            for part in connection.execute(statement).partitions(_ROWS_AT_ONCE):
                yield from part
    finally:
        engine.dispose()


def _from_async(url: URL, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of an asynchronous driver, read by an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hub-pull", daemon=True)
    thread.start()
    parts = _parts(url, statement)
    try:
        while True:
            part = asyncio.run_coroutine_threadsafe(anext(parts, None), loop).result()
            if part is None:
                return
            yield from part
    finally:
        with suppress(SQLAlchemyError, OSError):
            asyncio.run_coroutine_threadsafe(_close(parts), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(parts: AsyncIterator[Sequence[Sequence[Any]]]) -> None:
    close = getattr(parts, "aclose", None)
    if close is not None:
        await close()


async def _parts(url: URL, statement: Select[Any]) -> AsyncIterator[Sequence[Sequence[Any]]]:
    engine: AsyncEngine = create_async_engine(url)
    try:
        async with engine.connect() as opened:
            connection: AsyncConnection = await opened.execution_options(**_options(url))
            result = await connection.stream(statement)
            async for part in result.partitions(_ROWS_AT_ONCE):
                yield part
    finally:
        await engine.dispose()


def _guarded(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    begun = False
    try:
        for row in rows:
            begun = True
            yield row
    except (NoSuchModuleError, ModuleNotFoundError):
        raise ConfigurationError(
            "The driver for this kind of database is not installed.",
            hint="Install it, and name it in the URL as dialect+driver://.",
            message_zh="未安装该数据库的驱动程序。",
        ) from None
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        if begun:
            raise UnavailableError(
                "The source database went away while it was read; what was complete has landed.",
                hint="Run the command again; it goes on from there.",
                message_zh="读取过程中源数据库中断；此前批次已入库，请重新运行。",
            ) from None
        raise ConfigurationError(
            f"The source database refuses to be read ({type(error).__name__}).",
            hint="Check url, password_env, schema, relation and the columns, and that the account may SELECT.",
            message_zh="无法读取源数据库，请检查地址、密码、表名、列名和查询权限。",
        ) from None
