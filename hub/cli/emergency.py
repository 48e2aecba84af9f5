"""`hub emergency`: break-glass access at the counter: request for an institution, approve, end, review, list.

Who types is an account of the operating system; whoever approves or reviews is another one than who requested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import orjson
import typer

from hub.audit.entry import Kind, subject_ref
from hub.cli import jobs
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import CST, civil_date
from hub.emergency.case import Danger, Emergency, EmergencyState, Verdict
from hub.emergency.service import Asked, EmergencyService
from hub.emergency.store import Wanted
from hub.errors import InputError

app = typer.Typer(
    help="Emergency (break-glass) access: request, approve, end, review, list.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
_SHOWN = 12
Id = Annotated[str, typer.Argument(help="Id of the emergency, e_….")]


@app.command()
def request(
    client: Annotated[str, typer.Option(help="Client of the institution that needs to look.")],
    subject: Annotated[str, typer.Option(help="USCC or resident id of the subject.")],
    danger: Annotated[Danger, typer.Option(help="What is in danger.")],
    reason: Annotated[str, typer.Option(help="Why, in words; no names or identity numbers.")],
    reference: Annotated[str, typer.Option(help="File number of the institution.")],
    purpose: Annotated[str, typer.Option(help="Purpose code.")] = "EMERGENCY",
) -> None:
    """Ask for emergency access for an institution; prints the id. Somebody else approves."""

    async def act(desk: Desk) -> Emergency:
        known = desk.registry.get(client)
        if known is None:
            raise InputError(
                "There is no such client.", hint="`hub client list` names them.", message_zh="没有该客户端。"
            )
        asked = Asked(desk.subject_id(subject), purpose, known.institution, danger, reason, reference)
        return await _service(desk).request(asked, desk.steward, desk.rules.policy, desk.clock.now())

    done = at_desk(act)
    say(done.emergency_id)
    say(f"待批准 Somebody else runs: hub emergency approve {done.emergency_id}", stderr=True)


@app.command()
def approve(emergency_id: Id) -> None:
    """Approve a request; in force at once, for the hours and uses that the rules say."""
    done = at_desk(
        lambda desk: _service(desk).approve(emergency_id, desk.steward, desk.rules.policy, desk.clock.now())
    )
    assert done.over_at is not None
    say(f"{done.emergency_id} {done.state} until {civil_time(done.over_at)} (UTC+8)")


@app.command()
def end(emergency_id: Id, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """End a grant before its time, or decline a request; every request that starts afterwards is refused."""
    done = at_desk(
        lambda desk: _service(desk).end(
            emergency_id, reason, desk.steward, desk.rules.policy, desk.clock.now()
        )
    )
    say(f"{done.emergency_id} {done.state}")


@app.command()
def review(
    emergency_id: Id,
    verdict: Annotated[Verdict, typer.Option(help="What the review found.")],
    words: Annotated[str, typer.Option(help="Why, in words; no names or identity numbers.")],
) -> None:
    """Say whether a grant that is over was justified; by somebody who neither requested nor approved it."""
    done = at_desk(
        lambda desk: _service(desk).review(
            emergency_id, verdict, words, desk.steward, desk.rules.policy, desk.clock.now()
        )
    )
    say(f"{done.emergency_id} {done.state} {done.verdict}")


@app.command("list")
def list_emergencies(
    state: Annotated[EmergencyState | None, typer.Option(help="Only those in this state.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose review is late.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    after: Annotated[str | None, typer.Option(help="Only those requested after this one (id).")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List emergencies with what is owed by when, the oldest first. The reading is entered into the log."""

    async def act(desk: Desk) -> tuple[list[Emergency], date]:
        now = desk.clock.now()
        found = await _service(desk).listed(Wanted(state, overdue=overdue), now, limit, after)
        detail: dict[str, Any] = {"shown": len(found), "overdue": overdue, "state": state or ""}
        await desk.record(
            "emergency.list", now=now, kind=Kind.AUDIT_READ, purpose="EMERGENCY_REVIEW", detail=detail
        )
        return found, civil_date(now)

    found, today = at_desk(act)
    if json_lines:
        for one in found:
            say(orjson.dumps(_document(one, today)).decode())
        return
    columns = ("emergency, institution", "state, subject", "over, review, notice")
    show_table(columns, (_cells(one, today) for one in found))


@app.command()
def tell() -> None:
    """Tell subjects of the grants about them that are over; `hub jobs` does it every day."""
    say(at_desk(jobs.tell))


def _service(desk: Desk) -> EmergencyService:
    return EmergencyService(desk.database, desk.log, desk.ring)


def _cells(one: Emergency, today: date) -> tuple[str, ...]:
    return (
        f"{one.emergency_id}\n{one.institution}",
        f"{one.state}\n{subject_ref(one.subject_id)[:_SHOWN]}",
        "\n".join(_owed(one, today)) or "-",
    )


def _owed(one: Emergency, today: date) -> Iterator[str]:
    """When it is over, and what is owed by when or was done."""
    if one.over_at is not None:
        yield f"over {civil_time(one.over_at)[:16]}"
    if one.verdict is not None:
        yield one.verdict
    elif one.review_by is not None:
        yield f"review by {one.review_by}" + (" OVERDUE" if one.review_overdue(today) else "")
    if one.told_at is not None:
        yield f"told {civil_date(one.told_at)}"
    elif one.owes_notice:
        yield f"tell by {one.tell_by}" + (" OVERDUE" if one.notice_overdue(today) else "")


def _document(one: Emergency, today: date) -> Mapping[str, Any]:
    def time(at: Any) -> str | None:
        return at.astimezone(CST).isoformat(timespec="milliseconds") if at else None

    return {
        "id": one.emergency_id,
        "state": one.state.value,
        "purpose": one.purpose,
        "institution": one.institution,
        "subject": subject_ref(one.subject_id),
        "danger": one.danger.value,
        "reason": one.reason,
        "reference": one.reference,
        "requestedAt": time(one.requested_at),
        "approvedAt": time(one.approved_at),
        "overAt": time(one.over_at),
        "uses": one.uses,
        "reviewDueOn": one.review_by.isoformat() if one.review_by else None,
        "reviewOverdue": one.review_overdue(today),
        "verdict": one.verdict.value if one.verdict else None,
        "verdictWords": one.verdict_words,
        "noticeDueOn": one.tell_by.isoformat() if one.tell_by else None,
        "noticeOverdue": one.notice_overdue(today),
        "toldAt": time(one.told_at),
    }
