"""What `hub bench` prints, and what it writes with `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from hub.bench import append, batch, decide, growth, intake, report, review, seal, workers
from hub.bench.measure import Measured, Spread, Summary, spread
from hub.cli.console import say, show_table


def show_decide(outcome: decide.DecideOutcome, json_file: Path | None) -> None:
    """Costs of deciding, or of a change of policy."""
    say(f"{outcome.rules} rules, {outcome.fields} fields; lowest and highest in brackets.")
    show_table(("what", "cost"), [(name, _cell(s, 2)) for name, s in outcome.costs.items()])
    _write(outcome.json(), json_file)


def show_report(outcome: report.Outcome, json_file: Path | None) -> None:
    """The report, three ways."""
    plan, document = outcome.plan, outcome.json()
    answer = outcome.answer
    say(
        f"One report: {answer['leaves']} leaves over {answer['datasets']} datasets, {answer['unsealed']} unsealed, "
        f"{answer['masked']} masked; {plan.subjects} companies."
    )
    _say_machine(document)
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
    if (first := outcome.measured.first_sight.get("hub")) is not None:
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


def show_appends(outcome: append.AppendOutcome, json_file: Path | None) -> None:
    """Appends to the log."""
    say("Durable appends a second; lowest and highest in brackets.")
    show_table(
        ("waiters", "log", "plain inserts", "ratio"),
        [
            (str(n), _cell(s, 0), _cell(outcome.plain[n], 0), f"{s.median / outcome.plain[n].median:.2f}")
            for n, s in outcome.log.items()
        ],
    )
    done = outcome.verified
    say(
        f"verify: {_cell(done.walked, 0)} entries a second over {done.entries:,}; "
        f"inclusion proof: {_cell(done.proof_ms, 2)} ms, consistency proof: {_cell(done.consistency_ms, 2)} ms"
    )
    _write(outcome.json(), json_file)


def show_seal(outcome: seal.SealOutcome, json_file: Path | None) -> None:
    """Sealing of one value."""
    say("Microseconds for one value; lowest and highest in brackets.")
    show_table(("act", "µs"), [(name, _cell(s, 2)) for name, s in outcome.microseconds.items()])
    _write(outcome.json(), json_file)


def show_review(outcome: review.ReviewOutcome, json_file: Path | None) -> None:
    """The officer's questions to a long log."""
    say("Milliseconds until the answer; lowest and highest in brackets.")
    show_table(
        ("entries", "question", "ms"),
        (
            (str(size), name, _cell(s, 1))
            for size, found in outcome.milliseconds.items()
            for name, s in found.items()
        ),
    )
    _write(outcome.json(), json_file)


def show_intake(outcome: intake.IntakeOutcome, json_file: Path | None) -> None:
    """Files taken in, beside COPY."""
    say(f"{outcome.rows:,} rows of three datasets; rows a second, lowest and highest in brackets.")
    rates = {"intake": spread(outcome.intake), "raw COPY": spread(outcome.copy)}
    show_table(("who", "rows/s"), [(name, _cell(rate, 0)) for name, rate in rates.items()])
    say(f"intake : COPY {_cell(outcome.ratio, 3)}; CPU of intake {_optional(outcome.cpu_us, 0)} µs a row")
    if outcome.memory is not None:
        before, peak = outcome.memory.before / 1e6, outcome.memory.peak / 1e6
        say(f"memory of the process: {before:.0f} MB before the first file, {peak:.0f} MB at its highest")
    _write(outcome.json(), json_file)


