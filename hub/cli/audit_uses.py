"""`hub audit uses`: uses of which no report was made, by caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import Kind, subject_ref
from hub.audit.review_filter import EntryFilter
from hub.audit.uses import MAX_LIMIT, Use, UseFilter, UsePage, unclosed_uses
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import CST, civil_date

_SHOWN_OF_SUBJECT = 12


def list_uses(
    institution: Annotated[str | None, typer.Option(help="USCC of the institution that asked.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Purpose code.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose report is late.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="About so many.")] = 50,
    after: Annotated[int, typer.Option(min=-1, help="Only entries with a larger index.")] = -1,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List uses of which no report was made, by caller. The reading itself is entered into the log."""
    wanted = UseFilter(frozenset({purpose}) if purpose else None, institution, overdue)
    told = EntryFilter.checked(institution=institution, purpose=purpose).said()
    told |= {"overdue": "yes"} if overdue else {}

    async def act(desk: Desk) -> tuple[UsePage, Sequence[tuple[Use, bool]]]:
        now = desk.clock.now()
        page = await unclosed_uses(desk.database, desk.rules.policy, wanted, now, limit=limit, after=after)
        await desk.record(
            "audit.uses", now=now, kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW",
            detail={"shown": len(page.uses), **told},
        )  # fmt: skip
        today = civil_date(now)
        return page, [(use, use.overdue(today)) for use in page.uses]

    page, found = at_desk(act)
    if json_lines:
        for use, late in found:
            say(orjson.dumps(_document(use, late=late)).decode())
    else:
        by_caller = sorted(found, key=lambda pair: (pair[0].institution, pair[0].caller))
        columns = ("institution, caller", "purpose, subject", "used, entry", "due")
        show_table(columns, (_cells(use, late=late) for use, late in by_caller))
    if page.next_after is not None:
        say(f"There may be more: hub audit uses --after {page.next_after}", stderr=True)


def _cells(use: Use, *, late: bool) -> tuple[str, ...]:
    return (
        f"{use.institution}\n{use.caller}",
        f"{use.purpose}\n{subject_ref(use.subject_id)[:_SHOWN_OF_SUBJECT]}",
        f"{civil_time(use.at)[:16]}\n{use.entry_id[:_SHOWN_OF_SUBJECT]}",
        f"{use.due_on}\n{'OVERDUE' if late else ''}".rstrip(),
    )


def _document(use: Use, *, late: bool) -> Mapping[str, Any]:
    return {
        "index": use.index,
        "entry": use.entry_id,
        "at": use.at.astimezone(CST).isoformat(timespec="milliseconds"),
        "institution": use.institution,
        "caller": use.caller,
        "operator": use.operator,
        "purpose": use.purpose,
        "subject": subject_ref(use.subject_id),
        "dueOn": use.due_on.isoformat(),
        "overdue": late,
    }
