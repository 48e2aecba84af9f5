"""`hub audit equation`: as many values opened as disclosures and named jobs needed."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import orjson
import typer

from hub.audit.entry import Kind
from hub.audit.review_equation import Equation, check_equation
from hub.cli import audit_options as options
from hub.cli.console import progress_bar, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import NOT_VERIFIED

_SHOWN = 50


def equation(
    since: options.Since = "",
    until: options.Until = "",
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare the openings that entries state with what they showed, from the records as they were then.

    Reads no values; the reading is entered into the log.
    Exit code 0: every entry fits, or says why not; 1: some state more or fewer.
    """
    start, end = options.instant(since, "--since"), options.instant(until, "--until")
    with progress_bar("entries") as progress:
        task = progress.add_task("audit log", total=None)

        async def act(desk: Desk) -> Equation:
            found = await check_equation(
                desk.database,
                start,
                end,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
            span = {"since": start, "until": end}
            detail = {
                "filter": {name: at.isoformat() for name, at in span.items() if at is not None},
                "entries": found.entries, "findings": len(found.findings) + found.left_out,
            }  # fmt: skip
            await desk.record(
                "audit.equation",
                now=desk.clock.now(),
                kind=Kind.AUDIT_READ,
                purpose="AUDIT_REVIEW",
                detail=detail,
            )
            return found

        found = at_desk(act)
    if json_output:
        say(orjson.dumps(dataclasses.asdict(found), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(found)
    if not found.holds:
        raise typer.Exit(NOT_VERIFIED)


def _show(found: Equation) -> None:
    rows = [
        (str(f.index), f.misfit.value, str(f.stated), str(f.needed), f.reason)
        for f in found.findings[:_SHOWN]
    ]
    if rows:
        show_table(("entry", "misfit", "stated", "needed", "reason"), rows)
    beyond = len(found.findings) + found.left_out - len(rows)
    if beyond:
        say(f"and {beyond} more; --json lists up to 1,000.")
    say(
        f"{found.entries} entries state {found.stated} openings; what they showed needed {found.needed}, "
        f"and {found.statements} fit statements that may have been asked for."
    )
    for act, opened in sorted(found.jobs.items()):
        say(f"{act}: {opened} opened outside the gate.")
    if found.unknown or found.withheld:
        say(
            f"Not compared: {found.unknown} entries whose records are not stored any more, "
            f"{found.withheld} that are withheld."
        )
    if not found.findings:
        say("✓ 启封数与披露相符 Openings and disclosures agree.")
