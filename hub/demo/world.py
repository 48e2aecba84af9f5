"""What every maker of records is handed: seed, today's date, institutions, and chance that repeats itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from hub.demo.institutions import Institutions


@dataclass(frozen=True, slots=True)
class World:
    """One synthetic world."""

    seed: int
    today: date
    institutions: Institutions

    def rng(self, topic: str, index: int) -> Random:
        """The source of chance of one topic of one subject; the same for the same seed, always."""
        return Random(f"{self.seed}:{topic}:{index}")  # noqa: S311


@dataclass(frozen=True, slots=True)
class Mix:
    """Codes to pick from, with cumulative weights."""

    codes: tuple[str, ...]
    cumulative: tuple[float, ...]

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Mix:
        """A mix from weights by code."""
        return cls(tuple(weights), tuple(accumulate(weights.values())))

    def pick(self, rng: Random) -> str:
        """A code by weight."""
        return rng.choices(self.codes, cum_weights=self.cumulative)[0]


def poisson(rng: Random, mean: float) -> int:
    """A Poisson number (Knuth's method, for small means)."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def day_between(rng: Random, first: date, last: date) -> date:
    """A day from `first` to `last`, both possible; `first` when the two are crossed."""
    return first + timedelta(days=int(rng.random() * max(1, (last - first).days + 1)))


def round_fen(yuan: float, step: int) -> int:
    """An amount in 分, from one in 元 rounded to a multiple of `step` 元 (at least one step)."""
    return max(1, round(yuan / step)) * step * 100
