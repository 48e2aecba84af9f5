"""One contestant as a process: `python -m hub.bench.server NAME FD`, on a socket that the parent listens on.

All contestants run under the same server, with the options of `hub serve` (`hub.gateway.server`). Settings come
from the environment, as in production.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from hub.app import create_app
from hub.bench.dataset import Company
from hub.bench.document import read_plan
from hub.bench.floor import build_floor
from hub.bench.stock import build_stock
from hub.clock import SystemClock
from hub.config import Settings
from hub.gateway.server import http_options
from hub.loading import load_rules

CONTESTANTS = ("floor", "stock", "hub")


def build(name: str, settings: Settings) -> ASGIApp:
    """The application of a contestant."""
    clock = SystemClock()
    if name == "hub":
        return create_app(settings, clock)
    if name == "stock":
        return build_stock(settings.database_url, settings.pool_size)
    plan = read_plan(load_rules(settings), settings.max_page_size, Company.of(0).uscc)
    return build_floor(settings.database_url, settings.pool_size, plan, clock)


def main(name: str, descriptor: int) -> None:
    """Serve until told to stop."""
    app = build(name, Settings.from_environment())
    config = uvicorn.Config(app, **http_options())
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
