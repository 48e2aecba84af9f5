"""What a document can ask for, whatever its variables: `@skip` and `@include` are read as if they were not there.

* Below a credit subject, catalogue fields are named by their field id; a list of which records are counted is
  named by its dataset.
* Questions of `predicates` are named by their code; `*` stands for a code that a variable gives, so for any.
* Every other leaf (ids, cursors, entries of the log, registers) is named by its path of field names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    EnumValueNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    is_object_type,
)

from hub.catalog.types import Catalog, Dataset, Domain, Field, SubjectKind
from hub.disclosure.documents import Document, Operation
from hub.disclosure.plan import TYPE_OF_KIND, field_tree

_KIND_OF_TYPE = {name: kind for kind, name in TYPE_OF_KIND.items()}
_INTERFACE = "CreditSubject"
_QUESTIONS = "predicates"
ANY_QUESTION = "*"
"""Stands for every declared question."""


@dataclass
class Reach:
    """What a document can ask for."""

    fields: dict[SubjectKind, set[str]] = field(default_factory=dict)
    """Ids of catalogue fields, by kind of subject."""
    lists: dict[SubjectKind, set[str]] = field(default_factory=dict)
    """Datasets whose records it lists, by kind of subject."""
    questions: dict[SubjectKind, set[str]] = field(default_factory=dict)
    """Codes of the yes/no questions it asks, by kind of subject; `*`: any."""
    other: set[str] = field(default_factory=set)
    """Paths of all other leaves, `__typename` left out."""

    @property
    def kinds(self) -> tuple[SubjectKind, ...]:
        """Kinds of subject it reads, in order."""
        return tuple(sorted(self.fields))


def reach(schema: GraphQLSchema, catalog: Catalog, document: Document) -> Reach:
    """What a valid document can ask for, over all its operations."""
    walk = _Walk(schema, catalog, Reach())
    for operation in document.operations.values():
        root = schema.get_root_type(operation.node.operation)
        assert root is not None
        walk.selection(operation, operation.node.selection_set, root.name, ())
    return walk.found


@dataclass
class _Walk:
    schema: GraphQLSchema
    catalog: Catalog
    found: Reach

    def selection(
        self, operation: Operation, node: SelectionSetNode | None, type_name: str, path: tuple[str, ...]
    ) -> None:
        """A selection set outside of credit subjects."""
        for child, parent in self._fields(operation, node, type_name):
            kind = self._type_of(child, parent)
            where = (*path, child.name.value)
            if kind.name == _INTERFACE or kind.name in _KIND_OF_TYPE:
                self._subject(operation, child.selection_set, kind.name, where)
            else:
                self._other(operation, child, parent, where)

    def _subject(
        self, operation: Operation, node: SelectionSetNode | None, type_name: str, path: tuple[str, ...]
    ) -> None:
        kinds = self._kinds(type_name)
        for kind in kinds:
            self.found.fields.setdefault(kind, set())
            self.found.lists.setdefault(kind, set())
            self.found.questions.setdefault(kind, set())
        for child, parent in self._fields(operation, node, type_name):
            where = (*path, child.name.value)
            for kind in (k for k in kinds if k in self._kinds(parent)):
                tree = field_tree(self.catalog.profile(kind))
                if child.name.value in {domain.value for domain in Domain}:
                    self._domain(operation, child, parent, kind, where)
                elif child.name.value in tree:
                    self._value(operation, child, tree[child.name.value], kind)
                else:
                    if child.name.value == _QUESTIONS:
                        self.found.questions[kind] |= _codes(child)
                    self._other(operation, child, parent, where)

    def _other(self, operation: Operation, node: FieldNode, parent: str, path: tuple[str, ...]) -> None:
        """A field outside the catalogue, and what stands below it."""
        if node.selection_set is None:
            self.found.other.add(".".join(path))
        else:
            self.selection(operation, node.selection_set, self._type_of(node, parent).name, path)

    def _domain(
        self, operation: Operation, node: FieldNode, parent: str, kind: SubjectKind, path: tuple[str, ...]
    ) -> None:
        here = self._type_of(node, parent).name
        datasets = {
            d.field_name: d for d in self.catalog if d.domain.value == node.name.value and not d.profile
        }
        for child, owner in self._fields(operation, node.selection_set, here):
            where = (*path, child.name.value)
            dataset = datasets.get(child.name.value)
            if dataset is None:
                self._other(operation, child, owner, where)
            elif kind in dataset.subjects:
                self.found.lists[kind].add(dataset.id)
                self._records(operation, child, self._type_of(child, owner).name, dataset, kind, where)

    def _records(
        self,
        operation: Operation,
        node: FieldNode,
        type_name: str,
        dataset: Dataset,
        kind: SubjectKind,
        path: tuple[str, ...],
    ) -> None:
        """A connection, an edge or a record of a dataset."""
        tree = field_tree(dataset) if type_name == dataset.type_name else {}
        for child, parent in self._fields(operation, node.selection_set, type_name):
            where = (*path, child.name.value)
            if child.name.value in tree:
                self._value(operation, child, tree[child.name.value], kind)
            elif child.selection_set is None:
                self.found.other.add(".".join(where))
            else:
                self._records(operation, child, self._type_of(child, parent).name, dataset, kind, where)

    def _value(self, operation: Operation, node: FieldNode, item: Any, kind: SubjectKind) -> None:
        if isinstance(item, Field):
            self.found.fields[kind].add(item.id)
            return
        for child, _ in self._fields(operation, node.selection_set, ""):
            self._value(operation, child, item[child.name.value], kind)

    def _fields(
        self, operation: Operation, node: SelectionSetNode | None, type_name: str
    ) -> Iterator[tuple[FieldNode, str]]:
        """Field nodes with the type they stand on, through fragments; `__typename` and introspection left out."""
        for selection in node.selections if node else ():
            if isinstance(selection, FieldNode):
                if not selection.name.value.startswith("__"):
                    yield selection, type_name
            elif isinstance(selection, FragmentSpreadNode):
                definition = operation.fragments[selection.name.value].definition
                yield from self._fields(
                    operation, definition.selection_set, definition.type_condition.name.value
                )
            elif isinstance(selection, InlineFragmentNode):
                on = selection.type_condition.name.value if selection.type_condition else type_name
                yield from self._fields(operation, selection.selection_set, on)

    def _kinds(self, type_name: str) -> tuple[SubjectKind, ...]:
        return (_KIND_OF_TYPE[type_name],) if type_name in _KIND_OF_TYPE else tuple(SubjectKind)

    def _type_of(self, node: FieldNode, parent: str) -> GraphQLNamedType:
        owner: Any = self.schema.type_map[parent]
        assert is_object_type(owner) or parent == _INTERFACE
        fields: Mapping[str, GraphQLField] = owner.fields
        return get_named_type(fields[node.name.value].type)


def _codes(node: FieldNode) -> set[str]:
    """Codes of the questions that a field asks, as its argument states them."""
    found: set[str] = set()
    for argument in node.arguments or ():
        value = argument.value
        for one in value.values if isinstance(value, ListValueNode) else (value,):
            found.add(_code(one))
    return found or {ANY_QUESTION}


def _code(node: ValueNode) -> str:
    if isinstance(node, ObjectValueNode):
        for item in node.fields:
            if item.name.value == "code" and isinstance(item.value, EnumValueNode):
                return item.value.value
    return ANY_QUESTION
