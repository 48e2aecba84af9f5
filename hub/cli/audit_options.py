"""The options that narrow what is read of the log, shared by `hub audit list`, `counts` and `who`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import typer

from hub.audit.entry import EntryOutcome, Kind
from hub.audit.review_filter import EntryFilter, FieldOutcome
from hub.cli.desk import Desk
from hub.clock import CST
from hub.errors import InputError

Subject = Annotated[str, typer.Option(help="USCC, resident id or pseudonym of a subject.")]
Caller = Annotated[str, typer.Option(help="Client id.")]
Institution = Annotated[str, typer.Option(help="Institution behind the client, USCC.")]
Person = Annotated[str, typer.Option(help="Person acting, by pseudonym (op_…).")]
Purpose = Annotated[str, typer.Option(help="Purpose code, of any part of the entry.")]
Matter = Annotated[str, typer.Option(help="Matter of the published list.")]
Reference = Annotated[str, typer.Option(help="Case or file number, or case of the hub.")]
Consent = Annotated[str, typer.Option(help="Consent id.")]
Dataset = Annotated[str, typer.Option(help="Dataset, for example financial.loan.")]
Field = Annotated[str, typer.Option(help="Field, for example financial.loan.balance.")]
Shown = Annotated[FieldOutcome | None, typer.Option(help="What became of that field, or of some field.")]
Record = Annotated[str, typer.Option(help="Record id.")]
Outcome = Annotated[EntryOutcome | None, typer.Option(help="How the operation ended.")]
KindOf = Annotated[Kind | None, typer.Option(help="What sort of operation.")]
Reason = Annotated[str, typer.Option(help="Reason code.")]
Document = Annotated[str, typer.Option(help="Hash of the query document, or its beginning.")]
Policy = Annotated[str, typer.Option(help="Policy revision, or its beginning.")]
Country = Annotated[str, typer.Option(help="Country of the caller, two letters of ISO 3166-1.")]
Since = Annotated[str, typer.Option(help="Date or time, UTC+8 unless it says otherwise.")]
Until = Annotated[str, typer.Option(help="First date or time no longer wanted.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="Longest time for the search.")]


def filter_of(desk: Desk, subject: str, since: str, until: str, **rest: Any) -> EntryFilter:
    """The filter that the options say.

    Raises:
        InputError: when something is not in the form of what it stands for.
    """
    return EntryFilter.checked(
        subject_id=desk.subject_id(subject) if subject else None,
        since=instant(since, "--since"),
        until=instant(until, "--until"),
        **rest,
    )


def instant(text: str, option: str) -> datetime | None:
    """A date or time as a person writes it; None for nothing.

    Raises:
        InputError: when it is neither.
    """
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=CST)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} is neither a date nor a time.",
            hint="Write 2026-11-20 or 2026-11-20T09:30.",
            message_zh="日期或时间格式有误。",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=CST)
