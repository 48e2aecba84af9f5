"""`hub audit case`: review cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hub.audit.case_check import CaseMisfit, check_cases
from hub.audit.case_export import check_export, digest_of, export
from hub.audit.case_model import CaseAct, ReviewCase, ReviewState
from hub.audit.cases import CaseFile, Doing, Opening, ReviewCases
from hub.audit.entry import OPENED, Kind, subject_ref
from hub.audit.reviewer import person_of
from hub.cli.audit_reviewer import reviewer
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import NOT_VERIFIED
from hub.cli.new_file import must_be_new, write_new
from hub.cli.public_keys import log_verifiers
from hub.clock import civil_date
from hub.config import Settings
from hub.errors import InputError, VerificationError
from hub.policies.detections import Severity

app = typer.Typer(
    help="Review cases: open, handle, close, export.", no_args_is_help=True, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip
Id = Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")]
Text = Annotated[str, typer.Option(help="What is to be said; no number of a person.")]


def _cases(desk: Desk) -> ReviewCases:
    return ReviewCases(desk.database, desk.log, desk.ring.sealer())


@app.command("open")
def open_case(
    text: Text,
    entry: Annotated[list[int] | None, typer.Option(min=0, help="Index of an entry; repeat.")] = None,
    rule: Annotated[str | None, typer.Option(help="Detection rule that found them.")] = None,
    complaint_of: Annotated[str | None, typer.Option(help="Subject that complained.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Never less than the rule says.")] = None,
) -> None:
    """Open a case from a finding, from entries, or from a subject's complaint."""

    async def act(desk: Desk) -> ReviewCase:
        subject = desk.subject_id(complaint_of) if complaint_of else None
        opening = Opening(text, entry or (), rule, subject, severity)
        return await _cases(desk).open(reviewer(desk), opening, desk.rules.policy, desk.clock.now())

    _told(at_desk(act))


@app.command()
def assign(case: Id, to: Annotated[str, typer.Option(help="Name of the person.")], text: Text = "") -> None:
    """Give a case to a person."""

    async def act(desk: Desk) -> ReviewCase:
        doing = Doing(CaseAct.ASSIGN, text, assignee=person_of(desk.indexer.alias_hash, to))
        return await _cases(desk).act(reviewer(desk), case, doing, desk.rules.policy, desk.clock.now())

    _told(at_desk(act))


@app.command()
def comment(case: Id, text: Text) -> None:
    """Write something into a case."""
    _do(case, Doing(CaseAct.COMMENT, text))


@app.command()
def conclude(
    case: Id, outcome: Annotated[str, typer.Option(help="Code in policies/review.toml.")], text: Text
) -> None:
    """Conclude a case, or propose its conclusion where another person must confirm it."""
    _do(case, Doing(CaseAct.CONCLUDE, text, outcome=outcome))


@app.command()
def confirm(case: Id, text: Text) -> None:
    """Confirm the conclusion that another person proposed."""
    _do(case, Doing(CaseAct.CONFIRM, text))


@app.command()
def reject(case: Id, text: Text) -> None:
    """Send back the conclusion that another person proposed."""
    _do(case, Doing(CaseAct.REJECT, text))


@app.command()
def reopen(case: Id, text: Text) -> None:
    """Open a closed case again."""
    _do(case, Doing(CaseAct.REOPEN, text))


