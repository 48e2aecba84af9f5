"""On what basis may this caller ask about this subject at all? Decided before any record is read.

The order is fixed, and each step uses only what the caller knows already, so that a refusal says nothing about
the subject: token, purpose, fair-use template, matter, reference, border, age, consent or emergency grant, its
template and range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from hub.audit.entry import Basis, BasisKind
from hub.catalog.types import Catalog, SubjectKind
from hub.catalog.units import UnitKind, unit_of
from hub.clock import civil_date
from hub.consent.artefact import Consent, ConsentStatus, Origin
from hub.consent.service import ConsentService
from hub.errors import DisclosureRefusedError
from hub.identity.details import Grant
from hub.identity.tokens import Caller
from hub.model.countries import MAINLAND
from hub.model.identifiers import birth_date
from hub.model.outcome import Reason
from hub.policies.model import Beyond, FairUse, LawfulBasis, PolicySet

MINOR_UNTIL = 14
"""Age in years below which no record is disclosed (personal information protection law art. 28, 31)."""

COUNTY = "county_tenant"
"""Role of a county or city."""
_NOT_PROVIDED = frozenset({LawfulBasis.SELF, LawfulBasis.PUBLIC})
"""One's own data (personal information protection law art. 45) and what is published anyway leave without a permit."""
_NOWHERE = "-"
"""No code begins with it."""

_REASON_OF_STATUS = {
    ConsentStatus.REVOKED: Reason.CONSENT_WITHDRAWN,
    ConsentStatus.EXPIRED: Reason.CONSENT_EXPIRED,
    ConsentStatus.EXHAUSTED: Reason.CONSENT_EXHAUSTED,
    ConsentStatus.NOT_YET_VALID: Reason.CONSENT_NOT_YET_VALID,
}


_CONSENT = (Origin.CONSENT, BasisKind.CONSENT, Reason.CONSENT_REQUIRED)
_EMERGENCY = (Origin.EMERGENCY, BasisKind.EMERGENCY, Reason.GRANT_REQUIRED)


@dataclass(frozen=True)
class Ground:
    """A basis that holds so far; a consent is checked once more inside the read and the log append."""

    grant: Grant
    basis: Basis
    consent: Consent | None
    fair_use: FairUse
    """The template whose caps the request is held to."""


def refusal(policy: PolicySet, reason: Reason, hint: str = "") -> DisclosureRefusedError:
    """The error of a refused subject root, with the policy's text for the reason."""
    label = policy.messages[reason]
    return DisclosureRefusedError(label.en, reason=reason.value, hint=hint, message_zh=label.zh)


def grant_for(policy: PolicySet, caller: Caller, subject_id: bytes) -> Grant:
    """The token's grant that names this subject, if the caller holds its purpose.

    Raises:
        DisclosureRefusedError: SUBJECT_NOT_IN_TOKEN, PURPOSE_NOT_HELD, FAIR_USE_TEMPLATE, MATTER_NOT_LISTED or
            REFERENCE_REQUIRED.
    """
    grant = caller.grant_of(subject_id)
    if grant is None:
        raise refusal(policy, Reason.SUBJECT_NOT_IN_TOKEN)
    purpose = policy.purposes.get(grant.purpose)
    if (
        purpose is None
        or not policy.fair_use_for(grant.purpose)  # a purpose that reads no subject
        or grant.purpose not in caller.client.purposes
        or not policy.holds(caller.roles, grant.purpose)
    ):
        raise refusal(policy, Reason.PURPOSE_NOT_HELD)
    if purpose.basis is LawfulBasis.SELF and caller.client.subject_id != subject_id:
        raise refusal(policy, Reason.PURPOSE_NOT_HELD)
    fair_use_for(policy, grant)
    if purpose.matter_required:
        matter = policy.matters.get(grant.matter or "")
        if matter is None or matter.purpose != grant.purpose or not set(matter.roles) & set(caller.roles):
            raise refusal(policy, Reason.MATTER_NOT_LISTED)
    if purpose.reference_required and not (grant.reference or "").strip():
        raise refusal(policy, Reason.REFERENCE_REQUIRED)
    return grant


def check_border(policy: PolicySet, caller: Caller, grant: Grant, today: date) -> None:
    """Refuse what would leave the mainland without a permit, or to a body of a foreign state.

    Where the caller is and what was permitted is the operator's to register (`hub client`), never the caller's to say.
    Personal information protection law art. 38, 41; regulation on credit reporting art. 24.

    Raises:
        DisclosureRefusedError: CROSS_BORDER.
    """
    client = caller.client
    if client.country == MAINLAND or policy.purposes[grant.purpose].basis in _NOT_PROVIDED:
        return
    known = (policy.roles.get(role) for role in caller.roles)
    if not (client.permitted(today) and all(role is not None and role.abroad for role in known)):
        raise refusal(policy, Reason.CROSS_BORDER)


