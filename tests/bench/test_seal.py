"""Sealing: every act is measured."""

from datetime import UTC, datetime
from pathlib import Path

from hub.bench.seal import run
from hub.keys.ring import create_ring


def test_every_act_is_measured(tmp_path: Path):
    ring = create_ring(tmp_path / "ring", demo=True, now=datetime(2026, 11, 20, tzinfo=UTC))
    document = run(ring, repeats=20, rounds=2).json()
    assert set(document["microseconds"]) == {"unseal", "seal", "bare decrypt", "open data key"}
    assert document["ratios"]["unseal_to_bare"] > 0
