"""`hub bench`: measure this machine; the numbers that count are the ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.bench import append, batch, decide, growth, intake, report, review, seal, workers
from hub.bench.setup import workspace
from hub.cli import bench_tables
from hub.cli.console import say
from hub.cli.group import NOT_VERIFIED
from hub.clock import Clock, SystemClock
from hub.config import Settings
from hub.errors import InputError
from hub.keys.ring import create_ring
from hub.loading import load_rules

_WAITERS = (1, 16, 64, 256, 512)
_SUBJECTS = 600
_QUICK_SUBJECTS = 100


class Subject(StrEnum):
    """What is measured."""

    REPORT = "report"
    GROWTH = "growth"
    PROCESSES = "processes"
    BATCH = "batch"
    INTAKE = "intake"
    AUDIT = "audit"
    SEAL = "seal"
    DECIDE = "decide"
    POLICY = "policy"
    REVIEW = "review"


def bench(
    subject: Annotated[
        Subject,
        typer.Argument(
            help="report: the whole request; growth: the same in a large database; processes: by several processes; "
            "batch: 1,000 companies at once; intake: files taken in; audit: appends; seal: sealing of values; "
            "decide: decisions under 100,000 rules; policy: a change of policy; "
            "review: the officer's questions to a long log."
        ),
    ] = Subject.REPORT,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer companies and records, shorter; 16 connections only.")
    ] = False,
    connections: Annotated[
        str | None,
        typer.Option(
            help="Numbers of connections, with commas; report: 1,16,64, growth: 1,16, processes: 16,64, batch: 16."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of one measurement.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    subjects: Annotated[int | None, typer.Option(min=1, help="Companies to load; 600, batch: 1000.")] = None,
    only: Annotated[
        str, typer.Option(help="report: contestants, with commas: floor, stock, hub.")
    ] = "floor,stock,hub",
    records: Annotated[
        str | None,
        typer.Option(help="sizes of the databases, with commas; growth: 100000,10000000, review: 1000000."),
    ] = None,
    processes: Annotated[str, typer.Option(help="processes: numbers of hub processes, with commas.")] = "1,2",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything measured there.")] = None,
) -> None:
    """Measure the hub beside the least an endpoint can do, beside stock Strawberry, and beside itself.

    Databases of its own are made for the run and dropped afterwards; no other one is touched.

    Exit code 0: measured; 1: measured, but some answers were wrong.
    """
    options = _Options(
        quick, connections, seconds, rounds, subjects, tuple(only.split(",")), records, processes, json_file
    )
    errors, sample = _RUNS[subject](Settings.from_environment(), SystemClock(), options)
    if errors:
        say(f"wrong answers, for example: {sample}", stderr=True)
        raise typer.Exit(NOT_VERIFIED)


@dataclass(frozen=True)
class _Options:
    """What was given on the command line."""

    quick: bool
    connections: str | None
    seconds: float
    rounds: int
    subjects: int | None
    only: tuple[str, ...]
    records: str | None
    processes: str
    json_file: Path | None

    @property
    def time(self) -> tuple[float, int]:
        """Seconds of a measurement, and rounds."""
        return (1.0, 2) if self.quick else (self.seconds, self.rounds)

    def companies(self, usual: int = _SUBJECTS) -> int:
        """Companies to load."""
        return self.subjects or (_QUICK_SUBJECTS if self.quick else usual)

    def counts(self, usual: tuple[int, ...], quick: tuple[int, ...]) -> tuple[int, ...]:
        """Numbers of connections."""
        if self.connections:
            return _numbers(self.connections, "--connections")
        return quick if self.quick else usual


_Wrong = tuple[int, str]
"""How many answers were wrong, and the beginning of the first of them."""


def _report(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    plan = report.Plan(
        options.counts((1, 16, 64), (report.HEADLINE,)), *options.time, options.companies(), options.only
    )
    outcome = report.run(settings, clock, plan, _tell)
    bench_tables.show_report(outcome, options.json_file)
    return outcome.measured.errors, outcome.measured.sample_of_error


def _growth(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    usual = (100_000, 1_000_000) if options.quick else (100_000, 10_000_000)
    sizes = _numbers(options.records, "--records") if options.records else usual
    counts = options.counts((1, report.HEADLINE), (1, report.HEADLINE))
    outcome = growth.run(
        settings, clock, growth.Plan(sizes, counts, *options.time, options.companies()), _tell
    )
    bench_tables.show_growth(outcome, options.json_file)
    return outcome.measured.errors, outcome.measured.sample_of_error


def _processes(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    numbers = _numbers(options.processes, "--processes")
    counts = options.counts((report.HEADLINE, 64), (report.HEADLINE,))
    outcome = workers.run(
        settings, clock, workers.Plan(numbers, counts, *options.time, options.companies()), _tell
    )
    bench_tables.show_workers(outcome, options.json_file)
    return outcome.measured.errors, outcome.measured.sample_of_error


def _batch(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    connections = options.counts((report.HEADLINE,), (report.HEADLINE,))[0]
    rounds, repeats = options.time[1], 1 if options.quick else 3
    plan = batch.Plan(options.companies(batch.MOST_SUBJECTS), connections, repeats, rounds)
    outcome = batch.run(settings, clock, plan, _tell)
    bench_tables.show_batch(outcome, options.json_file)
    return outcome.errors, outcome.sample_of_error


def _intake(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    rows, rounds = (10_000, 2) if options.quick else (intake.ROWS, options.rounds)
    outcome = intake.run(settings, clock, rows=rows, rounds=rounds, say=_tell)
    bench_tables.show_intake(outcome, options.json_file)
    return 0, ""


def _audit(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    waiters = _WAITERS[1::2] if options.quick else _WAITERS
    seconds, rounds = (1.0, 1) if options.quick else (options.seconds, options.rounds)
    appended = append.run(settings, clock, waiters=waiters, seconds=seconds, rounds=rounds, say=_tell)
    bench_tables.show_appends(appended, options.json_file)
    return 0, ""


def _seal(_settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    with workspace() as folder:
        ring = create_ring(folder / "ring", demo=True, now=clock.now())
        outcome = seal.run(ring, repeats=2_000 if options.quick else 20_000, rounds=options.rounds)
    bench_tables.show_seal(outcome, options.json_file)
    return 0, ""


def _decide(settings: Settings, _clock: Clock, options: _Options) -> _Wrong:
    count = decide.RULES // 10 if options.quick else decide.RULES
    outcome = decide.run_decide(load_rules(settings), count=count, rounds=options.rounds)
    bench_tables.show_decide(outcome, options.json_file)
    return 0, ""


def _policy(settings: Settings, _clock: Clock, options: _Options) -> _Wrong:
    outcome = decide.run_policy(load_rules(settings), rounds=options.rounds)
    bench_tables.show_decide(outcome, options.json_file)
    return 0, ""


def _review(settings: Settings, clock: Clock, options: _Options) -> _Wrong:
    sizes = _numbers(options.records or ("100000" if options.quick else "1000000"), "--records")
    outcome = review.run(settings, clock, sizes=sizes, repeats=5 if options.quick else 20, say=_tell)
    bench_tables.show_review(outcome, options.json_file)
    return 0, ""


_RUNS: Mapping[Subject, Callable[[Settings, Clock, _Options], _Wrong]] = {
    Subject.REPORT: _report,
    Subject.GROWTH: _growth,
    Subject.PROCESSES: _processes,
    Subject.BATCH: _batch,
    Subject.INTAKE: _intake,
    Subject.AUDIT: _audit,
    Subject.SEAL: _seal,
    Subject.DECIDE: _decide,
    Subject.POLICY: _policy,
    Subject.REVIEW: _review,
}


def _tell(text: str) -> None:
    say(text, stderr=True)


def _numbers(text: str, option: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} is not a list of numbers.", hint="Write 1,2 for example.") from None
