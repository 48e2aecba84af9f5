"""Consents in the schema: grant, list, withdraw. Only the subject itself, under a token for its own affairs."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import strawberry

from hub.api.context import RequestContext
from hub.api.registers import BilingualText, RateInfo, text
from hub.api.scalars import USCC, Date, DateTime
from hub.clock import CST
from hub.consent.artefact import Consent as StoredConsent
from hub.consent.artefact import ConsentStatus as Status
from hub.consent.artefact import Term
from hub.consent.request import ConsentRequest
from hub.documents.consent_request import consent_request
from hub.errors import InputError
from hub.policies.model import Unit

Info = strawberry.Info[RequestContext, Any]

strawberry.enum(Status, name="ConsentStatus", description="授权状态。What can be said of a consent now.")
strawberry.enum(
    Term, name="ConsentTerm", description="授权条款。A term that a fair-use template may cut down."
)


@strawberry.type(description="授权的信息项。One item that a consent opens.")
class ConsentItem:
    """One item of a consent."""

    dataset: str = strawberry.field(description="信息项（数据集）。Dataset.")
    fields: list[str] = strawberry.field(description="字段，空表示全部。Fields; empty means all.")
    separate: bool = strawberry.field(description="是否单独同意。Whether signed for apart.")
    data_life_days: int = strawberry.field(description="最长保存天数。Days the recipient may keep the data.")


@strawberry.type(
    description="超出合理使用模板而被缩减的条款。A term beyond the fair-use template that was cut down."
)
class ClampedTerm:
    """A term that was cut down."""

    term: Term = strawberry.field(description="条款。Which term.")
    asked: str = strawberry.field(description="申请的值。What was asked for.")
    given: str = strawberry.field(description="实际的值。What was given instead.")
    text: BilingualText = strawberry.field(description="说明。In plain words.")


@strawberry.type(
    description="授权：谁可为何用途查看哪些信息、多久、几次。A consent: who may see what, for what, until when, how often."
)
class Consent:
    """A consent as its subject sees it."""

    id: strawberry.ID = strawberry.field(
        description="授权编号，提供给被授权方。Id; give it to the recipient."
    )
    version: int = strawberry.field(description="版本。Version.")
    status: Status = strawberry.field(description="当前状态。Status now.")
    grantee: USCC = strawberry.field(description="被授权方。Recipient.")
    purpose: str = strawberry.field(description="用途代码。Purpose code.")
    items: list[ConsentItem] = strawberry.field(description="信息项。Items.")
    range_from: Date = strawberry.field(description="数据范围起。First date of the data covered.")
    range_to: Date = strawberry.field(description="数据范围止。Last date of the data covered.")
    valid_from: DateTime = strawberry.field(description="生效时间。Valid from.")
    valid_to: DateTime = strawberry.field(description="失效时间。Valid until.")
    max_uses: int | None = strawberry.field(description="可查询次数。Uses allowed.")
    used_count: int = strawberry.field(description="已查询次数。Uses so far.")
    data_life_days: int = strawberry.field(
        description="被授权方最长保存天数。Days the recipient may keep the data."
    )
    fair_use: str | None = strawberry.field(
        description="合理使用模板编号，令牌须相同。Id of the fair-use template; the token must name the same."
    )
    frequency: list[RateInfo] = strawberry.field(
        description="同一机构的查询次数上限。How often one institution may read."
    )
    clamped: list[ClampedTerm] = strawberry.field(
        description="超出模板而被缩减的条款。What was asked for beyond the template and cut down."
    )
    revoked_at: DateTime | None = strawberry.field(description="撤回时间。When it was withdrawn.")
    artefact: strawberry.scalars.JSON = strawberry.field(description="签名的授权书原文。The signed artefact.")


@strawberry.input(
    description="授予授权。未填的项取该用途模板的默认值。What is granted; what is left out comes from the purpose's template."
)
class GrantConsentInput:
    """A grant as a subject fills it in."""

    grantee: USCC = strawberry.field(description="被授权方统一社会信用代码。USCC of the recipient.")
    purpose: str = strawberry.field(description="用途代码。Purpose code.")
    datasets: list[str] | None = strawberry.field(
        default=None, description="信息项。Datasets; the template's when left out."
    )
    document: str | None = strawberry.field(
        default=None,
        description="已登记文档的编号：仅授权该文档所查的信息项和字段。Id of a trusted document: only the items and fields it reads.",
    )
    fair_use_template: str | None = strawberry.field(
        default=None,
        description="合理使用模板编号，不填则取该用途的默认模板。Id of a fair-use template; the purpose's default when left out.",
    )
    valid_days: int | None = strawberry.field(default=None, description="有效天数。Days of validity.")
    range_from: Date | None = strawberry.field(default=None, description="数据范围起。First date of data.")
    range_to: Date | None = strawberry.field(default=None, description="数据范围止。Last date of data.")
    max_uses: int | None = strawberry.field(default=None, description="查询次数。Uses allowed.")
    signatory: str = strawberry.field(default="", description="签署人。Who signs.")
    separate_consent: bool = strawberry.field(
        default=False, description="已单独同意敏感项。Sensitive items were signed for apart."
    )
    adverse_notice_acknowledged: bool = strawberry.field(
        default=False,
        description="已知悉不良信息后果。The notice about adverse information was acknowledged.",
    )


def show(consent: StoredConsent, context: RequestContext) -> Consent:
    """A stored consent as its GraphQL type."""
    artefact = consent.artefact
    return Consent(
        id=strawberry.ID(consent.consent_id),
        version=consent.version,
        status=consent.status(context.now),
        grantee=USCC(consent.grantee),
        purpose=consent.purpose,
        items=[
            ConsentItem(
                dataset=i["dataset"],
                fields=i["fields"],
                separate=i["separate"],
                data_life_days=i.get("dataLife", artefact["dataLife"])["value"],
            )
            for i in artefact["items"]
        ],
        range_from=Date(artefact["dataRange"]["from"]),
        range_to=Date(artefact["dataRange"]["to"]),
        valid_from=DateTime(consent.valid_from.astimezone(CST).isoformat()),
        valid_to=DateTime(consent.valid_to.astimezone(CST).isoformat()),
        max_uses=consent.max_uses,
        used_count=consent.used_count,
        data_life_days=artefact["dataLife"]["value"],
        fair_use=consent.fair_use,
        frequency=[
            RateInfo(unit=Unit(rate["unit"]), most=rate["value"]) for rate in artefact.get("frequency", ())
        ],
        clamped=[
            ClampedTerm(term=c.term, asked=c.asked, given=c.given, text=text(c.text)) for c in consent.clamped
        ],
        revoked_at=DateTime(consent.revoked_at.astimezone(CST).isoformat()) if consent.revoked_at else None,
        artefact=cast("Any", dict(artefact)),
    )


async def list_consents(info: Info) -> list[Consent]:
    """The subject's own consents, newest first."""
    context = info.context
    subject_id = context.own_subject()
    context.did(subject_id)
    return [show(c, context) for c in await context.services.consents.list_all(subject_id)]


