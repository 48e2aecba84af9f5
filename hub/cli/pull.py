"""`hub pull`: reads a department's own database by a mapping file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.app import settle
from hub.cli.console import progress_bar, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import IN_PART
from hub.cli.places import Places, with_demo_keys
from hub.clock import SystemClock
from hub.config import Settings
from hub.intake.mapping import PullMapping, read_mapping
from hub.intake.pull import PullReport, dry_run
from hub.intake.pull import pull as pull_in
from hub.intake.report import IntakeProgress, IntakeReport, entry_detail
from hub.loading import load_rules

_FAULTS = 20


def pull(
    mapping: Annotated[Path, typer.Option(help="The mapping file (TOML).")],
    dry: Annotated[bool, typer.Option("--dry-run", help="Read and check only; nothing lands.")] = False,
    sample: Annotated[int, typer.Option(min=1, help="Rows that a dry run looks at.")] = 1_000,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Read everything once more, not only what is new.")
    ] = False,
) -> None:
    """Take in what is new in a table or view of a department.

    Exit code 0: all rows landed; 3: some are in quarantine (or would be); 2: mapping or database was refused.
    """
    found = read_mapping(mapping)
    if dry:
        _try(found, sample)
        return
    with progress_bar("rows") as progress:
        task = progress.add_task(found.relation, total=None)

        def moved(state: IntakeProgress) -> None:
            progress.update(task, completed=state.rows)

        async def run(desk: Desk) -> PullReport:
            settle()

            async def record(report: IntakeReport) -> None:
                now = desk.clock.now()
                await desk.record("intake.pull", now=now, purpose="DATA_SUPPLY", detail=entry_detail(report))

            return await pull_in(
                found, database=desk.database, catalog=desk.rules.catalog, indexer=desk.indexer,
                sealer=desk.ring.sealer(), clock=desk.clock, quarantine_dir=Places.of(desk.settings).quarantine,
                record=record, progress=moved, demo=desk.settings.demo, from_start=from_start,
                clocks=desk.rules.policy.clocks,
            )  # fmt: skip

        report = at_desk(run)
    _show(report)
    if report.quarantined:
        raise typer.Exit(IN_PART)


def _try(mapping: PullMapping, sample: int) -> None:
    settings = with_demo_keys(Settings.from_environment())
    catalog = load_rules(settings).catalog
    found = dry_run(mapping, catalog, SystemClock(), demo=settings.demo, rows=sample, faults=_FAULTS)
    show_table(
        ("rows", "good", "refused"), [[str(found.rows), str(found.good), str(found.rows - found.good)]]
    )
    if found.by_code:
        show_table(("code", "faults"), [[code, str(count)] for code, count in found.by_code.items()])
        for fault in found.faults:
            say(f"row {fault.row}  {fault.column or '-'}  {fault.code}")
            say(f"  {fault.message_zh} {fault.message_en} {fault.hint}")
    say("试运行，未入库。 Dry run; nothing was taken in.")
    if found.rows > found.good:
        raise typer.Exit(IN_PART)


def _show(report: PullReport) -> None:
    names = ("rows", "inserted", "updated", "unchanged", "quarantined")
    totals = [str(sum(getattr(batch, name) for batch in report.batches)) for name in names]
    show_table(("batches", *names), [[str(len(report.batches)), *totals]])
    if report.without_watermark:
        say(f"{report.without_watermark} 行增量列为空，未读取。 Rows without a watermark, not read.")
    for batch in report.batches:
        if batch.quarantine_file is not None:
            say(str(batch.quarantine_file))
