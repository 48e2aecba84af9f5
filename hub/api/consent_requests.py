"""The consent request of a trusted document in the schema, so that a portal can show it before a grant."""

from __future__ import annotations

from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.context import RequestContext
from hub.api.registers import BilingualText, RateInfo, rates, text
from hub.api.scalars import USCC
from hub.documents.consent_request import DocumentConsent, ItemAsked, consent_request
from hub.documents.letter import letter
from hub.identity.details import pseudonym

Info = strawberry.Info[RequestContext, Any]


@strawberry.type(description="授权请求中的字段。A field of an item.")
class RequestedField:
    """A field of an item."""

    name: str = strawberry.field(description="字段名。Name.")
    label: BilingualText = strawberry.field(description="名称。Label.")
    outcome: str = strawberry.field(description="将如何显示。How it will be shown.")


@strawberry.type(description="授权请求的信息项。An item of a consent request.")
class RequestedItem:
    """An item of a consent request."""

    dataset: str = strawberry.field(description="信息项（数据集）。Dataset.")
    title: BilingualText = strawberry.field(description="名称。Title.")
    separate: bool = strawberry.field(description="是否须单独同意。Whether it needs a consent of its own.")
    data_life_days: int = strawberry.field(description="最长保存天数。Days the data may be kept.")
    fields: list[RequestedField] = strawberry.field(description="字段。Fields.")


@strawberry.type(description="读取方。Who reads.")
class RequestReader:
    """The recipient of a consent."""

    institution: USCC = strawberry.field(description="统一社会信用代码。USCC.")
    name: str = strawberry.field(description="名称。Name.")
    roles: list[BilingualText] = strawberry.field(description="以何身份。In which roles.")


@strawberry.type(
    description="授权请求：由文档得出，与令牌和执行一致。A consent request, derived from the document that will run."
)
class ConsentRequestInfo:
    """What a subject is asked to agree to."""

    document_id: str = strawberry.field(description="文档编号。Document id.")
    title: BilingualText = strawberry.field(description="文档名称。Title of the document.")
    purpose: str = strawberry.field(description="用途代码。Purpose code.")
    kind: str = strawberry.field(description="主体类别。Kind of subject.")
    template_id: str = strawberry.field(description="授权书模板。Consent template.")
    template_version: int = strawberry.field(description="模板版本。Version of the template.")
    fair_use: str = strawberry.field(description="合理使用模板编号。Id of the fair-use template.")
    frequency: list[RateInfo] = strawberry.field(
        description="同一机构的查询次数上限。How often one institution may read."
    )
    readers: list[RequestReader] = strawberry.field(description="谁可以查看。Who may read.")
    items: list[RequestedItem] = strawberry.field(description="信息项。Items.")
    range_months: int = strawberry.field(description="数据回溯月数。Months of data looked back.")
    validity_days: int = strawberry.field(description="有效天数。Days of validity.")
    max_uses: int = strawberry.field(description="查询次数上限。Uses at most.")
    data_life_days: int = strawberry.field(description="最长保存天数。Days the data may be kept.")
    onward_transfer: bool = strawberry.field(description="可否转给他人。Whether it may be passed on.")
    adverse: BilingualText = strawberry.field(description="不利影响告知。What may follow.")
    withdrawal: BilingualText = strawberry.field(description="撤回方式。How to withdraw.")
    text: BilingualText = strawberry.field(description="授权请求全文。The request in plain words.")
    authorization_details: JSON = strawberry.field(
        description="申请令牌时使用（RFC 9396）；授权后补入授权编号。To ask a token with; add the consent's id once granted."
    )


async def consent_request_of(
    info: Info, document_id: str, grantee: USCC, purpose: str, fair_use_template: str | None = None
) -> ConsentRequestInfo:
    """The consent request of a document for a recipient and a purpose."""
    context = info.context
    services = context.services
    name = await services.consents.recipient(grantee, purpose, context.rules.policy)
    asked = consent_request(
        context.rules, services.trusted, document_id, grantee, purpose,
        grantee_name=name, template_id=fair_use_template,
    )  # fmt: skip
    own = context.caller.client.subject_id
    return _shown(asked, [pseudonym(own)] if own is not None else [])


def _shown(asked: DocumentConsent, subjects: list[str]) -> ConsentRequestInfo:
    template = asked.template
    return ConsentRequestInfo(
        document_id=asked.document.id,
        title=text(asked.document.listed.title),
        purpose=asked.purpose.code,
        kind=asked.kind.value,
        template_id=template.id,
        template_version=template.version,
        readers=[
            RequestReader(
                institution=USCC(asked.grantee),
                name=asked.grantee_name,
                roles=[text(role) for role in asked.roles],
            )
        ],
        items=[_item(asked, item) for item in asked.items],
        fair_use=asked.fair_use.id,
        frequency=rates(asked.fair_use.reads_of_subject),
        range_months=asked.range_months,
        validity_days=asked.validity_days,
        max_uses=template.max_uses,
        data_life_days=asked.data_life_days(),
        onward_transfer=template.onward_transfer,
        adverse=text(template.adverse),
        withdrawal=text(template.withdrawal),
        text=text(letter(asked)),
        authorization_details=cast("Any", asked.authorization_details(subjects)),
    )


def _item(asked: DocumentConsent, item: ItemAsked) -> RequestedItem:
    fields = [RequestedField(name=f.name, label=text(f.label), outcome=f.outcome.name) for f in item.fields]
    return RequestedItem(
        dataset=item.dataset,
        title=text(item.title),
        separate=item.separate,
        data_life_days=asked.data_life_days(item.dataset),
        fields=fields,
    )


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="consentRequest",
            resolver=consent_request_of,
            description="由已登记文档生成的授权请求，供主体阅读。The consent request of a trusted document, for the subject to read.",
        )
    ]
