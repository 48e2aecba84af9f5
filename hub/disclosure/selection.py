"""Which catalogue fields a selection asks for: from GraphQL nodes to a tree of typed selections.

Compiled once per plan. The tree says nothing about outcomes; `plan` decides those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type
from graphql.execution.collect_fields import collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values

from hub.disclosure.documents import Operation


@dataclass(frozen=True)
class Selected:
    """One response key of a selection set."""

    key: str
    name: str
    arguments: Mapping[str, Any]
    type_name: str
    """Name of the field's own (named) type."""
    children: tuple[Selected, ...] = ()
    children_of: Mapping[str, tuple[Selected, ...]] = field(default_factory=dict)
    """What is selected of each possible type, where the field's own type is an interface."""

    def of_type(self, type_name: str) -> Selected:
        """The selection of one possible type of an interface; itself where the type is no interface."""
        if not self.children_of:
            return self
        return Selected(self.key, self.name, self.arguments, type_name, self.children_of[type_name])

    def walk(self) -> Iterator[Selected]:
        """This node and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def select_roots(
    schema: GraphQLSchema, operation: Operation, variables: VariableValues
) -> tuple[Selected, ...]:
    """The selection tree of an operation whose variables have been coerced.

    Raises:
        GraphQLError: when an argument does not fit.
    """
    root = schema.get_root_type(operation.node.operation)
    assert root is not None
    collected = collect_fields(
        schema, dict(operation.fragments), variables, root, operation.node, hide_suggestions=True
    )
    return tuple(
        _selected(schema, operation, variables, root, key, details)
        for key, details in collected.grouped_field_set.items()
    )


def _selected(
    schema: GraphQLSchema,
    operation: Operation,
    variables: VariableValues,
    parent: GraphQLObjectType,
    key: str,
    details: Any,
) -> Selected:
    node: FieldNode = details[0].node
    name = node.name.value
    if name.startswith("__"):
        return Selected(key, name, {}, parent.name)
    definition = parent.fields[name]
    named = get_named_type(definition.type)
    arguments = get_argument_values(definition, node, variables, hide_suggestions=True)

    def below(kind: GraphQLObjectType) -> tuple[Selected, ...]:
        collected = collect_subfields(
            schema, dict(operation.fragments), variables, operation.node, kind, details, hide_suggestions=True
        )
        return tuple(
            _selected(schema, operation, variables, kind, k, d)
            for k, d in collected.grouped_field_set.items()
        )

    if isinstance(named, GraphQLInterfaceType):
        possible = {kind.name: below(kind) for kind in schema.get_possible_types(named)}
        return Selected(key, name, arguments, named.name, children_of=possible)
    children = below(named) if isinstance(named, GraphQLObjectType) else ()
    return Selected(key, name, arguments, named.name, children)
