"""How fast the log is checked: entries a second of a walk over all of it, and the time of one proof.

Measured over the log that the appends before have filled, in this process. A proof is timed as it is made for a
caller: state read, hashes read, compared with the signed root; entries are picked at random.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from hub.audit.proofs import consistency, proof
from hub.audit.walk import walk
from hub.bench.measure import Spread, spread
from hub.errors import IntegrityError
from hub.keys.note import NoteVerifier
from hub.store.database import Database

PROOFS = 300
"""Proofs of one round."""


@dataclass(frozen=True)
class Verified:
    """What was measured."""

    entries: int
    """Length of the log."""
    walked: Spread
    """Entries a second."""
    proof_ms: Spread
    """Milliseconds of one inclusion proof; the median of each round."""
    consistency_ms: Spread
    """Milliseconds of one consistency proof to the newest tree, likewise."""

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "entries": self.entries,
            "entries_per_second": asdict(self.walked),
            "proof_ms": asdict(self.proof_ms),
            "consistency_ms": asdict(self.consistency_ms),
        }


async def measure(database: Database, verifiers: tuple[NoteVerifier, ...], rounds: int) -> Verified:
    """Measure.

    Raises:
        IntegrityError: when the log does not verify.
    """
    walked: list[float] = []
    proven: list[float] = []
    continued: list[float] = []
    dice = random.Random(1)  # noqa: S311 - which entries are proven is no secret
    entries = 0
    for _ in range(rounds):
        started = perf_counter()
        report = await walk(database, verifiers)
        walked.append(report.entries / (perf_counter() - started))
        if report.findings:
            raise IntegrityError("The log that was measured does not verify.", hint="Report this as a fault.")
        entries = report.entries
        await proof(database, 0)  # the first one stores what the appends left to do
        times = [await _time(proof(database, dice.randrange(entries))) for _ in range(PROOFS)]
        proven.append(sorted(times)[PROOFS // 2] * 1000)
        olds = [dice.randrange(1, entries + 1) for _ in range(PROOFS)]
        times = [await _time(consistency(database, old, entries)) for old in olds]
        continued.append(sorted(times)[PROOFS // 2] * 1000)
    return Verified(entries, spread(walked), spread(proven), spread(continued))


async def _time(made: Awaitable[object]) -> float:
    started = perf_counter()
    await made
    return perf_counter() - started
