"""What the commands print with: answers on stdout, everything else on stderr, colours on a terminal only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hub.clock import CST
from hub.errors import HubError


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, made when it is needed so that it sees the streams of this moment."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def say(text: str, *, stderr: bool = False) -> None:
    """Print a line as it is: never wrapped, so that it can be copied and piped."""
    typer.echo(text, err=stderr)


def show_error(error: HubError) -> None:
    """Print an error for a person: both languages, then what to do."""
    if error.message_zh != error.message:
        say(f"错误  {error.message_zh}", stderr=True)
    say(f"error {error.message}", stderr=True)
    if error.hint:
        say(f"hint  {error.hint}", stderr=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, fold: bool = True) -> None:
    """Print a table that fits the terminal; cells that are too long go on in the next line."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold" if fold else "ellipsis")
    for row in rows:
        table.add_row(*row)
    out = console()
    with out.capture() as drawn:
        out.print(table)
    for line in drawn.get().splitlines():
        say(line.rstrip())


def progress_bar(unit: str) -> Progress:
    """A progress bar on stderr; it vanishes at the end, and is silent when stderr is no terminal."""
    stderr = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


def civil_time(instant: datetime) -> str:
    """An instant as people write it, in China Standard Time (UTC+8), to the second."""
    return instant.astimezone(CST).strftime("%Y-%m-%d %H:%M:%S")
