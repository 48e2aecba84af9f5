"""What a subject fills in to grant a consent, and the rules it must keep before an artefact is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NoReturn

from hub.clock import civil_date
from hub.errors import InputError
from hub.policies.model import ConsentTemplate, PolicySet, Purpose


@dataclass(frozen=True)
class ConsentRequest:
    """A grant as asked for; what is left out is filled from the purpose's template, never beyond it."""

    grantee: str
    """USCC of the recipient."""
    purpose: str
    datasets: Sequence[str] = ()
    """Datasets to open; empty: those of the template."""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Fields to open, by dataset; a dataset that is not in it opens with all its fields."""
    valid_days: int | None = None
    range_from: date | None = None
    range_to: date | None = None
    max_uses: int | None = None
    signatory: str = ""
    separate_consent: bool = False
    """The signature of its own for sensitive items (personal information protection law art. 29)."""
    adverse_notice_acknowledged: bool = False
    """The subject was told what may follow (regulation on the credit reporting industry art. 14)."""
    created_via: str = "API"


@dataclass(frozen=True)
class Terms:
    """A request that keeps the rules, with everything filled in."""

    purpose: Purpose
    template: ConsentTemplate
    datasets: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime
    range_from: date
    range_to: date
    max_uses: int
    separate: frozenset[str] = field(default_factory=frozenset)


def settle(request: ConsentRequest, kind: str, policy: PolicySet, now: datetime) -> Terms:
    """Check a request against purpose and template.

    Args:
        request: what is asked for.
        kind: kind of the subject that grants, ORG or PERSON.
        policy: purposes and templates in force.
        now: the instant of the grant.

    Raises:
        InputError: naming the first rule that it breaks.
    """
    purpose = policy.purposes.get(request.purpose)
    templates = [t for t in policy.templates_for(request.purpose) if t.kind.value == kind]
    if purpose is None or not purpose.consent_required or not templates:
        _refuse(
            "This purpose is not one that a consent can be given for.",
            "该用途不以授权同意为依据。",
            "`purposes` lists them.",
        )
    template = templates[-1]
    datasets = tuple(request.datasets) or template.datasets
    if beyond := sorted(set(datasets) - set(template.datasets)):
        _refuse(
            f"The purpose does not need these items: {', '.join(beyond)}.",
            "所选信息项超出该用途所必需的范围。",
            f"Choose among {', '.join(template.datasets)}.",
        )
    separate = frozenset(i.dataset for i in template.items if i.separate and i.dataset in datasets)
    if separate and not request.separate_consent:
        _refuse(
            "Sensitive items need a separate consent.",
            "敏感信息项需要单独同意。",
            "Show them apart and set separateConsent.",
        )
    if not request.adverse_notice_acknowledged:
        _refuse(
            "The notice about adverse information has not been acknowledged.",
            "尚未确认不良信息告知。",
            "Show the notice and set adverseNoticeAcknowledged.",
        )
    days = request.valid_days if request.valid_days is not None else template.validity_days
    if not 1 <= days <= purpose.max_consent_days:
        _refuse(
            f"A consent for this purpose lasts 1 to {purpose.max_consent_days} days.",
            "授权有效期超出限制。",
            "Shorten validDays.",
        )
    uses = request.max_uses if request.max_uses is not None else template.max_uses
    if not 1 <= uses <= template.max_uses:
        _refuse(
            f"A consent for this purpose allows 1 to {template.max_uses} uses.",
            "查询次数超出限制。",
            "Lower maxUses.",
        )
    today = civil_date(now)
    earliest = _months_before(today, template.range_months) if template.range_months else date.min
    range_from, range_to = (
        request.range_from or max(earliest, date(1949, 10, 1)),
        request.range_to or today + timedelta(days=days),
    )
    if range_from < earliest or range_to < range_from:
        _refuse(
            f"The range of data covers at most {template.range_months} months back.",
            "数据范围超出限制。",
            "Move rangeFrom forward.",
        )
    return Terms(
        purpose, template, datasets, now, now + timedelta(days=days), range_from, range_to, uses, separate
    )


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, min(day.day, 28))


def _refuse(message: str, message_zh: str, hint: str) -> NoReturn:
    raise InputError(message, hint=hint, message_zh=message_zh)
