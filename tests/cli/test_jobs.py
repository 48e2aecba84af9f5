"""The recurring work in one command: everything runs, one failure keeps nothing else from running."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.cli import jobs
from hub.cli.desk import Desk
from hub.cli.jobs import Job
from hub.errors import UnavailableError

from .conftest import Shell

EVENING = datetime(2026, 11, 21, 15, 55, tzinfo=UTC)
"""Five minutes before midnight in China."""


class _Clock:
    def __init__(self) -> None:
        self.at = EVENING

    def now(self) -> datetime:
        return self.at


def _desk(clock: _Clock) -> Desk:
    return cast("Desk", SimpleNamespace(clock=clock))


def _job(name: str, did: list[str], *, fails: bool = False) -> Job:
    async def run(_desk: Any) -> str:
        did.append(name)
        if fails:
            raise UnavailableError("The database is away.", hint="Try again shortly.")
        return "1 done"

    return Job(name, run)


def test_one_command_does_all_the_work_that_recurs_and_each_act_is_logged(shell: Shell) -> None:
    lines = shell.done("jobs").splitlines()
    names = [line.split("  ")[1].split(":")[0] for line in lines]
    assert names == [
        "recall sweep", "records notify", "emergency tell", "records purge", "audit detect", "client check", "recall deliver",
    ]  # fmt: skip
    assert shell.done("recall", "sweep").strip() in lines[0]
    assert shell.done("records", "notify").strip() in lines[1]
    assert shell.done("emergency", "tell").strip() in lines[2]
    assert shell.done("records", "purge").strip() in lines[3]


def test_a_job_that_fails_does_not_keep_the_next_from_running(capsys: pytest.CaptureFixture[str]) -> None:
    did: list[str] = []
    wanted = [_job("first", did, fails=True), _job("second", did)]
    assert asyncio.run(jobs.run_all(_desk(_Clock()), wanted)) is False
    assert did == ["first", "second"]
    said = capsys.readouterr()
    assert "first: not done" in said.err
    assert "The database is away." in said.err
    assert "second: 1 done" in said.out


def test_a_watch_does_the_daily_work_once_and_posts_until_the_civil_day_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did: list[str] = []
    clock = _Clock()

    async def wait(seconds: float) -> None:
        clock.at += timedelta(seconds=seconds)

    monkeypatch.setattr(jobs, "DAILY", (_job("daily", did),))
    monkeypatch.setattr(jobs, "OFTEN", (_job("often", did),))
    asyncio.run(jobs.watch_day(_desk(clock), wait))
    assert did == ["daily", *["often"] * 5]


def test_a_watch_whose_job_failed_waits_before_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(jobs, "DAILY", (_job("daily", did, fails=True),))
    monkeypatch.setattr(jobs, "OFTEN", (_job("often", did),))
    asyncio.run(jobs.watch_day(_desk(_Clock()), wait))
    assert (did, waited) == (["daily"], [jobs.POSTING_SECONDS])
