"""The event loop that work runs on outside the server: the server's own kind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

if sys.platform == "win32":

    def run(main: Coroutine[Any, Any, T]) -> T:
        """As `asyncio.run`."""
        return asyncio.run(main)

else:
    import uvloop

    def run(main: Coroutine[Any, Any, T]) -> T:
        """As `asyncio.run`, on uvloop."""
        return uvloop.run(main)
