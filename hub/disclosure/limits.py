"""Bounds on a GraphQL document, checked before anything else looks at it.

Depth and size are computed over the document's fragments with memory: each fragment is measured once, so a
short document of fragments that spread each other many times costs no more than its length.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)

INTROSPECTION_DEPTH = 16
"""Introspection queries of common clients nest this deep; they touch no data, so they have their own bound."""
INTROSPECTION_ALIASES = 2
"""Each alias may ask for the whole schema once more, and the engine answers without a pause."""
MAX_CONFLICT_PAIRS = 20_000
"""Validation compares all fields of one response key with each other: the sum of their squares."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one document."""

    max_tokens: int = 2000
    max_depth: int = 12
    max_aliases: int = 30
    max_directives: int = 30
    max_fields: int = 1000
    """Fields after all fragments are spread out."""


@dataclass
class _Size:
    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    hidden_depth: int = 0
    """Depth and aliases below introspection fields."""
    hidden_aliases: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    """How often each response key stands in it."""


@dataclass
class _Measure:
    fragments: dict[str, FragmentDefinitionNode]
    known: dict[str, _Size] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def selection_set(self, node: SelectionSetNode | None, level: int = 0) -> _Size:
        size = _Size()
        for selection in node.selections if node else ():
            if isinstance(selection, FieldNode):
                name = selection.name.value
                inner = self.selection_set(selection.selection_set)
                if name.startswith("__"):
                    inner = _Size(
                        0, inner.fields, 0, inner.directives, inner.depth, inner.aliases, inner.keys
                    )
                inner.keys[selection.alias.value if selection.alias else name] += 1
                part = _Size(
                    inner.depth + 1,
                    inner.fields + 1,
                    inner.aliases + (selection.alias is not None),
                    inner.directives,
                    inner.hidden_depth,
                    inner.hidden_aliases,
                    inner.keys,
                )
            elif isinstance(selection, FragmentSpreadNode):
                part = self.fragment(selection.name.value)
            else:
                part = self.selection_set(selection.selection_set)  # type: ignore[attr-defined]
            size.depth = max(size.depth, part.depth)
            size.fields += part.fields
            size.aliases += part.aliases
            size.hidden_depth = max(size.hidden_depth, part.hidden_depth)
            size.hidden_aliases += part.hidden_aliases
            size.keys.update(part.keys)
            size.directives += part.directives + len(selection.directives or ())
        return size

    def fragment(self, name: str) -> _Size:
        if name in self.known:
            return self.known[name]
        if name in self.open or name not in self.fragments:
            return _Size()  # a cycle or an unknown fragment: validation names it
        self.open.add(name)
        self.known[name] = self.selection_set(self.fragments[name].selection_set)
        self.open.discard(name)
        return self.known[name]


def check_limits(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Errors for every bound that the document breaks; empty when it keeps them all."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    measure = _Measure(fragments)
    errors: list[GraphQLError] = []
    for operation in document.definitions:
        if not isinstance(operation, OperationDefinitionNode):
            continue
        size = measure.selection_set(operation.selection_set)
        for what, found, allowed in (
            ("nested", size.depth, limits.max_depth),
            ("aliased", size.aliases, limits.max_aliases),
            ("nested below introspection", size.hidden_depth, INTROSPECTION_DEPTH),
            ("aliased below introspection", size.hidden_aliases, INTROSPECTION_ALIASES),
            ("repetitive", sum(n * n for n in size.keys.values()), MAX_CONFLICT_PAIRS),
            (
                "annotated with directives",
                size.directives + len(operation.directives or ()),
                limits.max_directives,
            ),
            ("long", size.fields, limits.max_fields),
        ):
            if found > allowed:
                errors.append(
                    GraphQLError(
                        f"The operation is too {what}: at most {allowed} allowed.",
                        extensions={"code": "LIMIT"},
                    )
                )
    return errors
