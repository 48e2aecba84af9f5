"""The command `hub`: all families of commands under one root.

A family's module is imported when its command is called, or when all are listed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

import hub
from hub.cli.console import say
from hub.cli.group import HubGroup

COMMANDS = {
    "demo": "demo:demo",
    "demo-data": "demo_data:demo_data",
    "serve": "serve:serve",
    "migrate": "serve:migrate",
    "check": "check:check",
    "ingest": "ingest:ingest",
    "pull": "pull:pull",
    "template": "ingest:template",
    "token": "token:token",
    "explain": "explain:explain",
    "verify": "verify:verify",
    "quality": "quality:quality",
    "jobs": "jobs:jobs",
    "consent": "consent:app",
    "emergency": "emergency:app",
    "audit": "audit:app",
    "witness": "witness:app",
    "evidence": "evidence:app",
    "recall": "recall:app",
    "records": "records:app",
    "match": "match:app",
    "subject": "subject:app",
    "quota": "quota:app",
    "keys": "keys:app",
    "client": "client:app",
    "policy": "policy:app",
    "schema": "schema:app",
    "documents": "trusted:app",
    "bench": "bench:bench",
}
"""Module below `hub.cli` and name in it, by command: a function, or a Typer application with commands of its own."""


def build_app(only: str = "") -> typer.Typer:
    """The command line, with every family or one alone."""
    app = typer.Typer(
        name="hub",
        cls=HubGroup,
        help="信用数据共享枢纽 The credit data-sharing hub.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for name in [only] if only else COMMANDS:
        place, _, member = COMMANDS[name].partition(":")
        module = import_module(f"hub.cli.{place}")
        found = getattr(module, member)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name, epilog=getattr(module, "EPILOG", None) if name == place else None)(found)
    return app


def main() -> None:
    """Run the command line of this process."""
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    build_app(first if first in COMMANDS else "")(prog_name="hub")


def _version(wanted: bool) -> None:
    if wanted:
        say(hub.__version__)
        raise typer.Exit


def _root(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the details of a fault, for whoever mends it.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """信用数据共享枢纽 The credit data-sharing hub."""
