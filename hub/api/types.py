"""GraphQL types made from the catalogue: one per dataset, its list, and the four domains.

Every leaf is nullable: what a caller may not see is null and explained under `extensions.disclosure`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, cast

import strawberry
from strawberry.tools import create_type

from hub.api.predicates import predicate_fields
from hub.api.scalars import USCC, Date, Decimal, YearMonth
from hub.catalog.types import Catalog, Dataset, Domain, Field, FieldType, SealedFor, SubjectKind
from hub.disclosure import marks
from hub.disclosure.marks import MarkKind
from hub.disclosure.plan import TYPE_OF_KIND, field_tree
from hub.policies.predicates import Predicate

DOMAIN_TITLES: Mapping[Domain, tuple[str, str]] = {
    Domain.GOVERNMENT: ("政务信用信息", "Credit data of government departments"),
    Domain.JUDICIAL: ("司法信用信息", "Credit data of courts"),
    Domain.MARKET: ("市场信用信息", "Credit data of market bodies"),
    Domain.FINANCIAL: ("金融信用信息", "Credit data of financial institutions"),
}


@strawberry.type(description="金额：元，精确到分。Money: a decimal amount in yuan, exact to the fen.")
class Money:
    """An amount with its currency."""

    amount: Decimal | None = strawberry.field(description="金额（元）。Amount in yuan.")
    currency: str = strawberry.field(description="币种代码（ISO 4217）。Currency code.")


@strawberry.type(description="翻页信息。Where a page stands in its list.")
class PageInfo:
    """Page information in the Relay cursor connections form."""

    has_next_page: bool = strawberry.field(description="是否还有后续。Whether more follow.")
    has_previous_page: bool = strawberry.field(
        description="恒为 false，仅支持向后翻页。Always false: lists page forward."
    )
    start_cursor: str | None = strawberry.field(description="首条游标。Cursor of the first.")
    end_cursor: str | None = strawberry.field(
        description="末条游标，传给 after 取下一页。Cursor of the last; pass it as `after`."
    )


strawberry.enum(
    MarkKind,
    name="RecordMarkKind",
    description="记录标注类别：存在异议、异议未决双方意见、本人声明、行政复议期间、行政诉讼期间。What a mark says.",
)


@strawberry.type(
    name=marks.TYPE,
    description="记录标注，随记录一并提供。A mark on a record; it goes with the record to everybody who gets it.",
)
class RecordMark:
    """A mark on a record."""

    kind: MarkKind = strawberry.field(description="类别。Kind.")
    since: Date = strawberry.field(description="标注日期。Civil date since which it stands.")
    statement: str | None = strawberry.field(
        description="本人声明内容；引用了您不可见信息的为空。What the subject says; null where it quotes what you may not see."
    )


@strawberry.enum(description="主体类别。Kind of credit subject.")
class Kind(Enum):
    """Kind of credit subject, as the API shows it."""

    ORG = strawberry.enum_value("ORG", description="法人及非法人组织。Organisation.")
    PERSON = strawberry.enum_value("PERSON", description="自然人。Natural person.")


@dataclass(frozen=True)
class CatalogTypes:
    """The Strawberry types of a catalogue."""

    organization: type
    person: type
    subject: type
    """The interface that both share."""


class TypeBuilder:
    """Builds each type once."""

    def __init__(self, catalog: Catalog, predicates: Mapping[str, Predicate] | None = None) -> None:
        self._catalog = catalog
        self._predicates = predicates or {}
        self._enums: dict[tuple[str, ...], Any] = {}
        self._uses = Counter(tuple(v.code for v in f.values) for f in catalog.fields() if f.values)

    def build(self) -> CatalogTypes:
        """All types of the catalogue."""
        domains = {domain: self._domain(domain) for domain in Domain}
        common = [
            strawberry.field(
                name="id",
                graphql_type=strawberry.ID,
                description="主体的匿名标识。Pseudonymous id of the subject.",
            ),
            strawberry.field(name="kind", graphql_type=Kind, description="主体类别。Kind of subject."),
            strawberry.field(
                name=marks.FIELD,
                graphql_type=_list_of(RecordMark),
                description="基本信息的标注。Marks on the subject's profile.",
            ),
            *(
                strawberry.field(
                    name=domain.value,
                    graphql_type=domains[domain],
                    description=f"{DOMAIN_TITLES[domain][0]}。{DOMAIN_TITLES[domain][1]}.",
                )
                for domain in Domain
            ),
            *predicate_fields(self._predicates),
        ]
        interface = create_type(
            "CreditSubject",
            common,
            is_interface=True,
            description="信用主体。A credit subject: organisation or natural person.",
        )
        organization = self._subject(interface, SubjectKind.ORG, "法人和非法人组织。An organisation.")
        person = self._subject(interface, SubjectKind.PERSON, "自然人。A natural person; never public.")
        return CatalogTypes(organization, person, interface)

    def _subject(self, interface: type, kind: SubjectKind, description: str) -> type:
        profile = self._catalog.profile(kind)
        name = TYPE_OF_KIND[kind]
        fields = self._tree_fields(name, profile, field_tree(profile))
        namespace: dict[str, Any] = {"__annotations__": {}}
        for field in fields:
            key = field.python_name or field.graphql_name
            namespace[key] = field
            namespace["__annotations__"][key] = field.type
        return strawberry.type(type(name, (interface,), namespace), name=name, description=description)

    def _domain(self, domain: Domain) -> type:
        fields = [
            strawberry.field(
                name=dataset.field_name,
                resolver=_paged(dataset.field_name, self._connection(dataset)),
                description=_about(dataset),
            )
            for dataset in self._catalog
            if dataset.domain is domain and not dataset.profile
        ]
        zh, en = DOMAIN_TITLES[domain]
        return create_type(f"{domain.value.capitalize()}Data", fields, description=f"{zh}。{en}.")

    def _connection(self, dataset: Dataset) -> type:
        key = strawberry.field(
            name="id", graphql_type=strawberry.ID, description="记录标识。Id of the record."
        )
        marked = strawberry.field(
            name=marks.FIELD, graphql_type=_list_of(RecordMark), description="记录标注。Marks on the record."
        )
        node = create_type(
            dataset.type_name,
            [key, marked, *self._tree_fields(dataset.type_name, dataset, field_tree(dataset))],
            description=_about(dataset),
        )
        edge = create_type(
            f"{dataset.type_name}Edge",
            [
                strawberry.field(name="cursor", graphql_type=str, description="游标。Cursor."),
                strawberry.field(name="node", graphql_type=node, description="记录。The record."),
            ],
            description=f"{dataset.title.zh}及游标。A record with its cursor.",
        )
        return create_type(
            f"{dataset.type_name}Connection",
            [
                strawberry.field(name="nodes", graphql_type=_list_of(node), description="记录。The records."),
                strawberry.field(
                    name="edges", graphql_type=_list_of(edge), description="记录及游标。With cursors."
                ),
                strawberry.field(
                    name="pageInfo", graphql_type=PageInfo, description="翻页信息。Page information."
                ),
            ],
            description=f"{dataset.title.zh}列表，最新在前。A list, newest first.",
        )

    def _tree_fields(self, type_name: str, dataset: Dataset, tree: Mapping[str, Any]) -> list[Any]:
        fields: list[Any] = []
        for name, item in tree.items():
            if isinstance(item, Field):
                fields.append(
                    strawberry.field(
                        name=name, graphql_type=self._leaf(dataset, item) | None, description=_describe(item)
                    )
                )
            else:
                nested_name = type_name + name[0].upper() + name[1:]
                nested = create_type(
                    nested_name,
                    self._tree_fields(nested_name, dataset, item),
                    description=f"{dataset.title.zh}：{name}。",
                )
                fields.append(
                    strawberry.field(
                        name=name, graphql_type=nested | None, description=f"{dataset.title.zh}：{name}。"
                    )
                )
        return fields

    def _leaf(self, dataset: Dataset, field: Field) -> Any:
        simple: dict[FieldType, Any] = {
            FieldType.TEXT: str,
            FieldType.TEXT_LIST: list[str],
            FieldType.INTEGER: int,
            FieldType.DECIMAL: Decimal,
            FieldType.MONEY: Money,
            FieldType.DATE: Date,
            FieldType.OPEN_DATE: Date,
            FieldType.MONTH: YearMonth,
            FieldType.BOOLEAN: bool,
            FieldType.USCC: USCC,
            FieldType.RESIDENT_ID: str,
        }
        if field.type in simple:
            return simple[field.type]
        enum = self._enum(dataset, field)
        return _list_of(enum) if field.type is FieldType.ENUM_LIST else enum

    def _enum(self, dataset: Dataset, field: Field) -> Any:
        """One enumeration for each set of codes; those of several datasets go by the field's name alone."""
        key = tuple(v.code for v in field.values)
        own = field.name[0].upper() + field.name[1:]
        name = own if self._uses[key] > 1 else dataset.type_name + own
        shared = self._enums.get(key)
        if shared is not None:
            return shared
        members = {
            v.code: strawberry.enum_value(v.code, description=f"{v.label.zh}。{v.label.en}.")
            for v in field.values
        }
        codes: type[Enum] = _enumeration(name, members)
        made = strawberry.enum(codes, name=name, description=f"{field.label.zh}。{field.label.en}.")
        self._enums[key] = made
        return made