@app.command("list")
def list_cases(
    state: Annotated[list[ReviewState] | None, typer.Option(help="Only these; repeat.")] = None,
    of: Annotated[str, typer.Option(help="Only those that this person handles, by name.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that are late.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    after: Annotated[str | None, typer.Option(help="Last case of the page before.")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List cases, the soonest due first. The reading itself is entered into the log."""

    async def act(desk: Desk) -> list[tuple[ReviewCase, bool]]:
        now = desk.clock.now()
        today = civil_date(now)
        assignee = person_of(desk.indexer.alias_hash, of) if of else None
        found = await _cases(desk).listed(
            states=state or None, assignee=assignee, overdue_on=today if overdue else None, after=after, limit=limit,
        )  # fmt: skip
        said = {"states": [one.value for one in state or ()], "assignee": assignee, "overdue": overdue}
        looked_for = {name: value for name, value in said.items() if value}
        await _read(desk, "audit.cases", {"shown": len(found), **looked_for})
        return [(case, case.overdue(today)) for case in found]

    found = at_desk(act)
    if json_lines:
        for case, late in found:
            say(orjson.dumps(_document(case, late=late)).decode())
        return
    columns = ("case", "severity, state", "due", "rule, outcome", "entries")
    show_table(columns, (_cells(case, late=late) for case, late in found))


@app.command()
def show(case: Id) -> None:
    """Show a case with its acts and what was written. The reading itself is entered into the log."""

    async def act(desk: Desk) -> CaseFile:
        found = await _cases(desk).file(case)
        opened = sum(bool(text.text) for text in found.texts)
        await _read(desk, "audit.case", {"case": found.case.case_id, OPENED: opened})
        return found

    found = at_desk(act)
    _told(found.case)
    for event, text in zip(found.events, found.texts, strict=True):
        codes = " ".join(filter(None, (event.outcome, event.assignee)))
        say(
            f"{event.number:3}  {civil_time(event.at)}  {event.act.value:9} {event.state.value:9} {event.client_id}"
        )
        say(f"     {event.person} {codes}".rstrip())
        if text.text:
            say(f"     {text.text}")


@app.command("export")
def export_case(
    case: Id, out: Annotated[Path, typer.Option("--out", help="New file; nothing is ever overwritten.")]
) -> None:
    """Write a case, its texts, and its entries with proofs into one file; `hub audit case verify` checks it."""
    must_be_new(out)

    async def act(desk: Desk) -> bytes:
        found = await _cases(desk).file(case)
        verifiers = desk.ring.public().note_verifiers()
        raw = await export(desk.database, found, desk.ring.public_document(), verifiers)
        opened = sum(bool(text.text) for text in found.texts)
        detail = {"case": found.case.case_id, "file": digest_of(raw), OPENED: opened}
        await _read(desk, "audit.case_export", detail)
        return raw

    raw = at_desk(act)
    write_new(out, raw)
    say(f"案件已导出 The case is exported: {len(raw):,} bytes, {out.name}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="What `hub audit case export` wrote.")],
    key: Annotated[str, typer.Option(help="The log's verifier key, or a file with it.")] = "",
) -> None:
    """Check an exported case offline: every entry is in the log, and every act and text is as the log tells.

    Exit code 0: all holds; 1: something does not.
    """
    verifiers = log_verifiers(Settings.from_environment(), key)
    try:
        raw = file.expanduser().read_bytes()
    except OSError as error:
        raise InputError(
            "The file cannot be read.", hint="Check its name.", message_zh="无法读取文件。"
        ) from error
    try:
        document = check_export(raw, verifiers)
    except VerificationError as error:
        say(f"✗ {error}")
        raise typer.Exit(NOT_VERIFIED) from None
    acts, case = len(document["events"]), document["case"]
    say(f"✓ 案件有效 The case {case['id']} holds: {acts} acts, {case['state']} {case['outcome']}".rstrip())


@app.command()
def check() -> None:
    """Hold all stored cases to the log: none is gone, and none is other than its acts left it.

    Exit code 0: all are as the log tells; 1: some are not.
    """

    async def act(desk: Desk) -> tuple[int, list[CaseMisfit]]:
        checked = await check_cases(desk.database, desk.ring.sealer())
        await _read(desk, "audit.case_check", {"cases": checked[0], "findings": len(checked[1])})
        return checked

    count, misfits = at_desk(act)
    if misfits:
        show_table(("case", "act", "what"), [(m.case_id, str(m.number), m.problem.value) for m in misfits])
        raise typer.Exit(NOT_VERIFIED)
    say(f"✓ 案件与日志相符 All {count} cases are as the log tells.")


def _do(case: str, doing: Doing) -> None:
    async def act(desk: Desk) -> ReviewCase:
        return await _cases(desk).act(reviewer(desk), case, doing, desk.rules.policy, desk.clock.now())

    _told(at_desk(act))


async def _read(desk: Desk, act: str, detail: dict[str, Any]) -> None:
    await desk.record(
        act, now=desk.clock.now(), kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW", detail=detail
    )  # fmt: skip


def _told(case: ReviewCase) -> None:
    four = "four eyes" if case.four_eyes else "one person"
    say(f"{case.case_id}  {case.severity.value} {case.state.value} {case.outcome}".rstrip())
    say(f"  {case.origin.value} {case.rule} due {case.due_on}, {four}")
    if case.entries:
        say(f"  entries {', '.join(map(str, case.entries))}")


def _cells(case: ReviewCase, *, late: bool) -> tuple[str, ...]:
    return (
        case.case_id,
        f"{case.severity.value}\n{case.state.value}",
        f"{case.due_on}\n{'OVERDUE' if late else ''}".rstrip(),
        f"{case.rule}\n{case.outcome}".rstrip(),
        str(len(case.entries)),
    )


def _document(case: ReviewCase, *, late: bool) -> dict[str, Any]:
    return {
        "case": case.case_id,
        "origin": case.origin.value,
        "rule": case.rule or None,
        "severity": case.severity.value,
        "fourEyes": case.four_eyes,
        "state": case.state.value,
        "outcome": case.outcome or None,
        "assignee": case.assignee or None,
        "subject": subject_ref(case.subject_id) if case.subject_id is not None else None,
        "entries": list(case.entries),
        "dueOn": case.due_on.isoformat(),
        "overdue": late,
    }
