"""`hub demo-data`: a synthetic world as the files that departments would send."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.console import progress_bar, say
from hub.clock import SystemClock, civil_date
from hub.config import Settings
from hub.demo.files import MANIFEST, write_files
from hub.demo.generator import Generator
from hub.intake.readers import Format
from hub.loading import load_rules


def demo_data(
    out: Annotated[Path, typer.Option(help="Folder for the files; new or empty.")],
    organizations: Annotated[int, typer.Option(min=5, help="Synthetic organisations.")] = 2_000,
    persons: Annotated[int, typer.Option(min=5, help="Synthetic persons.")] = 3_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world.")] = 1,
    file_format: Annotated[Format, typer.Option("--format", help="Format of all files.")] = Format.CSV,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day on which the world is seen; today when left out."),
    ] = None,
) -> None:
    """Write synthetic data as departments would send it, five rows in a hundred wrong.

    manifest.json says what `hub ingest` must make of every file. Same arguments and same day: same bytes.
    """
    catalog = load_rules(Settings.from_environment()).catalog
    day = today.date() if today else civil_date(SystemClock().now())
    generator = Generator(organizations, persons, seed, day, catalog)
    began = time.monotonic()
    with progress_bar("subjects") as progress:
        task = progress.add_task("demo-data", total=organizations + persons)
        written = write_files(
            generator, catalog, out, file_format=file_format,
            progress=lambda done, _rows: progress.update(task, completed=done),
        )  # fmt: skip
    seconds = max(time.monotonic() - began, 0.001)
    say(
        f"{written.files} files, {written.rows} rows of {written.subjects} subjects, {written.refused} wrong on purpose"
    )
    say(f"{seconds:.1f} s, {written.rows / seconds:,.0f} rows/s; {out / MANIFEST}")
