"""The artefact of an emergency grant: what a second person let an institution see of one subject, without asking it.

- It has the members of a consent that decide (recipient, items, purpose, range, validity, uses), so that it is found,
  read and counted by the statements of a consent. In place of who consents stands whom it is about.
- It names the persons who asked and approved, as pseudonyms, and the file number; never a value.
- It opens the items that the policy named when it was approved, over the range of the fair-use template, for the
  hours and uses that the policy said then; a later change of these terms widens nothing.

Source: personal information protection law art. 13 (1) (4) and 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from hub.audit.entry import subject_ref
from hub.clock import civil_date, to_millis
from hub.consent.artefact import EMERGENCY_FORMAT, Consent, Origin
from hub.errors import InputError
from hub.keys.ring import KeyRing
from hub.keys.signing import sign_document
from hub.policies.model import PolicySet

_EARLIEST = date(1949, 10, 1)


@dataclass(frozen=True, slots=True)
class Approved:
    """What was approved, by whom, for whom."""

    grant_id: str
    subject_id: bytes
    purpose: str
    grantee: str
    """USCC of the institution that may look."""
    danger: str
    """Code of what is in danger."""
    reference: str
    """File number of the institution."""
    requested_by: Mapping[str, str]
    """Client, institution and pseudonym of the person."""
    approved_by: Mapping[str, str]


def emergency_grant(ring: KeyRing, approved: Approved, policy: PolicySet, now: datetime) -> Consent:
    """The signed grant; it is not stored yet.

    Args:
        ring: signs it, with the key of consents.
        approved: what it says.
        policy: terms in force.
        now: the instant of the approval; it is in force from then on.

    Raises:
        InputError: when the purpose has no terms for emergencies any more.
    """
    purpose, fair_use = policy.purposes.get(approved.purpose), policy.fair_use_of(approved.purpose, None)
    if purpose is None or purpose.emergency is None or fair_use is None:
        raise InputError(
            "The rules know no emergencies of this purpose.",
            hint="`purposes` lists them.",
            message_zh="规则中该用途不设紧急查询。",
        )
    terms, valid_to = purpose.emergency, now + timedelta(hours=purpose.emergency.hours)
    body: dict[str, Any] = {
        "format": EMERGENCY_FORMAT,
        "id": approved.grant_id,
        "version": 1,
        "about": {"subject": subject_ref(approved.subject_id)},
        "grantee": {"institution": approved.grantee},
        "items": [{"dataset": dataset, "fields": []} for dataset in terms.items],
        "purpose": {"code": purpose.code, "basis": purpose.basis.value},
        "danger": approved.danger,
        "reference": approved.reference,
        "requestedBy": dict(approved.requested_by),
        "approvedBy": dict(approved.approved_by),
        "dataRange": {
            "from": (fair_use.earliest(civil_date(now)) or _EARLIEST).isoformat(),
            "to": civil_date(valid_to).isoformat(),
        },
        "validFrom": to_millis(now),
        "validTo": to_millis(valid_to),
        "maxUses": terms.uses,
        "fairUse": {"template": fair_use.id},
        "mode": "VIEW",
        "dataLife": {"unit": "DAY", "value": fair_use.data_life_days},
        "onwardTransfer": {"allowed": False},
        "grantedAt": to_millis(now),
        "policyRevision": policy.revision,
    }
    signed = sign_document(ring.consent.active, body)
    return Consent(
        approved.subject_id, approved.grant_id, 1, approved.grantee, purpose.code, now, valid_to, terms.uses, 0,
        False, None, signed, Origin.EMERGENCY,
    )  # fmt: skip
