"""Measurements in turn: every round measures every contestant at every number of connections.

- All servers are up the whole time; only one contestant is asked at a time. The order within a round rotates, so
  that no contestant always comes first or right after another one.
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
WARM_UP_CONNECTIONS = 16


@dataclass(frozen=True)
class Contestant:
    """Who is measured: a server, or several among which the connections are dealt out."""

    name: str
    servers: tuple[ServerProcess, ...]

    def command(self, do: str, connections: int) -> dict[str, Any]:
        """A command to the load generator, which holds the requests under this name."""
        return {
            "do": do,
            "name": self.name,
            "ports": [server.port for server in self.servers],
            "pids": [server.pid for server in self.servers],
            "connections": connections,
        }


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
    first_sight: dict[str, Sample] = field(default_factory=dict)
    """The first pass by contestant: each company, consent and token new to the process."""
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
            "first_sight": {name: asdict(sample) for name, sample in self.first_sight.items()},
        }


Progress = Callable[[str], None]
Watch = Callable[[str, int], None]
"""Called with contestant and connections right after a measurement."""


def measure(
    contestants: Sequence[Contestant],
    generator: GeneratorProcess,
    *,
    connections: Sequence[int],
    seconds: float,
    rounds: int,
    say: Progress,
    random: bool = False,
    watch: Watch = lambda _name, _connections: None,
) -> Measured:
    """Measure; the generator holds the requests of every contestant already.

    Args:
        contestants: their servers are up.
        generator: the load generator.
        connections: numbers of connections to measure at.
        seconds: length of one measurement.
        rounds: how often each is measured.
        say: told what is being done.
        random: draw the requests at random, each round others, the same ones for every contestant.
        watch: told of every measurement when it is over, the warming up too (with no connections).
    """
    measured = Measured()
    for contestant in contestants:
        say(f"warming up {contestant.name}")
        result = generator.tell(contestant.command("once", WARM_UP_CONNECTIONS))
        measured.first_sight[contestant.name] = sample_of(result)
        measured.sample_of_error = measured.sample_of_error or result["sample"]
        watch(contestant.name, 0)
    for number in range(rounds):
        time = {"seconds": seconds, "warmup": WARM_UP_SECONDS, "seed": number if random else None}
        for count in connections:
            for contestant in rotated(contestants, number):
                say(f"round {number + 1} of {rounds}: {contestant.name} at {count} connections")
                result = generator.tell({**contestant.command("run", count), **time})
                measured.samples.setdefault((contestant.name, count), []).append(sample_of(result))
                measured.sample_of_error = measured.sample_of_error or result["sample"]
                watch(contestant.name, count)
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
    found: dict[str, Spread | None] = {}
    for other in ("floor", "stock"):
        if "hub" in at and other in at:
            one, two = at["hub"], at[other]
            found[f"hub_to_{other}"] = ratio(one, two, lambda s: s.requests_per_second)
            found[f"p99_hub_to_{other}"] = ratio(one, two, lambda s: s.p99_ms)
            found[f"cpu_hub_to_{other}"] = ratio(one, two, lambda s: s.cpu_ms or 0.0)
    return {name: round(value.median, 3) for name, value in found.items() if value is not None}


def ratio(one: Sequence[Sample], other: Sequence[Sample], value: Callable[[Sample], float]) -> Spread | None:
    """Median, lowest and highest of the ratios within single rounds; None when there is nothing to divide.

    Args:
        one: rounds above the line.
        other: rounds below it, in the same order.
        value: what of a measurement is compared; 0 when it is not known.
    """
    pairs = zip(one, other, strict=True)
    quotients = [value(a) / value(b) for a, b in pairs if value(a) and value(b)]
    return spread(quotients) if quotients else None


def sample_of(result: Mapping[str, Any]) -> Sample:
    """What the load generator says, as a measurement."""
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


def rotated(contestants: Sequence[Contestant], by: int) -> list[Contestant]:
    """The contestants beginning with another one in each round."""
    shift = by % len(contestants)
    return [*contestants[shift:], *contestants[:shift]]
