"""`hub audit counts` and `hub audit who`: counts and trends, and who saw what on what basis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from hub.audit.review_counts import CountBy, EntryCount, Period, count_entries
from hub.audit.review_read import SECONDS
from hub.audit.review_who import Sighting, Sightings, who_saw
from hub.cli import audit_options as options
from hub.cli.audit_list import enter
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import CST

_SHOWN = 8


def counts(
    by: Annotated[list[CountBy] | None, typer.Argument(help="What to count by.")] = None,
    per: Annotated[Period | None, typer.Option(help="Split by time, UTC+8.")] = None,
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
    seconds: options.Seconds = SECONDS,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Count entries of the log. The reading itself is entered into the log.

    An entry with several purposes, reasons or datasets counts once for each.
    """
    groups = list(dict.fromkeys(by or []))

    async def act(desk: Desk) -> list[EntryCount]:
        wanted = options.filter_of(
            desk, subject, since, until, caller=caller, institution=institution, operator=person, purpose=purpose,
            matter=matter, reference=reference, consent=consent, dataset=dataset, field=field, shown=shown,
            record=record, outcome=outcome, kind=kind, reason=reason, document=document, policy=policy, country=country,
        )  # fmt: skip
        found = await count_entries(desk.database, wanted, groups, per, seconds=seconds)
        split = {"per": per.value} if per else {}
        await enter(desk, "audit.counts", wanted, by=[one.value for one in groups], **split)
        return found

    found = at_desk(act)
    if json_lines:
        for one in found:
            period = one.period.isoformat() if one.period else None
            keys = dict(zip((group.value for group in groups), one.keys, strict=True))
            say(orjson.dumps({"period": period, "keys": keys, "entries": one.entries}).decode())
        return
    columns = [per.value.lower()] if per else []
    columns += [group.value.lower() for group in groups]
    show_table(
        (*columns, "entries"),
        (
            (*([str(one.period)] if per else []), *(key or "-" for key in one.keys), str(one.entries))
            for one in found
        ),
    )


def who(
    subject: Annotated[str, typer.Argument(help="USCC, resident id or pseudonym of the subject.")],
    dataset: options.Dataset = "",
    field: options.Field = "",
    record: options.Record = "",
    since: options.Since = "",
    until: options.Until = "",
    seconds: options.Seconds = SECONDS,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show who saw a subject, or a dataset, field or record of it, for what and on what basis.

    The reading itself is entered into the log.
    """

    async def act(desk: Desk) -> Sightings:
        wanted = options.filter_of(desk, subject, since, until, dataset=dataset, field=field, record=record)
        found = await who_saw(desk.database, wanted, seconds=seconds)
        await enter(desk, "audit.who", wanted, shown=len(found.viewers))
        return found

    found = at_desk(act)
    if json_output:
        document = {"viewers": [_document(seen) for seen in found.viewers], "withheld": found.withheld}
        say(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    for seen in found.viewers:
        _show(seen)
    if not found.viewers:
        say("无人看过。 Nobody saw it.")
    if found.withheld:
        say(f"{found.withheld} disclosures are withheld in the log; who saw what cannot be told of them.")


def _show(seen: Sighting) -> None:
    who, shown = seen.viewer, seen.entries[:_SHOWN]
    more = " …" if len(seen.entries) > len(shown) else ""
    say(" ".join(part for part in (who.institution, who.caller, who.person) if part))
    say(f"  {who.purpose} {who.basis} {who.consent or who.matter}".rstrip())
    if seen.references:
        say(f"  {', '.join(seen.references[:_SHOWN])}")
    say(f"  {', '.join(sorted(seen.how))}: {', '.join(sorted(seen.datasets))}")
    say(
        f"  {seen.times}×, {civil_time(seen.first)} – {civil_time(seen.last)}, {', '.join(map(str, shown))}{more}"
    )


def _document(seen: Sighting) -> Mapping[str, Any]:
    return {
        **seen.viewer._asdict(),
        "references": seen.references,
        "times": seen.times,
        "first": seen.first.astimezone(CST).isoformat(timespec="milliseconds"),
        "last": seen.last.astimezone(CST).isoformat(timespec="milliseconds"),
        "how": sorted(seen.how),
        "datasets": sorted(seen.datasets),
        "entries": seen.entries,
    }
