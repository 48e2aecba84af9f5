"""`hub audit relation`: declarations of avoidance, of whom persons acting must stand aside."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from hub.audit.entry import Kind
from hub.audit.relation_check import RelationMisfit, check_relations
from hub.audit.relations import Declared, Declarer, Relation, declare, end, list_relations
from hub.cli.audit_reviewer import reviewer
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import NOT_VERIFIED
from hub.errors import InputError
from hub.identity.details import person_named
from hub.model.identifiers import parse_uscc
from hub.policies.detections import RelationKind

app = typer.Typer(
    help="Declarations of avoidance: whom a person acting must stand aside from.", no_args_is_help=True,
    rich_markup_mode=None, add_completion=False,
)  # fmt: skip


@app.command()
def add(
    subject: Annotated[str, typer.Argument(help="USCC, resident id or pseudonym.")],
    institution: Annotated[str, typer.Option(help="USCC of the institution whose person it is.")],
    person: Annotated[str, typer.Option(help="The person acting, as the institution's tokens name it.")],
    kind: Annotated[RelationKind, typer.Option(help="Why it must stand aside.")],
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD; default: until it is ended.")] = "",
) -> None:
    """Enter a declaration that an institution has made."""
    last = _day(until)

    async def act(desk: Desk) -> Relation:
        unit = str(parse_uscc(institution, demo=desk.settings.demo))
        name = desk.indexer.alias_hash("operator", f"{unit}:{person_named(person)}").hex()
        declared = Declared(unit, "op_" + name, desk.subject_id(subject), kind, last)
        return await declare(desk.database, desk.log, _by(desk), declared, desk.clock.now())

    say(f"已登记回避申报 Declared: {at_desk(act).relation_id}")


@app.command("end")
def end_one(relation: Annotated[str, typer.Argument(help="Id of the declaration.")]) -> None:
    """End a declaration; detection counts it for some days more."""

    async def act(desk: Desk) -> None:
        await end(desk.database, desk.log, _by(desk), relation, desk.clock.now())

    at_desk(act)
    say("已撤销回避申报 The declaration is ended.")


@app.command("list")
def list_all(
    institution: Annotated[str, typer.Option(help="USCC; default: of all.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    after: Annotated[str | None, typer.Option(help="Id of the last one of the list before.")] = None,
) -> None:
    """List declarations, the newest first, ended ones too. The reading itself is entered into the log."""

    async def act(desk: Desk) -> list[Relation]:
        whose = str(parse_uscc(institution, demo=desk.settings.demo)) if institution else ""
        found = await list_relations(desk.database, whose, limit=limit, after=after)
        await _read(desk, "audit.relations", {"shown": len(found)} | ({"of": whose} if whose else {}))
        return found

    columns = ("declaration, kind", "institution, person", "subject", "since", "to")
    show_table(columns, (_cells(one) for one in at_desk(act)))


@app.command()
def check() -> None:
    """Hold all stored declarations to the log: none is gone, added, changed or ended otherwise than by its acts.

    Exit code 0: all are as the log tells; 1: some are not.
    """

    async def act(desk: Desk) -> tuple[int, list[RelationMisfit]]:
        count, misfits = await check_relations(desk.database)
        await _read(desk, "audit.relation_check", {"relations": count, "findings": len(misfits)})
        return count, misfits

    count, misfits = at_desk(act)
    if misfits:
        show_table(("declaration", "what"), [(m.relation_id, m.problem.value) for m in misfits])
        raise typer.Exit(NOT_VERIFIED)
    say(f"✓ 回避申报与日志相符 All {count} declarations are as the log tells.")


def _by(desk: Desk) -> Declarer:
    who = reviewer(desk)
    return Declarer(who.client_id, "", "", "AUDIT_REVIEW", who.policy)


async def _read(desk: Desk, act: str, detail: dict[str, int | str]) -> None:
    await desk.record(act, now=desk.clock.now(), kind=Kind.AUDIT_READ, purpose="AUDIT_REVIEW", detail=detail)


def _cells(one: Relation) -> tuple[str, ...]:
    last = one.until.isoformat() if one.until else ""
    ended = f"ended {civil_time(one.ended_at)[:16]}" if one.ended_at else last
    since = civil_time(one.since)[:16]
    return f"{one.relation_id}\n{one.kind}", f"{one.institution}\n{one.person}", one.subject, since, ended


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(
            "--until is no day.", hint="Write YYYY-MM-DD.", message_zh="截止日期应写为 YYYY-MM-DD。"
        ) from None
