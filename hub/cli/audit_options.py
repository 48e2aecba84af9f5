"""The options that narrow what is read of the log: all of them for `hub audit list` and `counts`, some for others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Annotated, Any

import typer

from hub.audit.entry import EntryOutcome, Kind
from hub.audit.review_filter import EntryFilter, FieldOutcome
from hub.cli.desk import Desk
from hub.clock import CST
from hub.errors import InputError

Dataset = Annotated[str, typer.Option(help="Dataset, for example financial.loan.")]
Field = Annotated[str, typer.Option(help="Field, for example financial.loan.balance.")]
Record = Annotated[str, typer.Option(help="Record id.")]
Since = Annotated[str, typer.Option(help="Date or time, UTC+8 unless it says otherwise.")]
Until = Annotated[str, typer.Option(help="First date or time no longer wanted.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="Longest time for the search.")]


Sought = Callable[[Desk], EntryFilter]
"""Gives the filter that the options say, once there is a desk."""


def narrowed(command: Callable[..., None]) -> Callable[..., None]:
    """A command with all options of the filter in the place of its parameter `sought`, which it is given instead."""
    options = inspect.signature(_options, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters
    together: list[inspect.Parameter] = []
    for name, parameter in own.items():
        together += options.values() if name == _SOUGHT else [parameter]

    @wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in options}
        command(**given, **{_SOUGHT: lambda desk: filter_of(desk, **chosen)})

    every = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in together]
    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in every}
    return run


_SOUGHT = "sought"


def _options(
    subject: Annotated[str, typer.Option(help="USCC, resident id or pseudonym of a subject.")] = "",
    caller: Annotated[str, typer.Option(help="Client id.")] = "",
    institution: Annotated[str, typer.Option(help="Institution behind the client, USCC.")] = "",
    person: Annotated[str, typer.Option(help="Person acting, by pseudonym (op_…).")] = "",
    purpose: Annotated[str, typer.Option(help="Purpose code, of any part of the entry.")] = "",
    matter: Annotated[str, typer.Option(help="Matter of the published list.")] = "",
    reference: Annotated[str, typer.Option(help="Case or file number, or case of the hub.")] = "",
    consent: Annotated[str, typer.Option(help="Consent id.")] = "",
    dataset: Dataset = "",
    field: Field = "",
    shown: Annotated[
        FieldOutcome | None, typer.Option(help="What became of that field, or of some field.")
    ] = None,
    record: Record = "",
    outcome: Annotated[EntryOutcome | None, typer.Option(help="How the operation ended.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What sort of operation.")] = None,
    reason: Annotated[str, typer.Option(help="Reason code.")] = "",
    document: Annotated[str, typer.Option(help="Hash of the query document, or its beginning.")] = "",
    policy: Annotated[str, typer.Option(help="Policy revision, or its beginning.")] = "",
    country: Annotated[str, typer.Option(help="Country of the caller, two letters of ISO 3166-1.")] = "",
    since: Since = "",
    until: Until = "",
) -> None:
    """All that the filter can be told, in the order of `--help`."""


def filter_of(desk: Desk, subject: str, since: str, until: str, person: str = "", **rest: Any) -> EntryFilter:
    """The filter that the options say.

    Raises:
        InputError: when something is not in the form of what it stands for.
    """
    return EntryFilter.checked(
        subject_id=desk.subject_id(subject) if subject else None,
        since=instant(since, "--since"),
        until=instant(until, "--until"),
        operator=person,
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
