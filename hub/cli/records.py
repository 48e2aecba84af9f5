"""`hub records`: what has to be done about records every day, and what was known of one at a past instant."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.console import say
from hub.cli.desk import Desk, at_desk
from hub.lifecycle.notice_sweep import NoticeSweep
from hub.lifecycle.notices import NoticeService
from hub.lifecycle.purge import Purge
from hub.recall.service import RecallService
from hub.recall.sweep import RecallSweep

app = typer.Typer(
    help="Daily work on records.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@app.callback()
def _family() -> None:
    """Daily work on records."""


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; nothing is changed.")] = False,
) -> None:
    """Delete adverse records of persons five years after the conduct ended, and archive what is shown no more.

    Recalls that are due go out first. What is held or has an open case stays. Run it every day, and again after
    any breakdown. What is shown never depends on it.
    """

    async def act(desk: Desk) -> str:
        now = desk.clock.now()
        if not dry_run:
            recalls = RecallService(desk.database, desk.log, desk.ring)
            await RecallSweep(desk.database, recalls).run(now, desk.actor)
        job = Purge(desk.database, desk.log, desk.rules.catalog)
        done = await job.run(desk.rules.policy, now, desk.actor, dry_run=dry_run)
        if dry_run:
            return f"{done.deleted} to delete, {done.archived} to archive"
        return f"{done.deleted} deleted, {done.archived} archived"

    say(at_desk(act))


@app.command()
def notify() -> None:
    """Tell subjects of their published negative records, and when repair may be applied for; each once.

    Run it every day, and again after any breakdown.
    """

    async def act(desk: Desk) -> str:
        titles = {dataset.id: dataset.title for dataset in desk.rules.catalog}
        notices = NoticeService(desk.database, desk.log, desk.ring.sealer(), titles)
        told = await NoticeSweep(notices, desk.log).run(desk.rules.policy, desk.clock.now(), desk.actor)
        return f"{told.looked_at} looked at, {told.notices} notices"

    say(at_desk(act))
