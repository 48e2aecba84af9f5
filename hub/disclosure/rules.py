"""The rules in force: catalogue, policy and the decision tables compiled from them, swapped as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.catalog.types import Catalog, SubjectKind
from hub.model.outcome import Decision
from hub.policies.compile import compile_table
from hub.policies.model import PolicySet


@dataclass(frozen=True, eq=False)
class Rules:
    """One consistent set of rules; a request works with one of them from start to end."""

    catalog: Catalog
    policy: PolicySet
    _tables: dict[tuple[frozenset[str], str, SubjectKind], Mapping[str, Decision]] = field(
        default_factory=dict
    )

    def table(self, roles: frozenset[str], purpose: str, kind: SubjectKind) -> Mapping[str, Decision]:
        """The decision table for these roles, purpose and kind; compiled on first use."""
        key = (roles, purpose, kind)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = compile_table(self.policy, self.catalog, roles, purpose, kind)
        return found
