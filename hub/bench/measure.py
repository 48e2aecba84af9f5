"""Measurements in turn: every round measures every contestant at every number of connections.

- All servers are up the whole time; only one is asked at a time. The order within a round rotates, so that no
  contestant always comes first or right after another one.
- What is reported is the median over the rounds, with the lowest and highest beside it; ratios are medians of
  the ratios within single rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from hub.bench.processes import GeneratorProcess, ServerProcess

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Sample:
    """One measurement."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float | None
    """Server CPU per request in milliseconds, user and system; None where the system does not tell."""
    requests: int
    errors: int
    answer_bytes: int


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest over the rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """All rounds of one contestant at one number of connections."""

    requests_per_second: Spread
    p50_ms: Spread
    p99_ms: Spread
    cpu_ms: Spread | None
    requests: int
    errors: int
    answer_bytes: int


@dataclass
class Measured:
    """Everything that was measured: contestant, then connections."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)
    first_sight: Sample | None = None
    """The hub's first pass: each company, consent and token new to the process."""
    sample_of_error: str = ""

    @property
    def errors(self) -> int:
        """Answers that were wrong."""
        return sum(sample.errors for rounds in self.samples.values() for sample in rounds)

    @property
    def summaries(self) -> dict[str, dict[int, Summary]]:
        """Summaries by contestant, then by number of connections."""
        found: dict[str, dict[int, Summary]] = {}
        for (name, count), rounds in self.samples.items():
            found.setdefault(name, {})[count] = summarise(rounds)
        return found

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "contestants": {
                name: {str(count): asdict(summary) for count, summary in by.items()}
                for name, by in self.summaries.items()
            },
            "first_sight": asdict(self.first_sight) if self.first_sight else None,
        }


Progress = Callable[[str], None]


def measure(
    servers: Sequence[ServerProcess],
    generator: GeneratorProcess,
    *,
    connections: Sequence[int],
    seconds: float,
    rounds: int,
    say: Progress,
) -> Measured:
    """Measure; the generator holds the requests of every server already.

    Args:
        servers: the contestants, up.
        generator: the load generator.
        connections: numbers of connections to measure at.
        seconds: length of one measurement.
        rounds: how often each is measured.
        say: told what is being done.
    """
    measured = Measured()
    for server in servers:
        say(f"warming up {server.name}")
        result = generator.tell(_command("once", server, 16))
        if server.name == "hub":
            measured.first_sight = _sample(result)
        measured.sample_of_error = measured.sample_of_error or result["sample"]
    for number in range(rounds):
        for count in connections:
            for server in _rotated(servers, number):
                say(f"round {number + 1} of {rounds}: {server.name} at {count} connections")
                result = generator.tell(
                    {**_command("run", server, count), "seconds": seconds, "warmup": WARM_UP_SECONDS}
                )
                measured.samples.setdefault((server.name, count), []).append(_sample(result))
                measured.sample_of_error = measured.sample_of_error or result["sample"]
    return measured


def summarise(samples: Sequence[Sample]) -> Summary:
    """Medians and ranges of some measurements."""
    cpu = [s.cpu_ms for s in samples if s.cpu_ms is not None]
    return Summary(
        spread([s.requests_per_second for s in samples]),
        spread([s.p50_ms for s in samples]),
        spread([s.p99_ms for s in samples]),
        spread(cpu) if len(cpu) == len(samples) else None,
        sum(s.requests for s in samples),
        sum(s.errors for s in samples),
        samples[-1].answer_bytes,
    )


def ratios(samples: Mapping[tuple[str, int], Sequence[Sample]], headline: int) -> dict[str, Any]:
    """The ratios between contestants, by number of connections and at the headline number.

    Each is the median of the ratios of single rounds: what slows the whole machine down for a while then
    weighs on both sides alike.

    Args:
        samples: measurements by contestant and number of connections, in the order of the rounds.
        headline: the number of connections whose ratios stand first.
    """
    by_count: dict[str, dict[str, float]] = {}
    for count in dict.fromkeys(count for _, count in samples):
        found = _ratios({name: rounds for (name, at), rounds in samples.items() if at == count})
        if found:
            by_count[str(count)] = found
    return {**by_count.get(str(headline), {}), "by_connections": by_count}


def _ratios(at: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
    found: dict[str, float | None] = {}
    for other in ("floor", "stock"):
        if "hub" in at and other in at:
            pairs = list(zip(at["hub"], at[other], strict=True))
            found[f"hub_to_{other}"] = _median(pairs, lambda s: s.requests_per_second)
            found[f"p99_hub_to_{other}"] = _median(pairs, lambda s: s.p99_ms)
            found[f"cpu_hub_to_{other}"] = _median(pairs, lambda s: s.cpu_ms or 0.0)
    return {name: value for name, value in found.items() if value is not None}


def _median(pairs: Sequence[tuple[Sample, Sample]], value: Callable[[Sample], float]) -> float | None:
    quotients = [value(one) / value(other) for one, other in pairs if value(one) and value(other)]
    return round(median(quotients), 3) if quotients else None


def _command(do: str, server: ServerProcess, connections: int) -> dict[str, Any]:
    return {"do": do, "name": server.name, "port": server.port, "pid": server.pid, "connections": connections}


def _sample(result: Mapping[str, Any]) -> Sample:
    done = result["requests"]
    cpu = result["cpu_seconds"]
    return Sample(
        done / result["seconds"],
        result["p50_ms"] or 0.0,
        result["p99_ms"] or 0.0,
        cpu * 1000 / done if cpu is not None and done else None,
        done,
        result["errors"],
        result["bytes"],
    )


def spread(values: Sequence[float]) -> Spread:
    """Median, lowest and highest of some numbers."""
    return Spread(median(values), min(values), max(values))


def _rotated(servers: Sequence[ServerProcess], by: int) -> list[ServerProcess]:
    shift = by % len(servers)
    return [*servers[shift:], *servers[:shift]]
