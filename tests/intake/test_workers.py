"""Rows checked by workers: the same outcome as without, in the same order, and nothing lost when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from hub.errors import UnavailableError
from hub.intake import workers as module
from hub.intake.pipeline import IntakeProgress
from hub.intake.workers import WORTH_BYTES, usual_workers

from .intake_world import DOCUMENT, Row, World, penalty, person_penalty, write_csv

ROWS: list[Row] = [
    penalty(n) if n % 3 else person_penalty(n) if n % 2 else penalty(n, **{DOCUMENT: ""})
    for n in range(1, 700)
]


def test_workers_change_nothing_in_what_lands_and_what_does_not(
    world: World, other_world: World, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS)
    alone, helped = world.ingest(path), other_world.ingest(path, worker_count=2)
    assert (alone.inserted, alone.quarantined) == (helped.inserted, helped.quarantined) == (583, 116)
    assert world.facts() == other_world.facts()
    assert alone.quarantine_file is not None
    assert helped.quarantine_file is not None
    assert alone.quarantine_file.read_bytes() == helped.quarantine_file.read_bytes()
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_ends_the_run_and_a_second_run_completes_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS)
    monkeypatch.setattr(module, "PART_ROWS", 16)

    def kill(_: IntakeProgress) -> None:
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(UnavailableError, match="was ended"):
        world.ingest(path, worker_count=1, chunk_rows=64, progress=kill)
    landed = world.rows("SELECT count(*) AS n FROM record")[0]["n"]
    assert 0 < landed < 583
    again = world.ingest(path)
    assert (again.inserted, again.quarantined, again.repeated) == (583, 116, True)
    assert world.rows("SELECT count(*) AS n FROM record")[0]["n"] == 583


def test_only_large_files_get_workers_unasked(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_bytes(b"a")
    with large.open("wb") as file:
        file.truncate(WORTH_BYTES)
    assert usual_workers(small) == 0
    assert usual_workers(large) == module.most_workers()
