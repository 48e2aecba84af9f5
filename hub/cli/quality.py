"""`hub quality`: how good is what the sources send."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import orjson
import typer

from hub.cli.console import say, show_table
from hub.cli.desk import Desk, at_desk
from hub.clock import civil_date
from hub.errors import InputError
from hub.intake.quality_report import Asked, Line, QualityReport, quality_report

_RATES = ("completeness", "compliance", "timeliness", "uniqueness", "correction", "score")


def quality(
    source: Annotated[str | None, typer.Option(help="USCC of the source unit.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset id.")] = None,
    month: Annotated[str | None, typer.Option(help="Month of receipt, YYYY-MM.")] = None,
    json_document: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show rates by month, the league table, faults and what waits in quarantine; the reading is logged."""
    asked = Asked(source, dataset, _month(month))

    async def act(desk: Desk) -> QualityReport:
        now = desk.clock.now()
        async with desk.database.connection() as connection:
            found = await quality_report(connection, asked, civil_date(now))
        await desk.record("quality.show", now=now, detail={"lines": len(found.lines)})
        return found

    found = at_desk(act)
    if json_document:
        say(orjson.dumps(_document(found)).decode())
        return
    show_table(("rank", "source", *_RATES), (_ranked(r.rank, r.line) for r in found.league))
    show_table(("month", "source, dataset", "rows", *_RATES), (_cells(line) for line in found.lines))
    show_table(
        ("faults", "code, column", "source, dataset", "what to do"),
        (
            (
                str(f.faults),
                f"{f.code}\n{f.column}",
                f"{f.source_unit}\n{f.dataset}",
                f"{f.message_zh}\n{f.hint}",
            )
            for f in found.faults
        ),
    )
    show_table(
        ("waiting", "days", "source, dataset"),
        ((str(w.rows), str(w.days), f"{w.source_unit}\n{w.dataset}") for w in found.waiting),
    )


def _month(text: str | None) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01") if text is not None else None
    except ValueError:
        raise InputError(
            "A month is written YYYY-MM.", hint="For example 2026-11.", message_zh="月份应写作 YYYY-MM。"
        ) from None


def _percent(rate: int | None) -> str:
    return "" if rate is None else f"{rate // 100}.{rate % 100:02d}"


def _ranked(rank: int, line: Line) -> tuple[str, ...]:
    return str(rank), line.source_unit, *(_percent(getattr(line, name)) for name in _RATES)


def _cells(line: Line) -> tuple[str, ...]:
    rates = (_percent(getattr(line, name)) for name in _RATES)
    return line.month, f"{line.source_unit}\n{line.dataset}", str(line.rows), *rates


def _figures(line: Line) -> dict[str, Any]:
    return asdict(line) | {name: getattr(line, name) for name in _RATES}


def _document(found: QualityReport) -> dict[str, Any]:
    return {
        "lines": [_figures(line) for line in found.lines],
        "league": [{"rank": r.rank} | _figures(r.line) for r in found.league],
        "faults": [asdict(f) for f in found.faults],
        "waiting": [asdict(w) for w in found.waiting],
    }
