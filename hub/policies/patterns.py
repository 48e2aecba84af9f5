"""How a rule names fields: dotted segments, `*` for one segment, and a last `*` for all that follow.

```
financial.loan.balance      exactly this field
financial.loan.*            every field of one dataset
financial.*                 every field of one domain
government.*.amount         the field `amount` of every government dataset (`*` inside: one segment)
*                           every field
```
A star stands for a whole segment: `fin*` is refused, because a prefix that happens to fit opens too much.
"""

from __future__ import annotations

import re

from hub.policies.model import ANY

WELL_FORMED = re.compile(r"(?:\*|[A-Za-z][A-Za-z0-9_]*)(?:\.(?:\*|[A-Za-z][A-Za-z0-9_]*))*")
"""What a pattern may look like."""


def matches(pattern: str, field_id: str) -> bool:
    """Whether a pattern names this field."""
    if ANY not in pattern or pattern == ANY:
        return pattern in (field_id, ANY)
    if pattern.index(ANY) == len(pattern) - 1:
        return len(field_id) >= len(pattern) and field_id.startswith(pattern[:-1])
    return _segments_match(pattern.split("."), field_id.split("."))


def may_touch(pattern: str, dataset: str) -> bool:
    """Whether a pattern can name a field of this dataset; False is certain, True is not."""
    if ANY not in pattern:
        return pattern.startswith(f"{dataset}.")
    segments = pattern.split(".")
    return all(p in (ANY, d) for p, d in zip(segments, dataset.split("."), strict=False))


def naming(field_id: str) -> tuple[str, ...]:
    """Every pattern that names this field, eleven for a field of three segments."""
    open_ended, fronts = [], [""]
    *front, last = field_id.split(".")
    for segment in front:
        open_ended += [f"{f}{ANY}" for f in fronts]
        fronts = [f"{f}{s}." for f in fronts for s in (segment, ANY)]
    open_ended += [f"{f}{ANY}" for f in fronts]
    return (*open_ended, *(f"{f}{last}" for f in fronts))


def _segments_match(pattern: list[str], field: list[str]) -> bool:
    open_end = pattern[-1] == ANY
    if open_end:
        pattern = pattern[:-1]
    if len(field) < len(pattern) + open_end or (not open_end and len(field) != len(pattern)):
        return False
    return all(p in (ANY, f) for p, f in zip(pattern, field, strict=False))
