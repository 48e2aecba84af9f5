"""`hub subject`: names of an organisation, and merges of subjects that two persons make or undo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.intake.name_index import RegisteredName, names_of
from hub.intake.subject_merges import MergeReason, SubjectMerge, SubjectMerges

app = typer.Typer(
    help="The register of subjects.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)
Merge = Annotated[str, typer.Argument(help="Id of the merge, from `hub subject merges`.")]


@app.command()
def names(subject: Annotated[str, typer.Argument(help="USCC or pseudonym of an organisation.")]) -> None:
    """Show under which names an organisation is and was registered; the reading is logged."""

    async def act(desk: Desk) -> list[RegisteredName]:
        subject_id, now = desk.subject_id(subject), desk.clock.now()
        async with desk.database.connection() as connection:
            found = await names_of(connection, subject_id)
        await desk.record("subject.names", now=now, detail={"shown": len(found)}, subject_ids=(subject_id,))
        return found

    found = at_desk(act)
    show_table(
        ("name", "first seen", "last seen"),
        ((n.name, civil_time(n.first_seen), civil_time(n.last_seen)) for n in found),
    )


@app.command()
def merges() -> None:
    """List merges, the one that moved last first; the reading is logged."""

    async def act(desk: Desk) -> list[SubjectMerge]:
        found = await SubjectMerges(desk.database, desk.log).all()
        await desk.record("subject.merges", now=desk.clock.now(), detail={"shown": len(found)})
        return found

    show_table(("merge", "state", "losing, winning", "records"), (_cells(m) for m in at_desk(act)))


@app.command()
def merge(
    losing: Annotated[str, typer.Argument(help="USCC or pseudonym whose legacy codes shall lead elsewhere.")],
    winning: Annotated[str, typer.Argument(help="USCC or pseudonym they shall lead to.")],
    reason: Annotated[MergeReason, typer.Option(help="Why the two are one.")],
) -> None:
    """Propose a merge; another person confirms it."""

    async def act(desk: Desk) -> SubjectMerge:
        ids = desk.subject_id(losing), desk.subject_id(winning)
        return await SubjectMerges(desk.database, desk.log).propose(
            *ids, reason, desk.steward, desk.clock.now()
        )

    _show(at_desk(act))


@app.command()
def confirm(merge_id: Merge) -> None:
    """Confirm a merge or its undoing, which another person has proposed."""
    _step(
        lambda desk: SubjectMerges(desk.database, desk.log).confirm(merge_id, desk.steward, desk.clock.now())
    )


@app.command()
def undo(merge_id: Merge) -> None:
    """Propose to undo a merge; another person confirms it."""
    _step(
        lambda desk: SubjectMerges(desk.database, desk.log).propose_undo(
            merge_id, desk.steward, desk.clock.now()
        )
    )


@app.command()
def refuse(merge_id: Merge) -> None:
    """Drop a proposal."""
    _step(
        lambda desk: SubjectMerges(desk.database, desk.log).refuse(merge_id, desk.steward, desk.clock.now())
    )


def _step(act: Callable[[Desk], Awaitable[SubjectMerge]]) -> None:
    _show(at_desk(act))


def _show(found: SubjectMerge) -> None:
    say(f"{found.merge_id} {found.state}")


def _cells(found: SubjectMerge) -> tuple[str, str, str, str]:
    pair = f"sub_{found.losing.hex()}\nsub_{found.winning.hex()}"
    return (
        found.merge_id,
        f"{found.state}\n{found.reason}\n{civil_time(found.moved_at)}",
        pair,
        str(found.records),
    )