def division_for(policy: PolicySet, catalog: Catalog, caller: Caller, grant: Grant) -> str | None:
    """What the code of a subject's division must begin with for this caller; None: it may be any.

    A county or city is a tenant of the provincial platform and reads of its own division alone, whatever the
    purpose and whoever consents; an institution that holds the role and is no county's body reads of none.
    """
    if COUNTY not in caller.roles or policy.purposes[grant.purpose].basis is LawfulBasis.SELF:
        return None
    unit = unit_of(catalog.units, caller.institution)
    return unit.division_digits if unit is not None and unit.kind is UnitKind.COUNTY else _NOWHERE


def fair_use_for(policy: PolicySet, grant: Grant) -> FairUse:
    """The fair-use template of a grant: the one it names, else the default of its purpose.

    Raises:
        DisclosureRefusedError: FAIR_USE_TEMPLATE, when the one it names is not one of its purpose.
    """
    template = policy.fair_use_of(grant.purpose, grant.template)
    if template is None:
        ids = ", ".join(t.id for t in policy.fair_use_for(grant.purpose))
        raise refusal(policy, Reason.FAIR_USE_TEMPLATE, f"The templates of the purpose are {ids}.")
    return template


def check_age(policy: PolicySet, kind: SubjectKind, identifier: str, today: date) -> None:
    """Refuse a person under fourteen; the birth date is in the identifier that the caller gave.

    Raises:
        DisclosureRefusedError: MINOR.
    """
    if kind is not SubjectKind.PERSON:
        return
    born = birth_date(identifier)
    if (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) < MINOR_UNTIL:
        raise refusal(policy, Reason.MINOR)


async def ground_for(
    policy: PolicySet,
    consents: ConsentService,
    connection: asyncpg.Connection,
    caller: Caller,
    grant: Grant,
    subject_id: bytes,
) -> Ground:
    """The basis of a request about one subject.

    An emergency grant is found, read and counted by the very statements of a consent, and neither stands for the
    other. A consent that is not this caller's, not for this purpose or not of this subject counts as none, with the
    same statement run either way.

    Raises:
        DisclosureRefusedError: CONSENT_REQUIRED or GRANT_REQUIRED, when there is none of this subject for this caller;
            FAIR_USE_TEMPLATE or FAIR_USE_RANGE, when its consent was given under another template, or reaches
            further back than the template allows and the template refuses that.
    """
    purpose, fair_use = policy.purposes[grant.purpose], fair_use_for(policy, grant)
    if not purpose.artefact_required:
        kinds = {LawfulBasis.SELF: BasisKind.SELF}
        kind = BasisKind.MATTER if purpose.matter_required else kinds.get(purpose.basis, BasisKind.STATUTORY)
        basis = Basis(kind, matter=grant.matter or "", reference=grant.reference or "")
        return Ground(grant, basis, None, fair_use)
    wanted = grant.consent_id or ""
    consent = await consents.find(connection, subject_id, wanted, caller.institution, grant.purpose)
    origin, kind, missing = _EMERGENCY if purpose.grant_required else _CONSENT
    if consent is None or consent.origin is not origin:
        raise refusal(policy, missing)
    check_consent(policy, consent, fair_use)
    basis = Basis(kind, consent.consent_id, consent.version, reference=grant.reference or "")
    return Ground(grant, basis, consent, fair_use)


def check_consent(policy: PolicySet, consent: Consent, fair_use: FairUse) -> None:
    """Hold the caller's own consent to a fair-use template.

    A consent is good under the template it was signed for. Its range is measured from the day it was given, so
    that it does not become too wide by itself; how far one may look back on the day of a request is another cap
    (`FairUse.earliest`).

    Raises:
        DisclosureRefusedError: FAIR_USE_TEMPLATE or FAIR_USE_RANGE.
    """
    if consent.fair_use is not None and consent.fair_use != fair_use.id:
        hint = f'Ask for a token with "template": "{consent.fair_use}", under which the consent was given.'
        raise refusal(policy, Reason.FAIR_USE_TEMPLATE, hint)
    if fair_use.over_range is Beyond.REFUSE:
        earliest = fair_use.earliest(civil_date(consent.granted_at))
        if earliest is not None and consent.date_from < earliest:
            raise refusal(policy, Reason.FAIR_USE_RANGE)


async def explain_no_row(
    policy: PolicySet, consents: ConsentService, connection: asyncpg.Connection, ground: Ground, now: datetime
) -> DisclosureRefusedError:
    """Why the read gave nothing: the state of the caller's own consent, or simply nothing to show.

    An emergency grant does not say that its subject is there; one that is not in force is told like one that
    was never given.
    """
    if ground.consent is None:
        return refusal(policy, Reason.SUBJECT_UNKNOWN)
    current = await consents.reload(connection, ground.consent)
    status = current.status(now) if current else ConsentStatus.REVOKED
    if ground.basis.kind is BasisKind.EMERGENCY:
        active = status is ConsentStatus.ACTIVE
        return refusal(policy, Reason.SUBJECT_UNKNOWN if active else Reason.GRANT_REQUIRED)
    return refusal(policy, _REASON_OF_STATUS.get(status, Reason.CONSENT_REQUIRED))


__all__ = [
    "Ground",
    "check_age",
    "check_border",
    "check_consent",
    "civil_date",
    "division_for",
    "explain_no_row",
    "fair_use_for",
    "grant_for",
    "ground_for",
    "refusal",
]
