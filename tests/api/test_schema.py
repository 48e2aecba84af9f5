"""The schema: every catalogue field is there, described in both languages, and reachable only past the gate."""

from __future__ import annotations

from functools import cache

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, validate_schema

from hub.api.schema import build_schema, core
from hub.catalog.types import Catalog, SubjectKind
from hub.config import Settings
from hub.disclosure.plan import TYPE_OF_KIND
from hub.loading import load_rules


@cache
def catalog() -> Catalog:
    return load_rules(Settings(demo=True)).catalog


@cache
def schema() -> GraphQLSchema:
    rules = load_rules(Settings(demo=True))
    return core(build_schema(rules.catalog, rules.policy.questionnaire.predicates))


def _below(name: str) -> set[str]:
    """Names of all types below a type."""
    seen: set[str] = set()
    waiting = [schema().type_map[name]]
    while waiting:
        kind = waiting.pop()
        if kind.name in seen or not isinstance(kind, GraphQLObjectType):
            continue
        seen.add(kind.name)
        waiting += [get_named_type(f.type) for f in kind.fields.values()]
    return seen


def test_the_schema_is_valid_graphql() -> None:
    assert validate_schema(schema()) == []


def test_every_field_of_the_catalogue_can_be_asked_for() -> None:
    for dataset in catalog():
        owners = [TYPE_OF_KIND[k] for k in dataset.subjects] if dataset.profile else [dataset.type_name]
        for owner in owners:
            for item in dataset.fields:
                kind = schema().type_map[owner]
                for step in item.graphql_path:
                    assert isinstance(kind, GraphQLObjectType)
                    assert step in kind.fields, item.id
                    kind = get_named_type(kind.fields[step].type)


def test_every_catalogue_value_can_be_null_and_every_field_is_described_in_two_languages() -> None:
    for kind in schema().type_map.values():
        if kind.name.startswith("__") or not isinstance(kind, GraphQLObjectType):
            continue
        for name, item in kind.fields.items():
            text = item.description or ""
            assert any("\u4e00" <= c <= "\u9fff" for c in text), f"{kind.name}.{name}"
    for dataset in catalog():
        if not dataset.profile:
            kind = schema().type_map[dataset.type_name]
            assert isinstance(kind, GraphQLObjectType)
            for name, item in kind.fields.items():
                assert str(item.type).endswith("!") == (name in ("id", "marks")), f"{kind.name}.{name}"


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_every_field_below_a_subject_only_picks_what_the_gate_has_finished(kind: SubjectKind) -> None:
    for name in _below(TYPE_OF_KIND[kind]):
        owner = schema().type_map[name]
        assert isinstance(owner, GraphQLObjectType)
        for item in owner.fields.values():
            assert item.resolve is not None
            assert item.resolve.__name__ == "_pick", f"{name}"


def test_no_other_root_leads_to_catalogue_types() -> None:
    query = schema().query_type
    assert query is not None
    own = _below("Organization") | _below("NaturalPerson")
    for name, item in query.fields.items():
        if name in ("organization", "person"):
            continue
        assert not _below(get_named_type(item.type).name) & (own - {"PageInfo"}), name
    mutation = schema().mutation_type
    assert mutation is not None
    for name, item in mutation.fields.items():
        assert not _below(get_named_type(item.type).name) & (own - {"PageInfo"}), name


def test_nothing_can_be_subscribed_to() -> None:
    assert schema().subscription_type is None
