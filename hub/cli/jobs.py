"""`hub jobs`: the work that recurs, in one command: what a timer, or nobody at all, would have to remember.

- Each job stands alone, is repeated without harm, and leaves entries of its own. One that fails does not keep the
  others from running; the command says so and ends with exit code 3.
- What is visible is computed from dates when it is read, so a job that did not run leaks nothing; it only owes somebody
  a notice.
- The daily jobs run once for each civil day (China Standard Time) of a watch, the posting of recalls every minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, NamedTuple

import typer

from hub.app import settle
from hub.cli.audit_detect import detect_yesterday
from hub.cli.client import compare
from hub.cli.console import civil_time, say, show_error
from hub.cli.desk import Desk, at_desk
from hub.cli.group import IN_PART
from hub.clock import civil_date
from hub.emergency.sweep import EmergencySweep
from hub.errors import HubError
from hub.lifecycle.notice_sweep import NoticeSweep
from hub.lifecycle.notices import NoticeService
from hub.lifecycle.purge import Purge
from hub.recall.endpoints import Reach
from hub.recall.service import RecallService
from hub.recall.sweep import RecallSweep
from hub.recall.webhook import Courier, open_client

POSTING_SECONDS = 60.0
"""Seconds between two rounds of posting."""


class Job(NamedTuple):
    """One job."""

    name: str
    """The command that does it alone."""
    run: Callable[[Desk], Awaitable[str]]
    """Gives one line on what was done."""


async def sweep(desk: Desk) -> str:
    """Issue every recall that is due."""
    swept = await RecallSweep(desk.database, recalls(desk)).run(desk.clock.now(), desk.actor)
    return f"{swept.looked_at} looked at, {swept.issued} recalls, {swept.notices} notices"


async def deliver(desk: Desk) -> str:
    """Post every recall that is due to an endpoint."""
    async with open_client() as http:
        courier = Courier(desk.database, desk.ring, http, reach(desk))
        done = await courier.run(desk.clock.now())
    return f"{done.delivered} delivered, {done.failed} failed"


async def notify(desk: Desk) -> str:
    """Tell subjects of their published negative records, and when repair may be applied for."""
    told = await NoticeSweep(notices(desk), desk.log).run(desk.rules.policy, desk.clock.now(), desk.actor)
    return f"{told.looked_at} looked at, {told.notices} notices"


async def tell(desk: Desk) -> str:
    """Tell subjects of the emergency grants about them that are over."""
    sweeper = EmergencySweep(notices(desk), desk.log, desk.rules.catalog)
    told = await sweeper.run(desk.rules.policy, desk.clock.now(), desk.actor)
    return f"{told.emergencies} looked at, {told.notices} notices"


async def purge(desk: Desk, *, dry_run: bool = False) -> str:
    """Delete what may not be kept any longer, and archive what is shown no more; recalls that are due go out first."""
    now = desk.clock.now()
    if not dry_run:
        await RecallSweep(desk.database, recalls(desk)).run(now, desk.actor)
    job = Purge(desk.database, desk.log, desk.rules.catalog)
    done = await job.run(desk.rules.policy, now, desk.actor, dry_run=dry_run)
    if dry_run:
        return f"{done.deleted} to delete, {done.archived} to archive"
    return f"{done.deleted} deleted, {done.archived} archived"


async def check_clients(desk: Desk) -> str:
    """Hold the register of clients to the log; what differs is closed already, so it is named and fails nothing."""
    count, misfits = await compare(desk)
    differ = "".join(f", {m.client_id} {m.problem}" for m in misfits)
    return f"{count} looked at, {len(misfits)} differ from the log{differ}"


def recalls(desk: Desk) -> RecallService:
    """The recalls of this desk."""
    return RecallService(desk.database, desk.log, desk.ring)


def notices(desk: Desk) -> NoticeService:
    """The notices of this desk."""
    titles = {dataset.id: dataset.title for dataset in desk.rules.catalog}
    return NoticeService(desk.database, desk.log, desk.ring.sealer(), titles)


def reach(desk: Desk) -> Reach:
    """Where webhooks may be posted to."""
    return Reach.of(desk.settings.webhook_networks, loopback=desk.settings.demo)


DAILY = (
    Job("recall sweep", sweep),
    Job("records notify", notify),
    Job("emergency tell", tell),
    Job("records purge", purge),
    Job("audit detect", detect_yesterday),
    Job("client check", check_clients),
)
"""In this order: what is purged was recalled before."""
OFTEN = (Job("recall deliver", deliver),)


def jobs(
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay: post recalls every minute, do the rest once a day.")
    ] = False,
) -> None:
    """Do all that recurs: recalls, their posting, notices, word of emergencies, purge, detection, check of clients.

    Everything is done once; run it by a timer every day, or let it stay with --watch.

    Exit code 0: all is done; 3: a job failed, the others are done.
    """
    if not watch:
        if not at_desk(lambda desk: run_all(desk, (*DAILY, *OFTEN))):
            raise typer.Exit(IN_PART)
        return
    while True:  # a fresh desk for each day, or once something failed
        try:
            at_desk(lambda desk: watch_day(desk, asyncio.sleep))
        except HubError as error:
            show_error(error)
            asyncio.run(asyncio.sleep(POSTING_SECONDS))


async def watch_day(desk: Desk, wait: Callable[[float], Awaitable[None]]) -> None:
    """Do the daily jobs, then post recalls until the civil day is over or a job fails.

    Args:
        desk: open.
        wait: waits for so many seconds.
    """
    settle()
    today = civil_date(desk.clock.now())
    good = await run_all(desk, DAILY)
    while good and civil_date(desk.clock.now()) == today:
        good = await run_all(desk, OFTEN, quiet=True)
        await wait(POSTING_SECONDS)
    if not good:
        await wait(POSTING_SECONDS)


async def run_all(desk: Desk, wanted: Sequence[Job], *, quiet: bool = False) -> bool:
    """Run jobs one after the other; says what each did, and gives whether all of them came to their end.

    Args:
        desk: open.
        wanted: in this order.
        quiet: say nothing of a job that found nothing to do.
    """
    good = True
    for job in wanted:
        try:
            done = await job.run(desk)
        except HubError as error:
            good = False
            say(f"{civil_time(desk.clock.now())}  {job.name}: not done", stderr=True)
            show_error(error)
            continue
        if not quiet or any(c in "123456789" for c in done):
            say(f"{civil_time(desk.clock.now())}  {job.name}: {done}")
    return good
