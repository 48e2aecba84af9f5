"""`hub recall`: find and issue recalls, and see who has not closed them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
import typer

from hub.audit.entry import record_ref, subject_ref
from hub.cli import jobs
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.names import known
from hub.errors import InputError
from hub.recall.endpoints import Endpoints
from hub.recall.notice import Cause, Notice, State, record_name
from hub.recall.service import LIST_START

app = typer.Typer(
    help="Recall records from those who got them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Subject = Annotated[str, typer.Option(help="USCC, resident id or pseudonym of the subject.")]
Dataset = Annotated[str, typer.Option(help="Dataset id.")]
Record = Annotated[str, typer.Option(help="Record id, as an answer or a receipt shows it.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_PAGE = 500


@app.command("list")
def list_unclosed(
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose term is over.")] = False,
    escalated: Annotated[bool, typer.Option("--escalated", help="Only those long overdue.")] = False,
    json_lines: JsonLines = False,
) -> None:
    """List recalls that their recipients have not acknowledged, in the order of issue; the reading is logged."""
    least = State.ESCALATED if escalated else State.OVERDUE if overdue else State.OPEN

    async def act(desk: Desk) -> tuple[list[Notice], datetime]:
        now, found, after = desk.clock.now(), [], LIST_START
        while page := await jobs.recalls(desk).unclosed(now, least=least, after=after, limit=_PAGE):
            found += page
            after = (page[-1].position, page[-1].recall_id, page[-1].institution)
        await desk.record("recall.list", now=now, detail={"shown": len(found), "least": least.value})
        return found, now

    found, now = at_desk(act)
    _show(found, now, json_lines=json_lines)


@app.command()
def show(
    recall_id: Annotated[str, typer.Argument(help="Id of the recall.")], json_lines: JsonLines = False
) -> None:
    """Show a recall: who was told, and where each of them stands; the reading is logged."""

    async def act(desk: Desk) -> tuple[list[Notice], datetime]:
        now = desk.clock.now()
        found = await jobs.recalls(desk).notices(recall_id)
        if not found:
            raise InputError(
                "There is no recall of this id, or nobody was to be told.",
                hint="`hub recall list` lists what is open.",
                message_zh="没有该编号的召回，或无须通知任何机构。",
            )
        subjects = tuple({notice.subject_id for notice in found})
        detail = {"recall": found[0].recall_id, "shown": len(found)}
        await desk.record("recall.show", now=now, detail=detail, subject_ids=subjects)
        return found, now

    found, now = at_desk(act)
    _show(found, now, json_lines=json_lines)


@app.command()
def issue(
    subject: Subject,
    dataset: Dataset,
    record: Record,
    cause: Annotated[Cause, typer.Option(help="Why it is recalled.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list who got the record; the reading is logged.")
    ] = False,
) -> None:
    """Recall a record from everybody who got it since its last recall; prints the recall's id and recipients.

    This tells the recipients; it does not change the record.
    """

    async def act(desk: Desk) -> list[str]:
        subject_id, now = desk.subject_id(subject), desk.clock.now()
        name = known(dataset, desk.rules.catalog.datasets, "dataset", "数据集")
        record_id = _record_id(record)
        if dry_run:
            return await _recipients(desk, subject_id, name, record_id, now)
        made = await jobs.recalls(desk).issue_alone(subject_id, name, record_id, cause, now, desk.actor)
        if made is None:
            return ["nobody has to be told"]
        return [made.recall_id, *made.institutions, *_withheld(made.withheld)]

    for line in at_desk(act):
        say(line)


@app.command()
def sweep() -> None:
    """Issue every recall that is due: of records corrected, repaired, withdrawn or expired. Run it every day.

    Run again after any breakdown: nothing is issued twice.
    """
    say(at_desk(jobs.sweep))


@app.command()
def endpoint(
    institution: Annotated[str, typer.Argument(help="USCC of the recipient.")],
    url: Annotated[str, typer.Argument(help="Where its recalls are posted; https.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Post nothing to it any more.")] = False,
) -> None:
    """Set where an institution's recalls are posted, as signed webhooks beside the feed; the act is logged."""

    async def act(desk: Desk) -> str:
        endpoints = Endpoints(desk.database, desk.log, jobs.reach(desk))
        now = desk.clock.now()
        if remove:
            await endpoints.remove(institution, desk.actor, now)
            return f"{institution}: removed"
        await endpoints.set(institution, url, desk.actor, now)
        return f"{institution}: {url}"

    say(at_desk(act))


@app.command()
def deliver() -> None:
    """Post every recall that is due to an endpoint. Run it every minute; nothing is lost by a breakdown."""
    say(at_desk(jobs.deliver))


async def _recipients(
    desk: Desk, subject_id: bytes, dataset: str, record_id: bytes, now: datetime
) -> list[str]:
    got = await jobs.recalls(desk).recipients(subject_id, dataset, record_id)
    detail = {"dataset": dataset, "record": record_ref(record_id), "shown": len(got.found)}
    await desk.record("recall.recipients", now=now, detail=detail, subject_ids=(subject_id,))
    lines = [
        f"{r.institution} {r.client} {r.purpose}: {r.entries}, {civil_time(r.first_at)} to {civil_time(r.last_at)}"
        for received in got.by_institution().values()
        for r in received
    ]
    return [*lines, *_withheld(got.withheld)] or ["nobody got it"]


def _withheld(entries: int) -> list[str]:
    """A warning about entries that no longer say what they showed."""
    return (
        [f"{entries} withheld or archived entries about the subject do not say what they showed"]
        if entries
        else []
    )


def _record_id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("rec_"))
    except ValueError:
        found = b""
    if len(found) != 16:
        raise InputError(
            "This is no record id.",
            hint="Copy it from an answer or a receipt.",
            message_zh="不是有效的记录编号。",
        )
    return found


def _show(found: list[Notice], now: datetime, *, json_lines: bool) -> None:
    if json_lines:
        for notice in found:
            say(orjson.dumps(_line(notice, now)).decode())
        return
    rows = (
        (
            notice.recall_id,
            notice.institution,
            f"{notice.dataset}\n{record_name(notice.record_id)}",
            notice.cause.value,
            notice.state(now).value,
            civil_time(notice.due_at).replace(" ", "\n"),
        )
        for notice in found
    )
    show_table(("recall", "recipient", "record", "cause", "state", "due UTC+8"), rows)


def _line(notice: Notice, now: datetime) -> dict[str, object]:
    return {
        "recall": notice.recall_id,
        "institution": notice.institution,
        "subject": subject_ref(notice.subject_id),
        "dataset": notice.dataset,
        "record": record_name(notice.record_id),
        "cause": notice.cause.value,
        "state": notice.state(now).value,
        "late": notice.late,
        "issuedAt": notice.issued_at.isoformat(),
        "dueAt": notice.due_at.isoformat(),
        "acknowledgedAt": notice.acknowledged_at.isoformat() if notice.acknowledged_at else None,
        "acknowledgedBy": notice.acknowledged_by,
        "document": dict(notice.document),
    }
