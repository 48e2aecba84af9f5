"""`hub records`: what has to be done about records every day, and what was known of one at a past instant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
import typer

from hub.audit.entry import Kind, record_ref
from hub.cli import jobs
from hub.cli.console import say
from hub.cli.desk import Desk, at_desk
from hub.clock import CST, to_millis
from hub.disclosure.as_of import Asker, AsOfReader, document
from hub.errors import InputError

app = typer.Typer(
    help="Daily work on records.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@app.callback()
def _family() -> None:
    """Daily work on records."""


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; nothing is changed.")] = False,
) -> None:
    """Delete adverse records of persons five years after the conduct ended, and archive what is shown no more.

    Recalls that are due go out first. What is held or has an open case stays. Run it every day, and again after
    any breakdown. What is shown never depends on it.
    """
    say(at_desk(lambda desk: jobs.purge(desk, dry_run=dry_run)))


@app.command()
def notify() -> None:
    """Tell subjects of their published negative records, and when repair may be applied for; each once.

    Run it every day, and again after any breakdown.
    """
    say(at_desk(jobs.notify))


@app.command("as-of")
def as_of(
    subject: Annotated[str, typer.Option(help="USCC, resident id or pseudonym of the subject.")],
    dataset: Annotated[str, typer.Option(help="Dataset id.")],
    record: Annotated[str, typer.Option(help="Record id, as an answer or a receipt shows it.")],
    at: Annotated[datetime, typer.Option(help="The instant, in China Standard Time.")],
    role: Annotated[str, typer.Option(help="Role that would have asked.")],
    purpose: Annotated[str, typer.Option(help="Purpose code.")],
    institution: Annotated[str, typer.Option(help="USCC whose consents count.")] = "",
    consent: Annotated[str, typer.Option(help="Consent that is named; else the newest that held.")] = "",
) -> None:
    """Show what was known of a record at a past instant, and what would have been disclosed; never a value.

    Decided by the policy and the consents of that instant. The reading is entered into the log.
    """
    digits = record.removeprefix("rec_")
    if len(digits) != 32 or set(digits) - set("0123456789abcdef"):
        raise InputError(
            "This is no record id.",
            hint="Copy it from an answer or a receipt.",
            message_zh="不是有效的记录编号。",
        )

    async def act(desk: Desk) -> str:
        now, instant = desk.clock.now(), at.replace(tzinfo=CST)
        subject_id, record_id = desk.subject_id(subject), bytes.fromhex(digits)
        reader = AsOfReader(desk.database, desk.rules)
        asker = Asker(frozenset({role}), purpose, institution, consent)
        found = await reader.ask(subject_id, dataset, record_id, instant, asker, now)
        detail = {"dataset": dataset, "record": record_ref(record_id), "at": to_millis(instant)}
        await desk.record(
            "record.as_of", now=now, kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW", detail=detail,
            subject_ids=(subject_id,),
        )  # fmt: skip
        return orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode()

    say(at_desk(act))