def _enumeration(name: str, members: dict[str, Any]) -> type[Enum]:
    make: Any = Enum
    return cast("type[Enum]", make(name, members))


def _list_of(kind: Any) -> Any:
    return list[kind]


def _paged(name: str, connection: type) -> Any:
    """A resolver signature with `first` and `after`; the value itself is finished before execution starts."""

    def page(
        first: Annotated[
            int | None,
            strawberry.argument(description="条数，默认20，最多100。How many, 20 by default, at most 100."),
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, strawberry.argument(description="上一页的 endCursor。endCursor of the page before.")
        ] = strawberry.UNSET,
    ) -> Any:
        raise NotImplementedError

    page.__name__ = name  # Strawberry tells the fields of a type apart by their resolvers' names
    page.__annotations__["return"] = connection | None
    return page


def _about(dataset: Dataset) -> str:
    zh, en = dataset.description.zh or dataset.title.zh, dataset.description.en or dataset.title.en
    return f"{dataset.title.zh}：{zh} {dataset.title.en}: {en} [{dataset.code} · {dataset.sharing.value}]"


def _describe(field: Field) -> str:
    sealed = {SealedFor.ALWAYS: "，加密存储", SealedFor.PERSONS: "，自然人加密存储", SealedFor.NEVER: ""}[
        field.sealed
    ]
    mark = {SealedFor.ALWAYS: ", sealed", SealedFor.PERSONS: ", sealed for persons", SealedFor.NEVER: ""}[
        field.sealed
    ]
    return f"{field.label.zh}（{field.level}级{sealed}）。{field.label.en} (level {field.level}{mark})."
