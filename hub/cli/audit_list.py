"""`hub audit list`: who saw what, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import EntryOutcome, Kind, subject_ref
from hub.audit.review import MAX_LIMIT, EntryFilter, ListedEntry
from hub.audit.review import list_entries as read_entries
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import CST
from hub.errors import InputError

_SHOWN_OF_SUBJECT = 12


def list_entries(
    subject: Annotated[str, typer.Option(help="USCC, resident id or pseudonym of a subject.")] = "",
    caller: Annotated[str | None, typer.Option(help="Client id.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Purpose code.")] = None,
    outcome: Annotated[EntryOutcome | None, typer.Option(help="How it ended.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What sort of operation.")] = None,
    reason: Annotated[str | None, typer.Option(help="Reason code.")] = None,
    since: Annotated[str, typer.Option(help="Date or time, UTC+8 unless it says otherwise.")] = "",
    until: Annotated[str, typer.Option(help="First date or time no longer wanted.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="At most so many.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only entries with a smaller index.")] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Whole entries, one JSON object a line.")
    ] = False,
) -> None:
    """List entries of the log, newest first. The reading itself is entered into the log."""
    span = (_instant(since, "--since"), _instant(until, "--until"))

    async def act(desk: Desk) -> list[ListedEntry]:
        subject_id = desk.subject_id(subject) if subject else None
        wanted = EntryFilter(subject_id, caller, purpose, outcome, kind, reason, *span)
        found = await read_entries(desk.database, wanted, limit=limit, before=before)
        await desk.record(
            "audit.list",
            now=desk.clock.now(),
            kind=Kind.AUDIT_READ,
            purpose="AUDIT_REVIEW",
            detail={"shown": len(found)} | _said(wanted),
            subject_ids=(subject_id,) if subject_id else (),
        )
        return found

    found = at_desk(act)
    if json_lines:
        for entry in found:
            say(orjson.dumps(_document(entry)).decode())
        return
    columns = ("index", "UTC+8", "caller, purpose", "outcome, reason", "subject")
    show_table(columns, (_cells(entry) for entry in found))


def _cells(entry: ListedEntry) -> tuple[str, ...]:
    gone = "archived 已归档" if entry.archived else "withheld 已撤下"
    reason = gone if entry.body is None else entry.body.get("reason", "")
    first = entry.subjects[0][:_SHOWN_OF_SUBJECT] if entry.subjects else ""
    more = f"\n+{len(entry.subjects) - 1}" if len(entry.subjects) > 1 else ""
    return (
        str(entry.index),
        civil_time(entry.at).replace(" ", "\n"),
        f"{entry.caller or '-'}\n{entry.purpose or '-'}",
        f"{entry.outcome}\n{reason or entry.kind}",
        first + more,
    )


def _document(entry: ListedEntry) -> Mapping[str, Any]:
    return {
        "index": entry.index,
        "at": entry.at.astimezone(CST).isoformat(timespec="milliseconds"),
        "kind": entry.kind,
        "outcome": entry.outcome,
        "caller": entry.caller,
        "purpose": entry.purpose,
        "subjects": list(entry.subjects),
        "entry": entry.body,
        **({"archived": True} if entry.archived else {}),
    }


def _said(wanted: EntryFilter) -> dict[str, Any]:
    """The filter as it goes into the log; a subject goes in as a pseudonym."""
    said = {
        "subject": subject_ref(wanted.subject_id) if wanted.subject_id else None,
        "caller": wanted.caller,
        "purpose": wanted.purpose,
        "outcome": wanted.outcome,
        "kind": wanted.kind,
        "reason": wanted.reason,
        "since": wanted.since.isoformat() if wanted.since else None,
        "until": wanted.until.isoformat() if wanted.until else None,
    }
    return {name: str(value) for name, value in said.items() if value is not None}


def _instant(text: str, option: str) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=CST)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} is neither a date nor a time.",
            hint="Write 2026-11-20 or 2026-11-20T09:30.",
            message_zh="日期或时间格式有误。",
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=CST)
