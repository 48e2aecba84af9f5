"""Says of entries without a body whether their time was over (archived), or they were withheld.

Only for what is shown to people; `hub audit verify` judges by the entries of the log alone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from hub.audit.pruned import Pruned
from hub.store.database import Database

Gone = tuple[int, str, datetime]
"""Index, kind and instant of an entry without a body."""


async def archived_among(database: Database, gone: Collection[Gone]) -> frozenset[int]:
    """The indices of those whose bodies went because their time was over.

    Raises:
        UnavailableError: when the database is away.
    """
    if not gone:
        return frozenset()
    async with database.connection() as connection:
        pruned = await Pruned.read(connection)
    return frozenset(index for index, kind, at in gone if pruned.taker(index, kind, at) is not None)
