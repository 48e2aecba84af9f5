"""Rules found by role, purpose and pattern, so that a decision costs the same however many rules there are.

- Of the rules that share role, purpose, kind and pattern, only the strongest opening and the strongest shutting
  of each level can ever decide: the most open opening, the least open shutting, the first in the file among
  equals. All others are dropped when the index is built.
- A field is named by few patterns (`hub.policies.patterns.naming`), so a table is made by going through the
  patterns that have rules and the fields each of them names; fields that no rule names cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hub.catalog.types import Field, SubjectKind
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

    def strongest(
        self, named: Mapping[str, Sequence[Field]], kind: SubjectKind
    ) -> Iterator[tuple[Field, Rule | None, Rule | None]]:
        """The fields that some rule names, each with the opening and the shutting rule that count for it.

        Args:
            named: fields by every pattern that names them.
            kind: the kind of subject, on which a field's level depends.
        """
        openers: dict[str, Found] = {}
        shutters: dict[str, Found] = {}
        touched: dict[str, Field] = {}
        for cells in self.parts:
            for pattern, cell in cells.items():
                for field in named.get(pattern, ()):
                    level, key = field.level_for(kind), field.id
                    touched[key] = field
                    found = cell[level - 1]
                    if found is not None and ((held := openers.get(key)) is None or _opens_more(found, held)):
                        openers[key] = found
                    found = cell[MAX_LEVEL + level - 1]
                    if found is not None and (
                        (held := shutters.get(key)) is None or _shuts_more(found, held)
                    ):
                        shutters[key] = found
        for key, field in touched.items():
            opener, shutter = openers.get(key), shutters.get(key)
            yield field, opener and opener[1], shutter and shutter[1]


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
