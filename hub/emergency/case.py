"""One emergency: how far it is, who did what, and what is still owed.

    REQUESTED -> IN_FORCE -> OVER -> REVIEWED
        +-----> DECLINED
        +-----> LAPSED, when nobody approves it in time

- OVER owes a review and a notice to the subject; each has a last civil day.
- Nothing has to run for a grant to end: its state follows from the instant of looking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Danger(StrEnum):
    """What is in danger (personal information protection law art. 13 (1) (4))."""

    LIFE = "LIFE"
    HEALTH = "HEALTH"
    PROPERTY = "PROPERTY"


class EmergencyState(StrEnum):
    """How far an emergency is at an instant."""

    REQUESTED = "REQUESTED"
    LAPSED = "LAPSED"
    DECLINED = "DECLINED"
    IN_FORCE = "IN_FORCE"
    OVER = "OVER"
    """Over and not reviewed."""
    REVIEWED = "REVIEWED"


class Verdict(StrEnum):
    """What a review found."""

    JUSTIFIED = "JUSTIFIED"
    NOT_JUSTIFIED = "NOT_JUSTIFIED"


class EmergencyAct(StrEnum):
    """What is done about an emergency."""

    REQUEST = "request"
    APPROVE = "approve"
    DECLINE = "decline"
    END = "end"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency as it stands at an instant."""

    emergency_id: str
    """Also the id of its grant once it is approved, which a token names as `consent`."""
    subject_id: bytes
    purpose: str
    institution: str
    """USCC of the institution that may look."""
    danger: Danger
    reason: str
    """Why, in words."""
    reference: str
    """File number of the institution."""
    state: EmergencyState
    requested_at: datetime
    lapses_at: datetime
    approved_at: datetime | None
    over_at: datetime | None
    """When the grant ends or was ended; of a declined request, when it was declined."""
    uses: int
    """Answers so far."""
    review_by: date | None
    """Last civil day of the review."""
    tell_by: date | None
    """Last civil day on which the subject is told in time."""
    told_at: datetime | None
    owes_notice: bool
    """Whether there is somebody to tell who was not told: no, where the subject is not registered."""
    verdict: Verdict | None
    verdict_words: str
    reviewed_at: datetime | None

    def review_overdue(self, today: date) -> bool:
        """Whether the review is late."""
        return self.state is EmergencyState.OVER and self.review_by is not None and today > self.review_by

    def notice_overdue(self, today: date) -> bool:
        """Whether the subject should have been told by now."""
        return self.owes_notice and self.tell_by is not None and today > self.tell_by
