"""`hub audit hold`, `release`, `holds`: entries of the log that a case still needs."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.audit.entry import subject_ref
from hub.audit.holds import LogHold, Scope, holds_in_force, place
from hub.audit.holds import release as release_hold
from hub.audit.months import parse_month
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk, with_open_database
from hub.store.database import Database


def hold(
    reference: Annotated[str, typer.Option(help="Number of the case that needs the entries.")],
    subject: Annotated[str, typer.Option(help="Entries about this subject.")] = "",
    caller: Annotated[str, typer.Option(help="Entries of this client.")] = "",
    since: Annotated[str, typer.Option(help="From this month on, such as 2026-01.")] = "",
    until: Annotated[str, typer.Option(help="Up to this month.")] = "",
) -> None:
    """Keep the bodies of entries when their time is over; what is given must all hold of an entry."""
    months = tuple(parse_month(text) if text else "" for text in (since, until))

    async def act(desk: Desk) -> LogHold:
        scope = Scope(desk.subject_id(subject) if subject else None, caller, *months)
        return await place(desk.database, desk.log, desk.entry, scope, reference)

    done = at_desk(act)
    say(f"已保全 Hold {done.act} is in force. To end it: hub audit release {done.act}")


def release(number: Annotated[int, typer.Argument(min=0, help="Number of the hold.")]) -> None:
    """End a hold; what it kept may go with the next `hub audit prune`."""
    act = at_desk(lambda desk: release_hold(desk.database, desk.log, desk.entry, number))
    say(f"已解除 Hold {number} is released; entry {act} says so.")


def list_holds() -> None:
    """List the holds in force."""

    async def act(database: Database) -> list[LogHold]:
        async with database.connection() as connection:
            return await holds_in_force(connection)

    show_table(("hold", "UTC+8", "covers", "reference"), (_cells(hold) for hold in with_open_database(act)))


def _cells(found: LogHold) -> tuple[str, ...]:
    scope = found.scope
    named = (
        subject_ref(scope.subject_id)[:12] + "…" if scope.subject_id else "",
        scope.caller,
        f"{scope.since or ''}..{scope.until or ''}" if scope.since or scope.until else "",
    )
    covers = "\n".join(filter(None, named))
    return str(found.act), civil_time(found.placed_at).replace(" ", "\n"), covers, found.reference
