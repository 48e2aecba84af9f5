"""`hub schema print`: the GraphQL schema as text."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.console import say
from hub.cli.documents import SDL_FILE, require_checkout, sdl
from hub.config import Settings
from hub.loading import load_rules

app = typer.Typer(
    help="Print the GraphQL schema.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@app.callback()
def family() -> None:
    """Print the GraphQL schema."""


@app.command("print")
def print_schema(
    write: Annotated[bool, typer.Option("--write", help=f"Update {SDL_FILE} in a checkout.")] = False,
) -> None:
    """Print the schema definition (SDL) on stdout."""
    text = sdl(load_rules(Settings.from_environment()))
    if not write:
        typer.echo(text, nl=False)
        return
    (require_checkout() / SDL_FILE).write_text(text, encoding="utf-8", newline="\n")
    say(SDL_FILE)
