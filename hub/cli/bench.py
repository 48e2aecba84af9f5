"""`hub bench`: measure this machine; the numbers that count are the ratios."""

from __future__ import annotations

import functools
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hub.app import load_rules
from hub.bench import append, decide, report, seal
from hub.bench.measure import Spread, Summary
from hub.bench.setup import workspace
from hub.cli.console import say, show_table
from hub.cli.group import NOT_VERIFIED
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import InputError
from hub.keys.ring import create_ring

_WAITERS = (1, 16, 64, 256)


class Subject(StrEnum):
    """What is measured."""

    REPORT = "report"
    AUDIT = "audit"
    SEAL = "seal"
    DECIDE = "decide"
    POLICY = "policy"


def bench(
    subject: Annotated[
        Subject,
        typer.Argument(
            help="report: the whole request; audit: appends; seal: sealing of values; "
            "decide: decisions under 100,000 rules; policy: a change of policy."
        ),
    ] = Subject.REPORT,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer companies, shorter, 16 connections only.")
    ] = False,
    connections: Annotated[str, typer.Option(help="Numbers of connections, with commas.")] = "1,16,64",
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of one measurement.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    subjects: Annotated[int, typer.Option(min=1, help="Companies to load.")] = 600,
    only: Annotated[
        str, typer.Option(help="Contestants, with commas: floor, stock, hub.")
    ] = "floor,stock,hub",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything measured there.")] = None,
) -> None:
    """Measure the hub beside the least an endpoint can do, and beside stock Strawberry.

    A database of its own is made for the run and dropped afterwards; no other one is touched.

    Exit code 0: measured; 1: measured, but some answers were wrong.
    """
    settings = Settings.from_environment()
    progress = functools.partial(say, stderr=True)
    if subject in (Subject.DECIDE, Subject.POLICY):
        _show_decide(_decide(settings, subject, rounds, quick=quick), json_file)
    elif subject is Subject.SEAL:
        _show_seal(_seal(rounds, quick=quick), json_file)
    elif subject is Subject.AUDIT:
        waiters, seconds, rounds = ((16, 256), 1.0, 1) if quick else (_WAITERS, seconds, rounds)
        appended = append.run(
            settings, SystemClock(), waiters=waiters, seconds=seconds, rounds=rounds, say=progress
        )
        _show_appends(appended, json_file)
    else:
        plan = report.Plan(_numbers(connections), seconds, rounds, subjects, tuple(only.split(",")))
        if quick:
            plan = report.Plan((report.HEADLINE,), 1.0, 2, 100, plan.only)
        outcome = report.run(settings, SystemClock(), plan, progress)
        _show_report(outcome, json_file)
        if outcome.measured.errors:
            say(f"wrong answers, for example: {outcome.measured.sample_of_error}", stderr=True)
            raise typer.Exit(NOT_VERIFIED)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError("--connections is not a list of numbers.", hint="Write 1,16,64.") from None


def _seal(rounds: int, *, quick: bool) -> seal.SealOutcome:
    with workspace() as folder:
        ring = create_ring(folder / "ring", demo=True, now=SystemClock().now())
        return seal.run(ring, repeats=2_000 if quick else 20_000, rounds=rounds)


def _decide(settings: Settings, subject: Subject, rounds: int, *, quick: bool) -> decide.DecideOutcome:
    rules = load_rules(settings)
    if subject is Subject.POLICY:
        return decide.run_policy(rules, rounds=rounds)
    return decide.run_decide(rules, count=decide.RULES // 10 if quick else decide.RULES, rounds=rounds)


def _show_decide(outcome: decide.DecideOutcome, json_file: Path | None) -> None:
    say(f"{outcome.rules} rules, {outcome.fields} fields; lowest and highest in brackets.")
    show_table(("what", "cost"), [(name, _cell(s, 2)) for name, s in outcome.costs.items()])
    _write(outcome.json(), json_file)


def _show_report(outcome: report.Outcome, json_file: Path | None) -> None:
    plan, document = outcome.plan, outcome.json()
    machine, answer = document["machine"], outcome.answer
    say(
        f"One report: {answer['leaves']} leaves over {answer['datasets']} datasets, {answer['unsealed']} unsealed, "
        f"{answer['masked']} masked; {plan.subjects} companies."
    )
    say(f"{machine['cores']} cores, {machine['python']}; {outcome.placement.text()}.")
    say(
        f"Medians of {plan.rounds} rounds of {plan.seconds:g} s, contestants in turn; CPU: server, per request."
    )
    rows = [
        _row(name, count, summary)
        for count in plan.connections
        for name, by_count in outcome.measured.summaries.items()
        for summary in (by_count[count],)
    ]
    show_table(("connections", "who", "requests/s", "p50 ms", "p99 ms", "CPU ms", "errors"), rows)
    if (first := outcome.measured.first_sight) is not None:
        cpu = f", {first.cpu_ms:.2f} ms CPU" if first.cpu_ms is not None else ""
        say(
            f"hub, first sight of each company, consent and token: {first.requests_per_second:.0f} requests/s{cpu}"
        )
    _show_ratios(document["ratios"], plan.headline)
    _write(document, json_file)


def _row(name: str, count: int, summary: Summary) -> tuple[str, ...]:
    return (
        str(count),
        name,
        _cell(summary.requests_per_second, 0),
        f"{summary.p50_ms.median:.2f}",
        f"{summary.p99_ms.median:.2f}",
        f"{summary.cpu_ms.median:.3f}" if summary.cpu_ms else "-",
        str(summary.errors),
    )


def _show_ratios(ratios: dict[str, Any], headline: int) -> None:
    by_count = ratios["by_connections"]
    for other in ("floor", "stock"):
        names = (f"hub_to_{other}", f"p99_hub_to_{other}", f"cpu_hub_to_{other}")
        rows = [
            (count, *(f"{found[n]:.2f}" if n in found else "-" for n in names))
            for count, found in by_count.items()
            if names[0] in found
        ]
        if rows:
            say(f"hub : {other} (what counts: {headline} connections)")
            show_table(("connections", "requests/s", "p99", "CPU per request"), rows)


def _show_appends(outcome: append.AppendOutcome, json_file: Path | None) -> None:
    say("Durable appends a second; lowest and highest in brackets.")
    show_table(
        ("waiters", "log", "plain inserts", "ratio"),
        [
            (str(n), _cell(s, 0), _cell(outcome.plain[n], 0), f"{s.median / outcome.plain[n].median:.2f}")
            for n, s in outcome.log.items()
        ],
    )
    _write(outcome.json(), json_file)


def _show_seal(outcome: seal.SealOutcome, json_file: Path | None) -> None:
    say("Microseconds for one value; lowest and highest in brackets.")
    show_table(("act", "µs"), [(name, _cell(s, 2)) for name, s in outcome.microseconds.items()])
    _write(outcome.json(), json_file)


def _cell(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} [{spread.low:.{digits}f} {spread.high:.{digits}f}]"


def _write(document: dict[str, Any], json_file: Path | None) -> None:
    if json_file is not None:
        json_file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        say(f"written: {json_file}")
