"""What a subject fills in to grant a consent, and the rules it must keep before an artefact is made.

- What is left out is filled in from the purpose's consent template, within the caps of the fair-use template.
- A validity or a range of data beyond the caps is refused or cut down, as the fair-use template says; what was
  cut down is told, in the artefact itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NoReturn

from hub.clock import civil_date, months_before
from hub.consent.artefact import Clamp, Term
from hub.errors import InputError
from hub.policies.model import Beyond, ConsentTemplate, DatasetCaps, FairUse, PolicySet, Purpose, Rate

_EARLIEST = date(1949, 10, 1)


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
    template: str | None = None
    """Id of the fair-use template; None: the default one of the purpose."""
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
    fair_use: FairUse
    datasets: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime
    range_from: date
    range_to: date
    max_uses: int
    separate: frozenset[str] = field(default_factory=frozenset)
    clamped: tuple[Clamp, ...] = ()
    """What was asked for and cut down."""

    def data_life_days(self, dataset: str = "") -> int:
        """Days for which the recipient may keep what it gets of a dataset, or of any."""
        return self.fair_use.data_life_days_with(self.template, dataset)

    def item(self, dataset: str, fields: Sequence[str]) -> dict[str, Any]:
        """What the artefact says of a dataset: the fields opened, and the caps that the template has for it alone."""
        own = self.fair_use.datasets.get(dataset) or DatasetCaps(dataset)
        rates = rate_documents(own.reads_of_subject)
        return {
            "dataset": dataset,
            "fields": list(fields),
            "separate": dataset in self.separate,
            "dataLife": {"unit": "DAY", "value": self.data_life_days(dataset)},
            **({"rangeMonths": own.range_months} if own.range_months else {}),
            **({"frequency": rates} if rates else {}),
        }


def rate_documents(rates: Iterable[Rate]) -> list[dict[str, Any]]:
    """Reads by calendar unit as the artefact says them."""
    return [{"unit": rate.unit.value, "value": rate.most} for rate in rates]


def settle(request: ConsentRequest, kind: str, policy: PolicySet, now: datetime) -> Terms:
    """Check a request against purpose, consent template and fair-use template.

    Args:
        request: what is asked for.
        kind: kind of the subject that grants, ORG or PERSON.
        policy: purposes and templates in force.
        now: the instant of the grant.

    Raises:
        InputError: naming the first rule that it breaks.
    """
    purpose, template, caps = _templates(request, kind, policy)
    datasets, separate = _items(request, template)
    clamped: list[Clamp] = []
    days = _days(request, template, caps, clamped)
    uses = _uses(request, template)
    today = civil_date(now)
    range_from = _range_from(request, template, caps, today, clamped)
    range_to = request.range_to or today + timedelta(days=days)
    if range_to < range_from:
        _refuse(
            "The range of data ends before it begins.",
            "数据范围止于起始之前。",
            "Move rangeFrom or rangeTo.",
        )
    return Terms(
        purpose, template, caps, datasets, now, now + timedelta(days=days), range_from, range_to, uses,
        separate, tuple(clamped),
    )  # fmt: skip


def _templates(
    request: ConsentRequest, kind: str, policy: PolicySet
) -> tuple[Purpose, ConsentTemplate, FairUse]:
    purpose = policy.purposes.get(request.purpose)
    templates = [t for t in policy.templates_for(request.purpose) if t.kind.value == kind]
    if purpose is None or not purpose.consent_required or not templates:
        _refuse(
            "This purpose is not one that a consent can be given for.",
            "该用途不以授权同意为依据。",
            "`purposes` lists them.",
        )
    caps = policy.fair_use_of(purpose.code, request.template)
    if caps is None:
        _refuse(
            "The purpose has no fair-use template of this id.",
            "该用途没有此合理使用模板。",
            f"Choose among {', '.join(t.id for t in policy.fair_use_for(purpose.code))}.",
        )
    return purpose, templates[-1], caps


def _items(request: ConsentRequest, template: ConsentTemplate) -> tuple[tuple[str, ...], frozenset[str]]:
    """The datasets, and those of them that are signed for apart."""
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
    return datasets, separate


def _days(request: ConsentRequest, template: ConsentTemplate, caps: FairUse, clamped: list[Clamp]) -> int:
    """Days of validity."""
    most, asked = caps.max_consent_days, request.valid_days
    if asked is None:
        return caps.validity_days_with(template)
    if asked > most and caps.over_consent_days is Beyond.CLAMP:
        clamped.append(Clamp(Term.VALID_DAYS, str(asked), str(most)))
        return most
    if not 1 <= asked <= most:
        _refuse(
            f"A consent for this purpose lasts 1 to {most} days.",
            "授权有效期超出限制。",
            "Shorten validDays.",
        )
    return asked


def _uses(request: ConsentRequest, template: ConsentTemplate) -> int:
    uses = request.max_uses if request.max_uses is not None else template.max_uses
    if not 1 <= uses <= template.max_uses:
        _refuse(
            f"A consent for this purpose allows 1 to {template.max_uses} uses.",
            "查询次数超出限制。",
            "Lower maxUses.",
        )
    return uses


def _range_from(
    request: ConsentRequest, template: ConsentTemplate, caps: FairUse, today: date, clamped: list[Clamp]
) -> date:
    """First date of the data covered: within the cap, and within what the notice of the template says."""
    months = caps.range_months_with(template)
    earliest = max(months_before(today, months), _EARLIEST) if months else _EARLIEST
    asked = request.range_from
    if asked is None or asked >= earliest:
        return asked or earliest
    if caps.over_range is Beyond.REFUSE:
        _refuse(
            f"The range of data covers at most {months} months back.",
            "数据范围超出限制。",
            "Move rangeFrom forward.",
        )
    clamped.append(Clamp(Term.RANGE_FROM, asked.isoformat(), earliest.isoformat()))
    return earliest


def _refuse(message: str, message_zh: str, hint: str) -> NoReturn:
    raise InputError(message, hint=hint, message_zh=message_zh)
