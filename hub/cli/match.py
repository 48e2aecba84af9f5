"""`hub match`: rows of organisations without a code, for a person to say whose they are."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from hub.audit.entry import OPENED
from hub.cli.console import civil_time, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.errors import InputError
from hub.intake.match_desk import MOST, MatchDesk, shown
from hub.intake.review import MatchCase

app = typer.Typer(
    help="Match rows without a code by hand.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
Case = Annotated[str, typer.Argument(help="Id of the case, from `hub match list`.")]


@app.command("list")
def list_cases(
    source: Annotated[str | None, typer.Option(help="USCC of the source unit.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 20,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List open cases with their candidates, the oldest first; the reading is logged."""

    async def act(desk: Desk) -> list[MatchCase]:
        found = await _matches(desk).waiting(limit, source)
        ids = tuple(sorted({c.subject_id for case in found for c in case.candidates}))
        await desk.record(
            "match.list",
            now=desk.clock.now(),
            detail={"shown": len(found), OPENED: len(found)},
            subject_ids=ids,
        )
        return found

    found = at_desk(act)
    if json_lines:
        for case in found:
            say(orjson.dumps(_document(case)).decode())
        return
    show_table(("case", "row", "name, candidates"), (_cells(case) for case in found))


@app.command()
def accept(
    case: Case, subject: Annotated[str, typer.Option(help="USCC or pseudonym of the organisation.")]
) -> None:
    """Say whose a row is: it goes through the merge, and the spelling is remembered for its source."""

    async def act(desk: Desk) -> None:
        now = desk.clock.now()
        await _matches(desk).accept(
            _case_id(case), desk.subject_id(subject), desk.steward, desk.rules.catalog, now
        )

    at_desk(act)
    say("已入库 The row has landed.")


@app.command()
def reject(case: Case) -> None:
    """Say that a row is none of the candidates'; it stays in its quarantine file."""

    async def act(desk: Desk) -> None:
        await _matches(desk).reject(_case_id(case), desk.steward, desk.clock.now())

    at_desk(act)
    say("已否定 The case is closed.")


def _matches(desk: Desk) -> MatchDesk:
    return MatchDesk(desk.database, desk.log, desk.ring.sealer(), desk.indexer)


def _case_id(text: str) -> bytes:
    try:
        if text.startswith("mc_") and len(text) == 35:
            return bytes.fromhex(text[3:])
    except ValueError:
        pass
    raise InputError(
        "The id of a case is `mc_` and 32 hexadecimal digits.", hint="Take it from `hub match list`.",
        message_zh="比对编号格式不正确。",
    )  # fmt: skip


def _cells(case: MatchCase) -> tuple[str, str, str]:
    near = "\n".join(f"{c.score} {c.why} {c.name}\n  sub_{c.subject_id.hex()}" for c in case.candidates)
    place = f"{case.dataset}\n{case.source_unit}\n{case.batch_id} {case.row}\n{civil_time(case.opened_at)}"
    return f"mc_{case.case_id.hex()}", place, f"{case.name}\n{near or 'no candidate'}"


def _document(case: MatchCase) -> dict[str, object]:
    return {
        "case": f"mc_{case.case_id.hex()}",
        "dataset": case.dataset,
        "sourceUnit": case.source_unit,
        "batch": case.batch_id,
        "row": case.row,
        "name": case.name,
        "candidates": [shown(c) for c in case.candidates],
    }
