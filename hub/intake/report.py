"""What a run of intake tells: how far it is, and what became of the supply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hub.intake.faults import Fault


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of a file. `rows` = inserted + updated + unchanged + quarantined."""

    batch_id: str
    dataset: str
    source_unit: str
    """USCC of the unit that supplied the file."""
    rows: int
    """Data rows of the file that are not blank."""
    inserted: int
    updated: int
    unchanged: int
    quarantined: int
    quarantine_file: Path | None
    """Where the refused rows are; None when none was."""
    repeated: bool
    """Whether an earlier run of the same file had been cut off."""
    findings: tuple[Fault, ...] = ()
    """The first faults of refused rows, as many as were asked for, in the order of the file."""


@dataclass(frozen=True, slots=True)
class IntakeProgress:
    """How far a run is."""

    rows: int
    total: int | None
    """Data rows of the file; None when only reading can tell."""
    inserted: int
    updated: int
    unchanged: int
    quarantined: int


Progress = Callable[[IntakeProgress], None]
Record = Callable[[IntakeReport], Awaitable[None]]
"""Records that a file was taken in; when it raises, the batch stays unfinished."""


def entry_detail(report: IntakeReport) -> dict[str, str | int]:
    """What an entry of the audit log says about a file: ids and counts, never a value."""
    return {
        "batch": report.batch_id,
        "dataset": report.dataset,
        "sourceUnit": report.source_unit,
        "inserted": report.inserted,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "quarantined": report.quarantined,
    }
