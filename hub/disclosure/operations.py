"""From a valid operation and its variables to what is to be done: subject roots and everything else.

Variables that only name the subject are left out of the key under which a plan is remembered; all others
(page sizes, cursors, skip and include) are part of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLScalarType,
    GraphQLSchema,
    NonNullTypeNode,
    VariableNode,
    get_nullable_type,
    is_non_null_type,
    is_scalar_type,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.language import visit
from graphql.language.visitor import Visitor

from hub.disclosure.documents import DocumentError, Operation
from hub.disclosure.plan import KIND_OF_ROOT
from hub.disclosure.selection import Selected, select_roots
from hub.errors import InputError
from hub.model.subjects import SubjectName

MANY = "subjects"
"""The root field that reads many subjects."""
MOST_SUBJECTS = 1000
"""Subjects of one operation."""
_SUBJECT_ARGUMENT = {"organization": "uscc", "person": "id", MANY: "ids"}
_REMEMBERED = 2048


@dataclass(frozen=True)
class SubjectRoot:
    """One root field that reads a subject, or many."""

    selected: Selected
    variable: str | None
    written: Any
    """The identifier, or list of them, written in the document; used when no variable names it."""

    @property
    def many(self) -> bool:
        """Whether it reads a list of subjects."""
        return self.selected.name == MANY

    def subjects(self, variables: Mapping[str, Any]) -> list[SubjectName]:
        """The subjects asked about, in order.

        Raises:
            DocumentError: when the variable that names them is null, which one with a default may be.
        """
        named = variables[self.variable] if self.variable is not None else self.written
        if named is None:
            raise DocumentError([GraphQLError(f"The variable '${self.variable}' must not be null here.")])
        if not self.many:
            return [SubjectName(KIND_OF_ROOT[self.selected.name].value, str(named))]
        return list(named)


@dataclass(frozen=True, eq=False)
class Prepared:
    """An operation with its plan-relevant variables applied."""

    operation: Operation
    subjects: tuple[SubjectRoot, ...]
    others: tuple[Selected, ...]
    """Root fields that Strawberry resolves, `__typename` and introspection among them."""

    @property
    def exportable(self) -> bool:
        """Whether it is one list of subjects and nothing else, which can be sent line by line."""
        return not self.others and len(self.subjects) == 1 and self.subjects[0].many

    def asked(self, variables: Mapping[str, Any]) -> list[list[SubjectName]]:
        """The subjects of each root.

        Raises:
            DocumentError: when there are more than `MOST_SUBJECTS` in all, or a variable is null.
        """
        asked = [root.subjects(variables) for root in self.subjects]
        if sum(map(len, asked)) > MOST_SUBJECTS:
            raise DocumentError(
                [
                    GraphQLError(
                        f"One operation asks about at most {MOST_SUBJECTS} subjects.",
                        extensions={
                            "code": "LIMIT",
                            "hint": "Ask in several requests.",
                            "messageZh": f"一次操作最多查询 {MOST_SUBJECTS} 个主体，请分次查询。",
                        },
                    )
                ]
            )
        return asked


class Preparer:
    """Prepares operations and remembers them."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fast: OrderedDict[Operation, tuple[_Variable, ...] | None] = OrderedDict()
        self._free: OrderedDict[Operation, frozenset[str]] = OrderedDict()
        self._known: OrderedDict[tuple[Operation, bytes], Prepared] = OrderedDict()

    def variables(self, operation: Operation, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Coerced variables.

        Raises:
            DocumentError: when one is missing or does not fit its type.
        """
        if operation not in self._fast:
            _remember(self._fast, operation, _simple_variables(self._schema, operation))
        simple = self._fast[operation]
        if simple is not None:
            values: dict[str, Any] = {}
            for variable in simple:
                try:
                    values[variable.name] = variable.parse(raw[variable.name])
                except Exception:
                    break
            else:
                return values
        return self._coerce(operation, raw).coerced

    def prepare(self, operation: Operation, variables: Mapping[str, Any]) -> Prepared:
        """What the operation asks for, with these coerced variables.

        Raises:
            DocumentError: when an argument does not fit.
        """
        if operation not in self._free:
            _remember(self._free, operation, _subject_variables(operation))
        free = self._free[operation]
        rest = {k: v for k, v in variables.items() if k not in free}
        key = (operation, orjson.dumps(rest, option=orjson.OPT_SORT_KEYS, default=repr) if rest else b"")
        found = self._known.get(key)
        if found is None:
            found = self._prepare(operation, variables)
            _remember(self._known, key, found)
        return found

    def _prepare(self, operation: Operation, variables: Mapping[str, Any]) -> Prepared:
        values = VariableValues({}, dict(variables))
        try:
            roots = select_roots(self._schema, operation, values)
        except GraphQLError as error:
            raise DocumentError([error]) from None
        nodes = _root_nodes(operation)
        subjects: list[SubjectRoot] = []
        others: list[Selected] = []
        for root in roots:
            if operation.is_query and root.name in _SUBJECT_ARGUMENT:
                subjects.append(_subject_root(root, nodes[root.key]))
            else:
                others.append(root)
        return Prepared(operation, tuple(subjects), tuple(others))

    def _coerce(self, operation: Operation, raw: Mapping[str, Any]) -> VariableValues:
        result = get_variable_values(
            self._schema,
            operation.node.variable_definitions or (),
            dict(raw),
            max_errors=5,
            hide_suggestions=True,
        )
        if isinstance(result, list):
            raise DocumentError(result)
        return result


@dataclass(frozen=True)
class _Variable:
    name: str
    type: GraphQLScalarType

    def parse(self, value: Any) -> Any:
        if value is None:
            raise InputError("A required variable is null.")
        return self.type.parse_value(value)


def _simple_variables(schema: GraphQLSchema, operation: Operation) -> tuple[_Variable, ...] | None:
    """The variables of an operation if all are required scalars: then coercion is one call each."""
    found: list[_Variable] = []
    for definition in operation.node.variable_definitions or ():
        kind: GraphQLInputType | None = type_from_ast(schema, definition.type)  # type: ignore[assignment]
        if (
            not isinstance(definition.type, NonNullTypeNode)
            or not is_non_null_type(kind)
            or definition.default_value
        ):
            return None
        inner = get_nullable_type(kind)
        if not is_scalar_type(inner):
            return None
        found.append(_Variable(definition.variable.name.value, inner))
    return tuple(found)


def _root_nodes(operation: Operation) -> dict[str, FieldNode]:
    """Field nodes by response key of subject roots, wherever in the root selection they stand."""
    found: dict[str, FieldNode] = {}
    open_sets = [operation.node.selection_set]
    seen: set[str] = set()
    while open_sets:
        for selection in open_sets.pop().selections:
            if isinstance(selection, FieldNode):
                found.setdefault(
                    selection.alias.value if selection.alias else selection.name.value, selection
                )
            elif hasattr(selection, "selection_set"):
                open_sets.append(selection.selection_set)
            else:
                name = selection.name.value  # type: ignore[attr-defined]
                if name not in seen and name in operation.fragments:
                    seen.add(name)
                    open_sets.append(operation.fragments[name].definition.selection_set)
    return found


def _subject_root(root: Selected, node: FieldNode) -> SubjectRoot:
    name = _SUBJECT_ARGUMENT[root.name]
    argument = next(a for a in node.arguments or () if a.name.value == name)
    variable = argument.value.name.value if isinstance(argument.value, VariableNode) else None
    return SubjectRoot(root, variable, None if variable else root.arguments[name])


def _subject_variables(operation: Operation) -> frozenset[str]:
    """Variables used as the subject argument of roots and nowhere else."""
    uses: dict[str, int] = {}

    class Count(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            uses[node.name.value] = uses.get(node.name.value, 0) + 1

    visit(operation.node.selection_set, Count())
    for directive in operation.node.directives or ():
        visit(directive, Count())
    for fragment in operation.fragments.values():
        visit(fragment.definition, Count())
    as_subject: dict[str, int] = {}
    for node in _root_nodes(operation).values():
        for argument in node.arguments or ():
            if argument.name.value == _SUBJECT_ARGUMENT.get(node.name.value) and isinstance(
                argument.value, VariableNode
            ):
                name = argument.value.name.value
                as_subject[name] = as_subject.get(name, 0) + 1
    return frozenset(name for name, count in as_subject.items() if uses.get(name) == count)


def _remember(cache: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    cache[key] = value
    if len(cache) > _REMEMBERED:
        cache.popitem(last=False)


__all__ = ["Prepared", "Preparer", "SubjectRoot"]
