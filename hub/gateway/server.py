"""How uvicorn runs the hub: what is the same in every process, whoever starts it."""

from __future__ import annotations

import sys
from typing import Any

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 30
_SHUTDOWN_SECONDS = 15
_MOST_HEAD_BYTES = 16_384


def http_options() -> dict[str, Any]:
    """Options of `uvicorn.Config` that say how HTTP is spoken; address and number of processes are not among them."""
    return {
        "loop": "uvloop" if sys.platform != "win32" else "asyncio",
        "http": "httptools",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,  # lines about requests would hold addresses and add nothing to the audit log
        "log_level": "warning",
        "server_header": False,
        "proxy_headers": False,
        "backlog": _BACKLOG,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _SHUTDOWN_SECONDS,
        "h11_max_incomplete_event_size": _MOST_HEAD_BYTES,
    }
