"""`hub audit watch`: subjects whose every reading is pointed out."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.audit.entry import Kind
from hub.audit.watch import Watched, list_watched, watch
from hub.cli.audit_reviewer import reviewer
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk

app = typer.Typer(
    help="Subjects whose every reading is pointed out.", no_args_is_help=True, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip
Subject = Annotated[str, typer.Argument(help="USCC, resident id or pseudonym.")]


@app.command()
def add(subject: Subject) -> None:
    """Put a subject on the watch list."""
    _watch(subject, on=True)


@app.command()
def remove(subject: Subject) -> None:
    """Take a subject off the watch list."""
    _watch(subject, on=False)


@app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
) -> None:
    """List the watch list, the newest first. The reading itself is entered into the log."""

    async def act(desk: Desk) -> list[Watched]:
        found = await list_watched(desk.database, limit)
        await desk.record(
            "audit.watch", now=desk.clock.now(), kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW",
            detail={"shown": len(found)},
        )  # fmt: skip
        return found

    rows = [(one.subject, civil_time(one.since)[:16], one.client_id) for one in at_desk(act)]
    show_table(("subject", "since", "added by"), rows)


def _watch(subject: str, *, on: bool) -> None:
    async def act(desk: Desk) -> None:
        subject_id = desk.subject_id(subject)
        await watch(desk.database, desk.log, reviewer(desk), subject_id, desk.clock.now(), on=on)

    at_desk(act)
    say("已列入关注名单 The subject is watched." if on else "已移出关注名单 The subject is watched no more.")
