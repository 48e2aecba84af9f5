"""`hub audit show`: an entry of the log, and what it rests on."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from hub.audit.entry import Kind, subject_ref
from hub.audit.review_search import find_entry
from hub.catalog.types import Label
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.disclosure.entry_review import EntryReview, EntryReviewer, PartReview, document
from hub.errors import InputError


def show(
    name: Annotated[str, typer.Argument(metavar="ENTRY", help="Index or id of the entry.")],
    subject: Annotated[str, typer.Option(help="Only this subject: USCC, resident id or pseudonym.")] = "",
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show an entry, with rule and reason for each field, consent or matter, and purpose; never a value.

    The reading itself is entered into the log.
    """

    async def act(desk: Desk) -> EntryReview:
        only = subject_ref(desk.subject_id(subject)) if subject else None
        found = await find_entry(desk.database, int(name) if name.isdecimal() and len(name) < 19 else name)
        if found is None:
            raise InputError(
                "There is no such entry.", hint="`hub audit list` shows them.", message_zh="没有该审计记录。"
            )
        reviewed = await EntryReviewer(desk.database, desk.rules).review(found, only)
        detail = {"index": found.index} | ({"subject": only} if only else {})
        await desk.record(
            "audit.show", now=desk.clock.now(), kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW", detail=detail
        )
        return reviewed

    found = at_desk(act)
    if json_output:
        say(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
        return
    _show(found)


def _show(found: EntryReview) -> None:
    entry, body = found.entry, found.entry.body or {}
    say(
        f"{entry.index}  {civil_time(entry.at)}  {entry.kind} {entry.outcome} {body.get('reason', '')}".rstrip()
    )
    say(
        f"{body.get('institution', '')} {entry.caller} {body.get('operator', '')} {body.get('operation', '')}"
    )
    for caveat in found.caveats:
        say(f"! {caveat.value}")
    if body.get("detail"):
        say(orjson.dumps(body["detail"]).decode())
    for part in found.parts:
        _show_part(part)


def _show_part(part: PartReview) -> None:
    say("")
    say(f"{part.subject}  {part.outcome} {part.reason}".rstrip())
    if part.message:
        say(f"  {_both(part.message)}")
    purpose = part.purpose_entry
    say(f"  {part.purpose}  {_both(purpose.title) if purpose else ''}".rstrip())
    if purpose:
        say(f"  {purpose.source}")
    if part.basis:
        say("  " + " ".join(f"{name}={value}" for name, value in part.basis.items()))
    if part.matter:
        say(f"  {_both(part.matter.title)}: {part.matter.legal_basis}")
    if part.consent and part.consent.notice:
        mark = "✓" if part.consent.notice_verified else "✗ not the text that was signed:"
        say(f"  {mark} {_both(part.consent.notice)}")
    for question in part.questions:
        say(f"  ? {question['code']} {question['threshold']} {question['outcome']}")
    if part.fields:
        show_table(
            ("field", "recorded", "decided again", "rule", "reason"),
            (
                (
                    f"{item.dataset}.{item.name}", item.recorded.value,
                    "?" if item.decision is None
                    else ("" if item.agrees else "✗ ") + item.decision.outcome.name.lower(),
                    item.decision.rule if item.decision else "", item.decision.reason.value if item.decision else "",
                )
                for item in part.fields
            ),
        )  # fmt: skip


def _both(label: Label) -> str:
    return f"{label.zh} {label.en}"