async def grant_consent(info: Info, input: GrantConsentInput) -> Consent:
    """Grant a consent; it is in force at once."""
    context = info.context
    subject_id = context.own_subject()
    if input.datasets is not None and not input.datasets:
        raise InputError(
            "A consent names at least one item.",
            hint="Leave `datasets` out for those of the template.",
            message_zh="授权至少应包含一项信息；不填 datasets 则取模板所列各项。",
        )
    fields = _fields(context, input)
    request = ConsentRequest(
        grantee=input.grantee,
        purpose=input.purpose,
        datasets=input.datasets or tuple(fields),
        fields=fields,
        valid_days=input.valid_days,
        range_from=date.fromisoformat(input.range_from) if input.range_from else None,
        range_to=date.fromisoformat(input.range_to) if input.range_to else None,
        max_uses=input.max_uses,
        template=input.fair_use_template,
        signatory=input.signatory,
        separate_consent=input.separate_consent,
        adverse_notice_acknowledged=input.adverse_notice_acknowledged,
    )
    context.did(subject_id)
    consent = await context.services.consents.grant(
        subject_id, request, context.rules.policy, context.caller.client.client_id, context.now
    )
    return show(consent, context)


def _fields(context: RequestContext, input: GrantConsentInput) -> dict[str, tuple[str, ...]]:
    """The fields a document reads, by dataset; empty when the grant names no document."""
    if input.document is None:
        return {}
    asked = consent_request(
        context.rules, context.services.trusted, input.document, input.grantee, input.purpose,
        template_id=input.fair_use_template,
    )  # fmt: skip
    if beyond := sorted(set(input.datasets or ()) - asked.fields.keys()):
        raise InputError(
            f"The document does not read these items: {', '.join(beyond)}.",
            hint="`consentRequest` lists the items of a document.",
            message_zh="所选信息项不在该文档的查询范围内。",
        )
    return asked.fields


async def withdraw_consent(info: Info, id: strawberry.ID, reason: str = "") -> Consent:
    """Withdraw a consent; every request that starts afterwards is refused."""
    context = info.context
    subject_id = context.own_subject()
    context.did(subject_id)
    consent = await context.services.consents.withdraw(
        subject_id, str(id), reason, context.rules.policy, context.caller.client.client_id, context.now
    )
    return show(consent, context)


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="consents",
            resolver=list_consents,
            description="本主体授予的授权，最新在前。The subject's own consents.",
        )
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="grantConsent",
            resolver=grant_consent,
            description="授予授权，立即生效。Grant a consent; in force at once.",
        ),
        strawberry.mutation(
            name="withdrawConsent",
            resolver=withdraw_consent,
            description="撤回授权，立即生效。Withdraw a consent; effective at once.",
        ),
    ]
