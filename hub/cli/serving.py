"""What a server process runs. uvicorn imports it by name in every process, so that nothing has to be pickled."""

from __future__ import annotations

from starlette.types import ASGIApp

from hub.app import create_app
from hub.clock import SystemClock
from hub.config import Settings


def application() -> ASGIApp:
    """The ASGI application of this process, from the environment."""
    return create_app(Settings.from_environment(), SystemClock())
