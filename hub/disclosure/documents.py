"""GraphQL documents: parsed, bounded and validated once, then remembered by their exact text."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails

from hub.disclosure.limits import Limits, check_limits
from hub.errors import InputError
from hub.model.resident_ids import holds_resident_id

_MAX_ERRORS = 10


class DocumentError(InputError):
    """A document cannot be used; `errors` are GraphQL errors, safe to send."""

    code = "GRAPHQL_INVALID"

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("The GraphQL document is not valid.", message_zh="GraphQL 文档无效。")
        self.errors = errors


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a valid document."""

    document_hash: str
    name: str | None
    node: OperationDefinitionNode
    fragments: Mapping[str, FragmentDetails]

    @property
    def said(self) -> str:
        """Its name as the log has it: empty where there is none, or one that holds a number of a person."""
        return "" if self.name is None or holds_resident_id(self.name) else self.name

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.node.operation is OperationType.QUERY

    @property
    def kind(self) -> str:
        """`query`, `mutation` or `subscription`."""
        return self.node.operation.value


@dataclass(frozen=True, eq=False)
class Document:
    """A valid document."""

    text: str
    hash: str
    """`sha256:` over the text, as clients compute it."""
    node: DocumentNode
    operations: Mapping[str | None, Operation]

    def operation(self, name: str | None) -> Operation:
        """The operation to run.

        Raises:
            DocumentError: when there is none of that name, or several and none was named.
        """
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name)
        if found is None:
            what = (
                "There is no operation of that name."
                if name
                else "Name one of the operations with operationName."
            )
            raise DocumentError([GraphQLError(what, extensions={"code": "GRAPHQL_INVALID"})])
        return found


class DocumentCache:
    """Documents by text, bounded, so that a document is parsed and validated once."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, *, introspection: bool = True, size: int = 512
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = list(specified_rules) + ([] if introspection else [NoSchemaIntrospectionCustomRule])
        self._size = size
        self._known: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        """The document with this text.

        Raises:
            DocumentError: when it cannot be parsed, breaks a limit, or does not fit the schema.
        """
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
            return found
        document = self._read(text)
        self._known[text] = document
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return document

    def _read(self, text: str) -> Document:
        try:
            node = parse(text, max_tokens=self._limits.max_tokens)
        except GraphQLError as error:
            raise DocumentError([error]) from None
        except RecursionError:
            raise DocumentError(
                [GraphQLError("The document is nested too deeply.", extensions={"code": "LIMIT"})]
            ) from None
        errors = check_limits(node, self._limits) or validate(
            self._schema, node, self._rules, max_errors=_MAX_ERRORS, hide_suggestions=True
        )
        if errors:
            raise DocumentError(errors)
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        return Document(text, digest, node, self._operations(node, digest))

    def _operations(self, node: DocumentNode, digest: str) -> dict[str | None, Operation]:
        fragments: dict[str, FragmentDetails] = {}
        for definition in node.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                fragments[definition.name.value] = FragmentDetails(definition)
        operations: dict[str | None, Operation] = {}
        for definition in node.definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                operations[name] = Operation(digest, name, definition, fragments)
        return operations
