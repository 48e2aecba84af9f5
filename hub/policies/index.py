"""Rules found by role, purpose and pattern, so that a decision costs the same however many rules there are.

- Of the rules that share role, purpose, kind and pattern, only the strongest opening and the strongest shutting
  of each level can ever decide: the most open opening, the least open shutting, the first in the file among
  equals. All others are dropped when the index is built.
- A field is named by few patterns (`hub.policies.patterns.naming`), so its rules are looked up, not searched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.catalog.types import SubjectKind
from hub.policies.model import ANY, Effect, Rule
from hub.policies.rows import MAX_LEVEL

Found = tuple[int, Rule]
"""A rule and its place in the file."""
Cell = list[Found | None]
"""Strongest rules for a pattern: openings of the levels 1 to 5, then shuttings of the levels 1 to 5."""
Cells = dict[str, Cell]
"""By pattern."""

_ALL_KINDS = tuple(kind.value for kind in SubjectKind)


class RuleIndex:
    """All rules of one policy."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._cells: dict[tuple[str, str, str], Cells] = {}
        for place, rule in enumerate(rules):
            for kind in _ALL_KINDS if rule.kind == ANY else (rule.kind,):
                cells = self._cells.setdefault((rule.role, rule.purpose, kind), {})
                cell = cells.get(rule.pattern)
                if cell is None:
                    cell = cells[rule.pattern] = [None] * (2 * MAX_LEVEL)
                _enter(cell, place, rule)

    def near(self, roles: Iterable[str], purpose: str, kind: SubjectKind) -> Near:
        """The rules that speak to these roles (inherited ones included), this purpose and this kind."""
        keys = ((role, p, kind.value) for role in roles for p in (purpose, ANY))
        return Near([found for key in keys if (found := self._cells.get(key))])


@dataclass(frozen=True, slots=True)
class Near:
    """The rules that can decide one table."""

    parts: list[Cells]

    def strongest(self, patterns: Iterable[str], level: int) -> tuple[Rule | None, Rule | None]:
        """The opening and the shutting rule that count for a field.

        Args:
            patterns: all patterns that name the field.
            level: its sensitivity level, 1 to 5.
        """
        opener: Found | None = None
        shutter: Found | None = None
        for cells in self.parts:
            for pattern in patterns:
                cell = cells.get(pattern)
                if cell is None:
                    continue
                found = cell[level - 1]
                if found is not None and (opener is None or _opens_more(found, opener)):
                    opener = found
                found = cell[MAX_LEVEL + level - 1]
                if found is not None and (shutter is None or _shuts_more(found, shutter)):
                    shutter = found
        return opener and opener[1], shutter and shutter[1]


def _enter(cell: Cell, place: int, rule: Rule) -> None:
    """Put a rule wherever it is the strongest so far; rules come in file order, so an equal one stays out."""
    if rule.effect is Effect.ALLOW:
        for at in range(rule.level):
            held = cell[at]
            if held is None or rule.outcome > held[1].outcome:
                cell[at] = (place, rule)
    else:
        for at in range(MAX_LEVEL + rule.level - 1, 2 * MAX_LEVEL):
            held = cell[at]
            if held is None or rule.outcome < held[1].outcome:
                cell[at] = (place, rule)


def _opens_more(found: Found, held: Found) -> bool:
    mine, other = found[1].outcome, held[1].outcome
    return mine > other or (mine == other and found[0] < held[0])


def _shuts_more(found: Found, held: Found) -> bool:
    mine, other = found[1].outcome, held[1].outcome
    return mine < other or (mine == other and found[0] < held[0])
