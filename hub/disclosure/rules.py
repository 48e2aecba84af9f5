"""The rules in force: catalogue, policy and the decision tables compiled from them, swapped as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hub.catalog.types import Catalog, SubjectKind
from hub.model.outcome import Decision
from hub.policies.compile import TableCompiler
from hub.policies.model import PolicySet

TableKey = tuple[frozenset[str], str, SubjectKind]
"""Roles, purpose and kind of subject."""


@dataclass(frozen=True, eq=False)
class Rules:
    """One consistent set of rules; a request works with one of them from start to end."""

    catalog: Catalog
    policy: PolicySet
    _tables: dict[TableKey, Mapping[str, Decision]] = field(default_factory=dict)

    def table(self, roles: frozenset[str], purpose: str, kind: SubjectKind) -> Mapping[str, Decision]:
        """The decision table for these roles, purpose and kind; compiled on first use."""
        key = (roles, purpose, kind)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = self._compiler.table(roles, purpose, kind)
        return found

    @property
    def compiled(self) -> tuple[TableKey, ...]:
        """Keys of the tables compiled so far."""
        return tuple(self._tables)

    def warm(self, keys: Iterable[TableKey] = ()) -> None:
        """Compile what the first requests would otherwise wait for."""
        _ = self._compiler.index
        for key in keys:
            self.table(*key)

    @cached_property
    def _compiler(self) -> TableCompiler:
        return TableCompiler(self.policy, self.catalog)
