"""The open registers: datasets, purposes and matters, for any caller with a token. No field data."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.context import RequestContext
from hub.catalog.types import Label
from hub.policies.model import ConsentTemplate

Info = strawberry.Info[RequestContext, Any]


@strawberry.type(description="双语文本。A text in both languages.")
class BilingualText:
    """A text in both languages."""

    zh: str = strawberry.field(description="中文。Chinese.")
    en: str = strawberry.field(description="英文。English.")


@strawberry.type(description="数据集字段。A field of a dataset.")
class DatasetField:
    """A field of the catalogue."""

    name: str = strawberry.field(description="字段名。Name.")
    label: BilingualText = strawberry.field(description="名称。Label.")
    type: str = strawberry.field(description="类型。Type.")
    level: int = strawberry.field(description="敏感级别1至5。Sensitivity level, 1 to 5.")
    sealed: str = strawberry.field(
        description="是否加密存储。Whether sealed at rest: never, persons, always."
    )
    required: str = strawberry.field(description="是否必填。Whether required: Y, O, P, C, N.")
    columns: list[str] = strawberry.field(description="导入列名。Column headers accepted in files.")


@strawberry.type(description="目录中的数据集。A dataset of the catalogue.")
class DatasetInfo:
    """A dataset of the catalogue."""

    id: strawberry.ID = strawberry.field(description="标识。Id.")
    code: str = strawberry.field(description="目录代码。Catalogue code.")
    edition: str = strawberry.field(description="目录版本。Edition.")
    title: BilingualText = strawberry.field(description="名称。Title.")
    sharing: str = strawberry.field(description="共享属性。Sharing class.")
    nature: str = strawberry.field(description="信用属性。Nature.")
    legal_basis: str = strawberry.field(description="依据。Legal basis.")
    subjects: list[str] = strawberry.field(description="主体类别。Kinds of subject.")
    fields: list[DatasetField] = strawberry.field(description="字段。Fields.")


@strawberry.type(description="授权书模板。What a subject is shown and signs.")
class ConsentTemplateInfo:
    """A consent template."""

    id: strawberry.ID = strawberry.field(description="编号。Id.")
    version: int = strawberry.field(description="版本。Version.")
    kind: str = strawberry.field(description="主体类别。Kind of subject.")
    items: list[str] = strawberry.field(description="信息项。Datasets asked for.")
    separate_items: list[str] = strawberry.field(
        description="须单独同意的信息项。Datasets that need a separate consent."
    )
    validity_days: int = strawberry.field(description="默认有效天数。Days of validity by default.")
    max_uses: int = strawberry.field(description="查询次数上限。Uses at most.")
    notice: BilingualText = strawberry.field(description="告知文本。The notice.")
    adverse: BilingualText = strawberry.field(
        description="不良信息告知。The notice about adverse information."
    )
    withdrawal: BilingualText = strawberry.field(description="撤回方式。How to withdraw.")


@strawberry.type(description="用途。A purpose for which data may be asked.")
class PurposeInfo:
    """A purpose of the register."""

    code: str = strawberry.field(description="代码。Code.")
    title: BilingualText = strawberry.field(description="名称。Title.")
    basis: str = strawberry.field(description="合法性基础。Lawful basis.")
    consent_required: bool = strawberry.field(description="是否需要授权。Whether a consent is needed.")
    matter_required: bool = strawberry.field(
        description="是否需要清单事项。Whether a listed matter is needed."
    )
    holders: list[str] = strawberry.field(description="可持有的角色。Roles that may hold it.")
    max_consent_days: int = strawberry.field(description="授权最长天数。Longest consent in days.")
    data_life_days: int = strawberry.field(description="数据最长保存天数。Days the data may be kept.")
    consent_templates: list[ConsentTemplateInfo] = strawberry.field(
        description="授权书模板，按主体类别。Consent templates, one for each kind of subject."
    )


@strawberry.type(description="应用清单事项。A matter on the published list.")
class MatterInfo:
    """A matter for which a government purpose may check credit."""

    code: str = strawberry.field(description="代码。Code.")
    title: BilingualText = strawberry.field(description="名称。Title.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    legal_basis: str = strawberry.field(description="依据。Legal basis.")


def text(label: Label) -> BilingualText:
    """A label as its GraphQL type."""
    return BilingualText(zh=label.zh, en=label.en)


def _template(template: ConsentTemplate) -> ConsentTemplateInfo:
    return ConsentTemplateInfo(
        id=strawberry.ID(template.id),
        version=template.version,
        kind=template.kind.value,
        items=list(template.datasets),
        separate_items=[i.dataset for i in template.items if i.separate],
        validity_days=template.validity_days,
        max_uses=template.max_uses,
        notice=text(template.notice),
        adverse=text(template.adverse),
        withdrawal=text(template.withdrawal),
    )


def datasets(info: Info) -> list[DatasetInfo]:
    """All datasets of the active editions."""
    return [
        DatasetInfo(
            id=strawberry.ID(d.id),
            code=d.code,
            edition=d.edition,
            title=text(d.title),
            sharing=d.sharing.value,
            nature=d.nature.value,
            legal_basis=d.legal_basis,
            subjects=[k.value for k in d.subjects],
            fields=[
                DatasetField(
                    name=f.name,
                    label=text(f.label),
                    type=f.type.value,
                    level=f.level,
                    sealed=f.sealed.value,
                    required=f.required,
                    columns=list(f.columns),
                )
                for f in d.fields
            ],
        )
        for d in info.context.rules.catalog
    ]


def purposes(info: Info) -> list[PurposeInfo]:
    """All registered purposes."""
    policy = info.context.rules.policy
    found = []
    for code, purpose in sorted(policy.purposes.items()):
        found.append(
            PurposeInfo(
                code=code,
                title=text(purpose.title),
                basis=purpose.basis.value,
                consent_required=purpose.consent_required,
                matter_required=purpose.matter_required,
                holders=list(purpose.holders),
                max_consent_days=purpose.max_consent_days,
                data_life_days=purpose.data_life_days,
                consent_templates=[_template(t) for t in policy.templates_for(code)],
            )
        )
    return found


def matters(info: Info) -> list[MatterInfo]:
    """The published list of matters."""
    return [
        MatterInfo(
            code=m.code,
            title=text(m.title),
            purpose=m.purpose,
            legal_basis=m.legal_basis,
        )
        for _, m in sorted(info.context.rules.policy.matters.items())
    ]
