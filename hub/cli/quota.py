"""`hub quota`: how much of the fair-use caps is used.

Listing is an operation of its own and leaves an entry of kind AUDIT_READ before anything is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import Kind
from hub.audit.quota_list import MAX_LIMIT, QuotaFilter, QuotaLine, list_quotas
from hub.audit.review_filter import EntryFilter
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import CST

_SHOWN_OF_SUBJECT = 12

app = typer.Typer(
    help="See how much of the fair-use caps is used.", no_args_is_help=True, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip


@app.callback()
def _family() -> None:
    """See how much of the fair-use caps is used."""


@app.command("list")
def list_used(
    institution: Annotated[str | None, typer.Option(help="USCC of the institution that asks.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Purpose code.")] = None,
    near: Annotated[int, typer.Option(min=0, max=100, help="Only what is used to this percentage.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="At most so many.")] = 50,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the counts of this hour, day, month and year beside their caps, the most used first.

    A count stands beside the cap of each template of its purpose. The reading itself is entered into the log.
    """
    wanted = QuotaFilter(institution, purpose, near)
    told = EntryFilter.checked(institution=institution, purpose=purpose).said()
    told |= {"near": str(near)} if near else {}

    async def act(desk: Desk) -> list[QuotaLine]:
        now = desk.clock.now()
        found = await list_quotas(desk.database, desk.rules.policy, wanted, now, limit=limit)
        await desk.record(
            "quota.list",
            now=now,
            kind=Kind.AUDIT_READ,
            purpose="AUDIT_REVIEW",
            detail={"shown": len(found), **told},
        )
        return found

    found = at_desk(act)
    if json_lines:
        for line in found:
            say(orjson.dumps(_document(line)).decode())
        return
    columns = ("%", "used", "unit, last day", "institution, subject", "purpose, template, dataset")
    show_table(columns, (_cells(line) for line in found))


def _cells(line: QuotaLine) -> tuple[str, ...]:
    last = civil_time(line.window_end - timedelta(seconds=1))
    return (
        str(line.percent),
        f"{line.used}\nof {line.most}",
        f"{line.unit}\n{last[:13] + 'h' if line.unit == 'HOUR' else last[:10]}",
        f"{line.institution}\n{line.subject[:_SHOWN_OF_SUBJECT] or 'all subjects'}",
        f"{line.purpose}\n{line.template}\n{line.dataset}".rstrip(),
    )


def _document(line: QuotaLine) -> Mapping[str, Any]:
    return {
        "institution": line.institution,
        "purpose": line.purpose,
        "template": line.template,
        "subject": line.subject or None,
        "dataset": line.dataset or None,
        "unit": line.unit,
        "used": line.used,
        "most": line.most,
        "percent": line.percent,
        "until": line.window_end.astimezone(CST).isoformat(),
    }
