"""`hub bench seal`: what sealing and unsealing one value costs, beside the bare cipher.

The bare cipher is `cryptography`'s AES-256-GCM with key, nonce and additional data at hand. The difference is
base64, the check of key commitment and canonical form, and the call itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from hub.bench import machine
from hub.bench.measure import Spread, spread
from hub.keys.ring import KeyRing
from hub.keys.sealing import aad
from hub.keys.suites import NONCE_BYTES, Suite, aead, key_bytes

_SUBJECT = bytes(range(16))
_VALUE = b"150000000"
_PLACE = aad(_SUBJECT, "financial.loan", bytes(16), 1, "balance")


@dataclass(frozen=True)
class SealOutcome:
    """Microseconds of each act."""

    microseconds: dict[str, Spread]

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        medians = {name: s.median for name, s in self.microseconds.items()}
        return {
            "ratios": {"unseal_to_bare": round(medians["unseal"] / medians["bare decrypt"], 3)},
            "microseconds": {name: {"median": s.median, "low": s.low, "high": s.high}
                             for name, s in self.microseconds.items()},
            "machine": machine.facts(),
        }  # fmt: skip


def run(ring: KeyRing, *, repeats: int = 20_000, rounds: int = 5) -> SealOutcome:
    """Measure.

    Args:
        ring: any key ring; nothing is stored.
        repeats: acts of one measurement.
        rounds: how often each act is measured, in turn.
    """
    sealer = ring.sealer()
    kek_id, wrapped = sealer.new_data_key(_SUBJECT)
    key = sealer.open_data_key(_SUBJECT, kek_id, wrapped)
    token = key.seal(_PLACE, _VALUE)
    cipher, nonce = aead(Suite.AES_256_GCM, os.urandom(key_bytes(Suite.AES_256_GCM))), os.urandom(NONCE_BYTES)
    bare = cipher.encrypt(nonce, _VALUE, _PLACE)
    acts: dict[str, tuple[Callable[[], Any], int]] = {
        "unseal": (lambda: key.unseal(_PLACE, token), repeats),
        "seal": (lambda: key.seal(_PLACE, _VALUE), repeats),
        "bare decrypt": (lambda: cipher.decrypt(nonce, bare, _PLACE), repeats),
        "open data key": (lambda: sealer.open_data_key(_SUBJECT, kek_id, wrapped), max(1, repeats // 20)),
    }
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, (act, times) in acts.items():
            started = perf_counter()
            for _ in range(times):
                act()
            found[name].append((perf_counter() - started) / times * 1_000_000)
    return SealOutcome({name: spread(values) for name, values in found.items()})
