"""The one schema: subject reads, consents, ledger, review and registers.

Catalogue types have no resolvers of their own: the disclosure gate finishes a subject's data first, keyed by
response name, and every catalogue field just picks its value. There is no way to reach a record past the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types import ExecutionContext

from hub.api import (
    as_of,
    audit,
    audit_cases,
    audit_entry,
    audit_findings,
    audit_review,
    consent_requests,
    consents,
    custody,
    emergencies,
    ledger,
    lifecycle,
    marks,
    notices,
    quality,
    quotas,
    recalls,
    registers,
    relations,
    steering,
    submissions,
    uses,
)
from hub.api.context import RequestContext
from hub.api.scalars import SCALARS, USCC, PersonIdentifier, SubjectIdentifier
from hub.api.types import CatalogTypes, TypeBuilder
from hub.catalog.types import Catalog
from hub.policies.predicates import Predicate

_KEPT = 4
"""Schemas kept in a process, by catalogue and questions."""
_SUBJECT_ROOTS = ("organization", "person", "subjects")


class HubSchema(strawberry.Schema):
    """A schema that keeps errors out of the log: they may hold what a caller wrote; the gateway counts them."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing is printed."""


@dataclass(frozen=True)
class _Asked:
    """Questions by code, as part of a key."""

    predicates: Mapping[str, Predicate]

    def __hash__(self) -> int:
        """By the codes; questions of the same codes are still compared."""
        return hash(tuple(self.predicates))


def build_schema(catalog: Catalog, predicates: Mapping[str, Predicate] | None = None) -> HubSchema:
    """The Strawberry schema of a catalogue and of the questions that may be asked about its fields.

    It holds no state, so the same catalogue and questions give the same object.
    """
    return _schema(catalog, _Asked(dict(predicates or {})))


@lru_cache(maxsize=_KEPT)
def _schema(catalog: Catalog, asked: _Asked) -> HubSchema:
    types = TypeBuilder(catalog, asked.predicates).build()
    schema = HubSchema(
        query=_query(types),
        mutation=_mutation(),
        types=[types.organization, types.person],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    _read_finished(core(schema))
    return schema


def core(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema below a Strawberry schema."""
    return schema._schema


def _subjects(types: CatalogTypes) -> list[Any]:
    """The roots under which the gate's finished answers are picked."""

    def organization(uscc: USCC) -> Any:
        raise NotImplementedError

    def person(id: PersonIdentifier) -> Any:
        raise NotImplementedError

    def subjects(ids: list[SubjectIdentifier]) -> Any:
        raise NotImplementedError

    one: Any = types.subject
    organization.__annotations__["return"] = types.organization | None
    person.__annotations__["return"] = types.person | None
    subjects.__annotations__["return"] = list[one | None]
    return [
        strawberry.field(
            name="organization",
            resolver=organization,
            description="按统一社会信用代码查询法人和非法人组织，须持有针对该主体的令牌。An organisation by USCC; the token must name it.",
        ),
        strawberry.field(
            name="person",
            resolver=person,
            description="按公民身份号码查询自然人，须持有针对该主体的令牌。A natural person by resident id; the token must name it.",
        ),
        strawberry.field(
            name="subjects",
            resolver=subjects,
            description="一次查询多个主体（最多1000个），逐一判定，次序与请求一致；可逐行导出。"
            "Many subjects, at most 1,000, each decided on its own, in the order asked for; can be sent line by line.",
        ),
    ]


def _query(types: CatalogTypes) -> type:
    fields: list[Any] = [
        *_subjects(types),
        *consents.queries(),
        *consent_requests.queries(),
        *lifecycle.queries(),
        *custody.queries(),
        *notices.queries(),
        *as_of.queries(),
        *ledger.fields(),
        *audit.fields(),
        *audit_review.fields(),
        *audit_entry.fields(),
        *audit_findings.fields(),
        *audit_cases.queries(),
        *relations.queries(),
        *recalls.query_fields(),
        *quotas.fields(),
        *uses.queries(),
        *emergencies.queries(),
        *quality.fields(),
        *steering.query_fields(),
        *registers.fields(),
    ]
    return create_type("Query", fields, description="查询。What can be asked.")


def _mutation() -> type:
    fields: list[Any] = [
        *consents.mutations(),
        *recalls.mutation_fields(),
        *lifecycle.mutations(),
        *marks.mutations(),
        *custody.mutations(),
        *notices.mutations(),
        *steering.mutation_fields(),
        *submissions.mutations(),
        *uses.mutations(),
        *emergencies.mutations(),
        *audit_cases.mutations(),
        *relations.mutations(),
    ]
    return create_type("Mutation", fields, description="变更。What can be done.")


def _read_finished(schema: GraphQLSchema) -> None:
    """Let catalogue types pick finished values by response name, and subject roots pick theirs."""
    assert schema.query_type is not None
    for name in _SUBJECT_ROOTS:
        root = schema.query_type.fields[name]
        root.resolve = _finished_root
        _pick_below(root.type, set())


def _pick_below(kind: Any, seen: set[str]) -> None:
    named = kind
    while hasattr(named, "of_type"):
        named = named.of_type
    if not isinstance(named, GraphQLObjectType) or named.name in seen:
        return
    seen.add(named.name)
    named.is_type_of = (
        None  # Strawberry's own looks for instances of its classes; finished values are plain dicts
    )
    for field in named.fields.values():
        field.resolve = _pick
        _pick_below(field.type, seen)


def _finished_root(_source: Any, info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
    context: RequestContext = info.context
    return context.finished.get(str(info.path.key), [] if info.field_name == "subjects" else None)


def _pick(source: Mapping[str, Any], info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
    return source[str(info.path.key)]