def show_growth(outcome: growth.Outcome, json_file: Path | None) -> None:
    """The report in small and large databases."""
    plan, document = outcome.plan, outcome.json()
    say(f"The hub's full report; {plan.subjects} companies among the records, drawn at random.")
    _say_machine(document)
    rows = [
        (
            f"{int(name):,}",
            f"{size.subjects:,}",
            *(_gigabytes(n) for n in (size.record_table, size.record_indexes)),
            _gigabytes(size.subject_table + size.subject_indexes),
            f"{outcome.fill_rates[name]:,.0f}",
            "-" if (cached := outcome.cached[name]) is None else f"{cached:.1%}",
        )
        for name, size in outcome.sizes.items()
    ]
    columns = ("records", "subjects", "records GB", "their indexes GB", "subjects GB", "filled/s", "cached")
    show_table(columns, rows)
    say(
        f"cached: share of page reads that PostgreSQL's own cache answered (shared_buffers {outcome.shared_buffers}); "
        "the system's cache answered others."
    )
    say(
        f"Medians of {plan.rounds} rounds of {plan.seconds:g} s, databases in turn; CPU: server, per request."
    )
    _show_measured("records", outcome.measured, plan.connections)
    for name, first in outcome.measured.first_sight.items():
        say(f"first sight of each company, {int(name):,} records: p50 {first.p50_ms:.2f} ms")
    say(f"{plan.records[-1]:,} : {plan.records[0]:,} records (what counts: p50)")
    show_table(
        ("connections", *(name.replace("_", " ") for name in growth.MEASURES)),
        [
            (str(count), *(_optional(outcome.ratio(value, count)) for value in growth.MEASURES.values()))
            for count in plan.connections
        ],
    )
    _write(document, json_file)


def show_workers(outcome: workers.Outcome, json_file: Path | None) -> None:
    """One process beside several."""
    plan, document = outcome.plan, outcome.json()
    say(
        f"The hub's full report from {plan.processes[0]} to {plan.processes[-1]} processes on one database and log."
    )
    _say_machine(document)
    if not outcome.placed:
        say(
            "Database and load generator have no cores of their own here: the ratio says how they share the machine, "
            "and the target of 1.6 is not meant for it."
        )
    say(
        f"Medians of {plan.rounds} rounds of {plan.seconds:g} s, in turn; CPU: all hub processes, per request."
    )
    _show_measured("processes", outcome.measured, plan.connections)
    rows = [
        (
            str(count),
            str(number),
            _optional(outcome.ratio(number, count)),
            _optional(outcome.per_commit.get((str(number), count)), 1),
            _optional(outcome.database_ms.get((str(number), count)), 3),
            "-" if (busy := outcome.database_busy(number, count)) is None else f"{busy:.0%}",
        )
        for count in plan.connections
        for number in plan.processes
    ]
    columns = (
        "connections",
        "processes",
        f"requests/s : {plan.processes[0]}",
        "requests per log commit",
        "PostgreSQL CPU ms",
        "busy",
    )
    show_table(columns, rows)
    _write(document, json_file)


def show_batch(outcome: batch.Outcome, json_file: Path | None) -> None:
    """Many companies by one request."""
    plan, document = outcome.plan, outcome.json()
    say(
        f"{plan.subjects} companies by one request, beside single requests at {plan.connections} connections."
    )
    _say_machine(document)
    say(f"Medians of {plan.rounds} rounds of {plan.repeats * plan.subjects} reports each way, in turn.")
    rows = []
    for name, rate in outcome.subjects_per_second.items():
        memory, latency = outcome.memory[name], spread([s.p50_ms for s in outcome.samples[name]])
        rows.append(
            (
                name,
                _cell(rate, 0),
                f"{latency.median:.1f}",
                _optional(outcome.cpu_ms[name], 3),
                *(f"{n / 1e6:.0f}" if n else "-" for n in (memory and memory.idle, memory and memory.peak)),
                str(sum(s.errors for s in outcome.samples[name])),
            )
        )
    columns = ("who", "companies/s", "p50 ms", "CPU ms per company", "idle MB", "peak MB", "errors")
    show_table(columns, rows)
    say(f"batch : single, companies a second: {_optional(outcome.ratio)}")
    _write(document, json_file)


def _say_machine(document: dict[str, Any]) -> None:
    machine = document["machine"]
    say(f"{machine['cores']} cores, {machine['python']}; {document['placement']}.")


def _show_measured(who: str, measured: Measured, connections: Sequence[int]) -> None:
    rows = [
        _row(f"{int(name):,}", count, by_count[count])
        for count in connections
        for name, by_count in measured.summaries.items()
    ]
    show_table(("connections", who, "requests/s", "p50 ms", "p99 ms", "CPU ms", "errors"), rows)


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.2f}"


def _optional(spread: Spread | None, digits: int = 2) -> str:
    return _cell(spread, digits) if spread else "-"


def _cell(spread: Spread, digits: int) -> str:
    return f"{spread.median:.{digits}f} [{spread.low:.{digits}f} {spread.high:.{digits}f}]"


def _write(document: dict[str, Any], json_file: Path | None) -> None:
    if json_file is not None:
        json_file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        say(f"written: {json_file}")
