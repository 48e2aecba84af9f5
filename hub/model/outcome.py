"""What may happen to a field, and why.

Deciding returns a `Decision`, never a bare bool: the outcome, the rule that decided, and the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Outcome(IntEnum):
    """Outcomes from shut to open; a larger number shows more."""

    WITHHELD = 0
    PREDICATE = 1
    GENERALISED = 2
    MASKED = 3
    CLEAR = 4


class Reason(StrEnum):
    """Stable reason codes under which something is masked, withheld or refused."""

    ALLOWED = "ALLOWED"
    NO_RULE = "NO_RULE"
    """No rule opens the field to this role for this purpose."""
    DENIED_BY_RULE = "DENIED_BY_RULE"
    MASKED_BY_RULE = "MASKED_BY_RULE"
    GENERALISED_BY_RULE = "GENERALISED_BY_RULE"
    """Shown coarser than it is stored: a band, a year, a township."""
    PREDICATE_ONLY = "PREDICATE_ONLY"
    """Not shown; only declared yes/no questions may be asked about it."""
    PREDICATE_THRESHOLD = "PREDICATE_THRESHOLD"
    """The threshold is not one of those declared for the question."""
    PREDICATE_BUDGET = "PREDICATE_BUDGET"
    """The caller has asked enough about this subject for now."""
    CONSENT_SCOPE = "CONSENT_SCOPE"
    """The dataset is not among the items the consent names."""
    CONSENT_REQUIRED = "CONSENT_REQUIRED"
    """No active consent of this subject covers this caller and purpose (or there is no such subject)."""
    CONSENT_EXPIRED = "CONSENT_EXPIRED"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    CONSENT_EXHAUSTED = "CONSENT_EXHAUSTED"
    CONSENT_NOT_YET_VALID = "CONSENT_NOT_YET_VALID"
    GRANT_REQUIRED = "GRANT_REQUIRED"
    """No emergency grant in force covers this caller and subject: never given, another's, over, used up or ended."""
    PURPOSE_NOT_HELD = "PURPOSE_NOT_HELD"
    """The caller does not hold the purpose stated in the token."""
    SUBJECT_NOT_IN_TOKEN = "SUBJECT_NOT_IN_TOKEN"  # noqa: S105
    """The token was not issued for this subject."""
    SUBJECT_UNKNOWN = "SUBJECT_UNKNOWN"
    """There is nothing the caller may see of such a subject (or there is no such subject)."""
    MATTER_NOT_LISTED = "MATTER_NOT_LISTED"
    """The matter is not on the published list of matters for which credit may be checked."""
    REFERENCE_REQUIRED = "REFERENCE_REQUIRED"
    """The purpose asks for the number of the caller's case or file, and the token states none."""
    FAIR_USE_TEMPLATE = "FAIR_USE_TEMPLATE"
    """The fair-use template is not one of the purpose, or not the one the consent was given under."""
    FAIR_USE_RANGE = "FAIR_USE_RANGE"
    """The consent covers data from before what the fair-use template lets one look back to, and it refuses."""
    FAIR_USE_SUBJECTS = "FAIR_USE_SUBJECTS"
    """More subjects in one request than the fair-use template allows."""
    FAIR_USE_FREQUENCY = "FAIR_USE_FREQUENCY"
    """Read as often as the fair-use template allows in this calendar unit."""
    CROSS_BORDER = "CROSS_BORDER"
    """The caller is outside the mainland, and no permit in force lets data leave to it."""
    MINOR = "MINOR"
    """The subject is under fourteen."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one field: what happens, which rule says so, and why."""

    outcome: Outcome
    rule: str
    reason: Reason
