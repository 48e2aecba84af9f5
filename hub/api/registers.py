"""The open registers: datasets, purposes and matters, for any caller with a token. No field data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import strawberry

from hub.api.context import RequestContext
from hub.catalog.types import Label
from hub.policies.model import Beyond, ConsentTemplate, FairUse, Rate, Unit

Info = strawberry.Info[RequestContext, Any]

strawberry.enum(
    Unit, name="CalendarUnit", description="自然时、日、月、年（北京时间）。A civil calendar unit (UTC+8)."
)
strawberry.enum(
    Beyond,
    name="BeyondCap",
    description="超限的处理：拒绝，或缩至上限并告知。What happens beyond a cap: refused, or cut down and told.",
)


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


@strawberry.type(description="自主申报的真实性承诺。The promise that a declarant makes.")
class CommitmentInfo:
    """A commitment that declared data are true."""

    id: strawberry.ID = strawberry.field(description="标识，随申报提交。Id, sent with the declaration.")
    text: BilingualText = strawberry.field(description="承诺文本。The wording.")


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
    self_declaration: CommitmentInfo | None = strawberry.field(
        description="主体可自主申报时，须作的承诺。Set where subjects may declare data themselves: what they promise."
    )
    source_units: list[BilingualText] = strawberry.field(
        description="可报送该数据集的单位。The units that may supply it."
    )


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


@strawberry.type(description="查询次数上限。How often in a calendar unit (UTC+8).")
class RateInfo:
    """How often in a calendar unit."""

    unit: Unit = strawberry.field(description="单位。Unit.")
    most: int = strawberry.field(description="上限。At most.")


@strawberry.type(description="数据集更严的上限。Narrower caps of one dataset.")
class DatasetCapsInfo:
    """Narrower caps of a fair-use template for one dataset."""

    dataset: str = strawberry.field(description="信息项（数据集）。Dataset.")
    range_months: int = strawberry.field(
        description="数据回溯月数，0 为不限。Months looked back; 0 for no limit."
    )
    data_life_days: int = strawberry.field(
        description="最长保存天数，0 为依法律。Days the data may be kept; 0: by law."
    )
    reads_of_subject: list[RateInfo] = strawberry.field(
        description="另有的查询次数上限。Besides the caps of the template."
    )


@strawberry.type(description="合理使用模板：一种用途可以用多少。How much a purpose may be used.")
class FairUseInfo:
    """A fair-use template."""

    id: strawberry.ID = strawberry.field(description="编号，写入授权和令牌。Id, as in consents and tokens.")
    title: BilingualText = strawberry.field(description="名称。Title.")
    max_consent_days: int = strawberry.field(
        description="授权最长天数，0 为不用授权。Longest consent in days; 0: none is used."
    )
    range_months: int = strawberry.field(
        description="数据回溯月数，0 为不限。Months looked back; 0 for no limit."
    )
    data_life_days: int = strawberry.field(
        description="最长保存天数，0 为依法律。Days the data may be kept; 0: by law."
    )
    subjects_per_request: int = strawberry.field(
        description="一次请求的主体数。Subjects in one request at most."
    )
    reads_of_subject: list[RateInfo] = strawberry.field(
        description="同一机构对同一主体的查询次数。Answers about one subject to one institution."
    )
    reads_in_all: list[RateInfo] = strawberry.field(
        description="同一机构对全部主体的查询次数。Answers about all subjects to one institution."
    )
    over_consent_days: Beyond = strawberry.field(
        description="授权期超限时。When a consent is asked for longer."
    )
    over_range: Beyond = strawberry.field(
        description="数据范围超限时。When an earlier range of data is asked for."
    )
    over_subjects: Beyond = strawberry.field(description="主体过多时。When there are too many subjects.")
    datasets: list[DatasetCapsInfo] = strawberry.field(
        description="个别数据集更严的上限。Narrower caps of some datasets."
    )


@strawberry.type(description="用途。A purpose for which data may be asked.")
class PurposeInfo:
    """A purpose of the register."""

    code: str = strawberry.field(description="代码。Code.")
    title: BilingualText = strawberry.field(description="名称。Title.")
    basis: str = strawberry.field(description="合法性基础。Lawful basis.")
    consent_required: bool = strawberry.field(description="是否需要授权。Whether a consent is needed.")
    grant_required: bool = strawberry.field(
        description="是否需要紧急查询批准。Whether an emergency grant is needed."
    )
    matter_required: bool = strawberry.field(
        description="是否需要清单事项。Whether a listed matter is needed."
    )
    reference_required: bool = strawberry.field(
        description="令牌是否须写明案号或卷宗号。Whether the token states the caller's case or file number."
    )
    closure_days: int | None = strawberry.field(
        description="看到信息后报告使用结果的天数；为空表示无须报告。Days within which the outcome of a use is reported; null: none is owed."
    )
    holders: list[str] = strawberry.field(description="可持有的角色。Roles that may hold it.")
    fair_use: list[FairUseInfo] = strawberry.field(
        description="合理使用模板，第一个为默认；没有的用途不查主体。Fair-use templates, the default first; without one the purpose reads no subject."
    )
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
    ledger_delay_days: int | None = strawberry.field(
        description="主体台账依法延后列明的天数；为空表示即时列明。Days for which the subject's ledger only counts such lookups; null: none."
    )
    ledger_delay_basis: str | None = strawberry.field(description="延后列明的依据。The law that says so.")


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


def rates(found: Iterable[Rate]) -> list[RateInfo]:
    """Rates as their GraphQL type."""
    return [RateInfo(unit=rate.unit, most=rate.most) for rate in found]


def _fair_use(template: FairUse) -> FairUseInfo:
    return FairUseInfo(
        id=strawberry.ID(template.id),
        title=text(template.title),
        max_consent_days=template.max_consent_days,
        range_months=template.range_months,
        data_life_days=template.data_life_days,
        subjects_per_request=template.subjects_per_request,
        reads_of_subject=rates(template.reads_of_subject),
        reads_in_all=rates(template.reads_in_all),
        over_consent_days=template.over_consent_days,
        over_range=template.over_range,
        over_subjects=template.over_subjects,
        datasets=[
            DatasetCapsInfo(
                dataset=caps.dataset,
                range_months=template.range_months_of(caps.dataset),
                data_life_days=template.data_life_days_of(caps.dataset),
                reads_of_subject=rates(caps.reads_of_subject),
            )
            for caps in template.datasets.values()
        ],
    )


def datasets(info: Info) -> list[DatasetInfo]:
    """All datasets of the active editions."""
    catalog = info.context.rules.catalog
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
            self_declaration=CommitmentInfo(id=strawberry.ID(d.commitment_id), text=text(d.commitment))
            if d.commitment
            else None,
            source_units=[text(unit.title) for unit in catalog.units if d.id in unit.datasets],
        )
        for d in catalog
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
                grant_required=purpose.grant_required,
                matter_required=purpose.matter_required,
                reference_required=purpose.reference_required,
                closure_days=purpose.closure_days or None,
                holders=list(purpose.holders),
                fair_use=[_fair_use(t) for t in policy.fair_use_for(code)],
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
            ledger_delay_days=m.ledger_delay_days or None,
            ledger_delay_basis=m.ledger_delay_basis or None,
        )
        for _, m in sorted(info.context.rules.policy.matters.items())
    ]


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(name="datasets", resolver=datasets, description="信用信息目录。The catalogue."),
        strawberry.field(
            name="purposes", resolver=purposes, description="用途登记表。The register of purposes."
        ),
        strawberry.field(
            name="matters", resolver=matters, description="应用清单。The published list of matters."
        ),
    ]
