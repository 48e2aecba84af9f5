"""Many subjects of one operation: read in chunks, the next ones while the last is shaped.

Memory holds a few chunks of rows at most, however many subjects are asked about.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeVar

CHUNK = 32
"""Subjects read by one statement."""
AHEAD = 3
"""Chunks that are read at once, each on a connection of its own, while another is shaped."""

Item = TypeVar("Item")
Read = TypeVar("Read")


async def in_chunks(
    items: Sequence[Item],
    read: Callable[[Sequence[Item]], Awaitable[Read]],
    size: int = CHUNK,
    ahead: int = AHEAD,
) -> AsyncGenerator[Read, None]:
    """What `read` gives for each chunk, in order; some chunks are under way while one is worked on.

    Args:
        items: everything.
        read: reads one chunk.
        size: of a chunk.
        ahead: how many are under way at most.
    """
    starts = iter(range(0, len(items), size))
    waiting: deque[asyncio.Future[Read]] = deque()
    try:
        while True:
            while len(waiting) < ahead and (start := next(starts, None)) is not None:
                waiting.append(asyncio.ensure_future(read(items[start : start + size])))
            if not waiting:
                return
            await asyncio.sleep(0)  # lets them send their statements
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
