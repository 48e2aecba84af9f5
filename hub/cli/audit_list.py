"""`hub audit list`: entries of the log that match, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import Kind
from hub.audit.review_filter import EntryFilter
from hub.audit.review_read import SECONDS
from hub.audit.review_search import MAX_LIMIT, ListedEntry
from hub.audit.review_search import list_entries as read_entries
from hub.cli import audit_options as options
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import CST

_SHOWN_OF_SUBJECT = 12


def list_entries(
    subject: options.Subject = "",
    caller: options.Caller = "",
    institution: options.Institution = "",
    person: options.Person = "",
    purpose: options.Purpose = "",
    matter: options.Matter = "",
    reference: options.Reference = "",
    consent: options.Consent = "",
    dataset: options.Dataset = "",
    field: options.Field = "",
    shown: options.Shown = None,
    record: options.Record = "",
    outcome: options.Outcome = None,
    kind: options.KindOf = None,
    reason: options.Reason = "",
    document: options.Document = "",
    policy: options.Policy = "",
    country: options.Country = "",
    since: options.Since = "",
    until: options.Until = "",
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="At most so many.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only entries with a smaller index.")] = None,
    seconds: options.Seconds = SECONDS,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Whole entries, one JSON object a line.")
    ] = False,
) -> None:
    """List entries of the log, newest first. The reading itself is entered into the log."""

    async def act(desk: Desk) -> list[ListedEntry]:
        wanted = options.filter_of(
            desk, subject, since, until, caller=caller, institution=institution, operator=person, purpose=purpose,
            matter=matter, reference=reference, consent=consent, dataset=dataset, field=field, shown=shown,
            record=record, outcome=outcome, kind=kind, reason=reason, document=document, policy=policy, country=country,
        )  # fmt: skip
        found = await read_entries(desk.database, wanted, limit=limit, before=before, seconds=seconds)
        await enter(desk, "audit.list", wanted, shown=len(found))
        return found

    found = at_desk(act)
    if json_lines:
        for entry in found:
            say(orjson.dumps(entry_document(entry)).decode())
        return
    columns = ("index", "UTC+8", "caller, purpose", "outcome, reason", "subject")
    show_table(columns, (_cells(entry) for entry in found))


async def enter(desk: Desk, act: str, wanted: EntryFilter, **facts: Any) -> None:
    """Enter a reading of the log into the log: what was looked for, and how much was found.

    Args:
        desk: whose act it is.
        act: its name.
        wanted: the filter; a subject goes in as a pseudonym.
        facts: names, codes and counts.

    Raises:
        UnavailableError: when the log cannot take it.
    """
    await desk.record(
        act,
        now=desk.clock.now(),
        kind=Kind.AUDIT_READ,
        purpose="AUDIT_REVIEW",
        detail={"filter": wanted.said(), **facts},
        subject_ids=(wanted.subject_id,) if wanted.subject_id else (),
    )


def entry_document(entry: ListedEntry) -> Mapping[str, Any]:
    """An entry for `--json`."""
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
