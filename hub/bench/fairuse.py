"""Policies for a run: those in force, with caps on reading that no run can reach.

A company's report is read some hundred thousand times within minutes, which no fair-use template allows. The copy
differs from the policies in these figures alone; every read is still decided, checked and counted.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

FILE = "fair_use.toml"
FACTOR = 1_000_000
_SMALL = 1_000
"""Caps below are multiplied by a million; to others a thousand millions are added, which keeps them apart, in their
order, and small enough to be counted in four bytes."""
SUBJECTS = 1_000
"""Subjects in one request, in every template: the most that the hub takes at all."""
_CAP = re.compile(r"\b(most\s*=\s*)([0-9_]+)")
_SUBJECTS = re.compile(r"^(subjects_per_request\s*=\s*)[0-9_]+", re.MULTILINE)


def ample(source: Path, target: Path) -> Path:
    """Copy a policy folder with its caps raised.

    Args:
        source: the policies.
        target: a folder that does not exist yet.

    Returns:
        The new folder.
    """
    shutil.copytree(source, target)
    file = target / FILE
    if file.exists():
        file.write_text(raised(file.read_text(encoding="utf-8")), encoding="utf-8")
    return target


def raised(text: str) -> str:
    """Fair-use templates with caps on reading that are never reached, and as many subjects as a request can hold."""
    text = _CAP.sub(lambda m: f"{m[1]}{_raised(int(m[2]))}", text)
    return _SUBJECTS.sub(lambda m: f"{m[1]}{SUBJECTS}", text)


def _raised(cap: int) -> int:
    return cap * FACTOR if cap < _SMALL else cap + _SMALL * FACTOR
