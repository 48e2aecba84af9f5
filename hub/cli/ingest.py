"""`hub ingest` and `hub template`: files of source units, and the templates they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from hub.app import settle
from hub.catalog.templates import csv_template, xlsx_template
from hub.cli.console import progress_bar, say, show_table
from hub.cli.desk import Desk, at_desk
from hub.cli.group import IN_PART
from hub.cli.places import Places
from hub.config import Settings
from hub.errors import InputError
from hub.intake.pipeline import ingest as take_in
from hub.intake.readers import Format
from hub.intake.report import IntakeProgress, IntakeReport, entry_detail
from hub.intake.target import find_dataset
from hub.loading import load_rules


def ingest(
    file: Annotated[Path, typer.Argument(help="A CSV, JSON Lines or XML (UTF-8, GBK), or XLSX file.")],
    dataset: Annotated[str, typer.Option(help="Dataset id, for example government.penalty.")],
    source: Annotated[str, typer.Option(help="Source unit: its USCC or client id.")],
    file_format: Annotated[
        Format | None, typer.Option("--format", help="Format of the file; found out when left out.")
    ] = None,
) -> None:
    """Take a file of a source unit in.

    Good rows land; bad rows go to a quarantine file, to be mended and sent again.

    Exit code 0: all rows landed; 3: some are in quarantine; 2: the file was refused as a whole.
    """
    if not file.is_file():
        raise InputError(
            "There is no such file.", hint="Check the name of the file.", message_zh="找不到该文件。"
        )
    with progress_bar("rows") as progress:
        task = progress.add_task(file.name, total=None)
        report = at_desk(lambda desk: _take_in(desk, file, dataset, source, file_format, progress, task))
    _show(report)
    if report.quarantined:
        raise typer.Exit(IN_PART)


def template(
    dataset: Annotated[str, typer.Argument(help="Dataset id, for example government.penalty.")],
    xlsx: Annotated[bool, typer.Option("--xlsx", help="A workbook with notes instead of CSV.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; - for stdout; default DATASET.csv.")
    ] = None,
) -> None:
    """Write the import template of a dataset."""
    found = find_dataset(load_rules(Settings.from_environment()).catalog, dataset)
    content = xlsx_template(found) if xlsx else csv_template(found)
    if output is not None and str(output) == "-":
        typer.echo(content, nl=False)
        return
    path = output or Path(f"{found.id}.{'xlsx' if xlsx else 'csv'}")
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise InputError(
            "The file is there already; nothing was overwritten.",
            hint="Choose another name with -o.",
            message_zh="文件已存在，未覆盖。",
        ) from None
    except OSError as error:
        raise InputError(
            "The file cannot be written.", hint="Choose another place with -o.", message_zh="无法写入文件。"
        ) from error
    say(str(path))


async def _take_in(
    desk: Desk,
    file: Path,
    dataset: str,
    source: str,
    file_format: Format | None,
    progress: Progress,
    task: TaskID,
) -> IntakeReport:
    def moved(state: IntakeProgress) -> None:
        progress.update(task, completed=state.rows, total=state.total)

    async def record(report: IntakeReport) -> None:
        await desk.record(
            "intake.file", now=desk.clock.now(), purpose="DATA_SUPPLY", detail=entry_detail(report)
        )

    settle()
    return await take_in(
        file,
        dataset,
        source,
        database=desk.database,
        catalog=desk.rules.catalog,
        indexer=desk.indexer,
        sealer=desk.ring.sealer(),
        clock=desk.clock,
        quarantine_dir=Places.of(desk.settings).quarantine,
        file_format=file_format,
        progress=moved,
        record=record,
        demo=desk.settings.demo,
        clocks=desk.rules.policy.clocks,
    )


def _show(report: IntakeReport) -> None:
    names = ("rows", "inserted", "updated", "unchanged", "quarantined")
    show_table(names, [[str(getattr(report, name)) for name in names]])
    if report.repeated:
        say("An earlier run of this file had been cut off; it is now complete.")
    if report.quarantine_file is not None:
        say("隔离文件，修改后可重新提交 Quarantine, to be mended and sent again:")
        say(str(report.quarantine_file))
