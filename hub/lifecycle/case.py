"""Cases about records: what they are, who does what in them, in which order.

    REPAIR     APPLIED -> ACCEPTED -> APPROVED -> REVOKED
                  |          +-----> REJECTED
                  +-----> DECLINED
    OBJECTION  OBJECTED -> CORRECTED | WITHDRAWN | REJECTED | BOTH_VIEWS
    WITHDRAWAL [REPORTED ->] WITHDRAWN | REJECTED
    SHIELD     REGISTERED -> SHIELDED -> LIFTED
                  +-----> REJECTED

- An open case has a due date; a closed one has none. One record has at most one open case of a kind.
- APPROVED, WITHDRAWN and SHIELDED take the record out of publication, REVOKED and LIFTED put it back.
- OBJECTED and BOTH_VIEWS annotate the record: it is disputed, and stays shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from hub.clock import civil_date


class CaseKind(StrEnum):
    """What a case is about."""

    REPAIR = "REPAIR"
    OBJECTION = "OBJECTION"
    WITHDRAWAL = "WITHDRAWAL"
    """The decision behind the record was revoked, annulled or changed."""
    SHIELD = "SHIELD"
    """A court's ruling on a reorganisation hides the record for a time."""


class CaseState(StrEnum):
    """How far a case is."""

    APPLIED = "APPLIED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    """Not accepted for decision."""
    APPROVED = "APPROVED"
    REVOKED = "REVOKED"
    """A repair that was got by a false proof or promise."""
    OBJECTED = "OBJECTED"
    CORRECTED = "CORRECTED"
    WITHDRAWN = "WITHDRAWN"
    """The record was taken out of publication."""
    BOTH_VIEWS = "BOTH_VIEWS"
    """Cannot be settled: the dispute itself is put on record (regulation on credit reporting art. 25)."""
    REJECTED = "REJECTED"
    REPORTED = "REPORTED"
    """The subject says that the decision was revoked; the unit has not withdrawn the record yet."""
    REGISTERED = "REGISTERED"
    """A ruling was entered by one person and waits for another to confirm it."""
    SHIELDED = "SHIELDED"
    LIFTED = "LIFTED"


ANNOTATING = frozenset({CaseState.OBJECTED, CaseState.BOTH_VIEWS})
"""States of a case that mark its record as disputed."""


class Act(StrEnum):
    """What can be done in a case."""

    APPLY = "apply"
    ACCEPT = "accept"
    DECLINE = "decline"
    APPROVE = "approve"
    REJECT = "reject"
    REVOKE = "revoke"
    OBJECT = "object"
    SETTLE = "settle"
    EXTEND = "extend"
    REPORT = "report"
    WITHDRAW = "withdraw"
    REGISTER = "register"
    CONFIRM = "confirm"
    REVIEW = "review"
    LIFT = "lift"


class CaseReason(StrEnum):
    """Why an application was not accepted or approved, or a repair taken back; the subject is told."""

    PERIOD_NOT_OVER = "PERIOD_NOT_OVER"
    DUTY_NOT_FULFILLED = "DUTY_NOT_FULFILLED"
    PROOF_INSUFFICIENT = "PROOF_INSUFFICIENT"
    COMMITMENT_MISSING = "COMMITMENT_MISSING"
    OTHER_LAW = "OTHER_LAW"
    FALSE_PROOF = "FALSE_PROOF"
    FALSE_COMMITMENT = "FALSE_COMMITMENT"


class WithdrawalGround(StrEnum):
    """What became of the decision behind a record (administrative penalty law art. 48)."""

    REVOKED = "REVOKED"
    CHANGED = "CHANGED"
    UNLAWFUL = "UNLAWFUL"
    """Confirmed to be unlawful."""
    INVALID = "INVALID"
    """Confirmed to be void."""


class ExtensionReason(StrEnum):
    """Why an act takes longer; the subject is told."""

    INVESTIGATION = "INVESTIGATION"
    EXPERT_REVIEW = "EXPERT_REVIEW"
    OTHERS_ASKED = "OTHERS_ASKED"
    COMPLEX = "COMPLEX"


class LiftReason(StrEnum):
    """Why a shield ends."""

    PLAN_FAILED = "PLAN_FAILED"
    PLAN_ENDED = "PLAN_ENDED"
    RULING_REVOKED = "RULING_REVOKED"


class ObjectionGround(StrEnum):
    """What an objection says (grounds as in the Shenzhen credit regulation art. 48)."""

    ERROR_OR_OMISSION = "ERROR_OR_OMISSION"
    PERIOD_EXCEEDED = "PERIOD_EXCEEDED"
    WRONGLY_LISTED = "WRONGLY_LISTED"
    OTHER = "OTHER"


class Capacity(StrEnum):
    """In which capacity somebody acts."""

    SUBJECT = "SUBJECT"
    SOURCE_UNIT = "SOURCE_UNIT"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the token says."""

    capacity: Capacity
    client_id: str
    institution: str
    """USCC of the organisation behind the client."""
    purpose: str
    operator: str = ""
    """Pseudonym of the person; empty when the token names none."""
    subject_id: bytes | None = None
    """The subject that the client acts for."""


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record of a subject."""

    subject_id: bytes
    dataset: str
    record_id: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """A case."""

    case_id: str
    kind: CaseKind
    record: RecordName
    record_version: int
    """Version of the record that it was opened about."""
    source_unit: str
    """USCC of the unit that supplied the record; of a shield, of the unit or court that registered the ruling."""
    state: CaseState
    ground: str
    opened_at: datetime
    due_on: date | None
    """Last civil day on which the next act is in time; None once closed."""
    decide_by: date
    """Last civil day on which the decision is in time."""
    decided_at: datetime | None
    revoked_at: datetime | None
    events: int
    """Number of the newest event."""

    def overdue(self, today: date) -> bool:
        """Whether the next act is late."""
        return self.due_on is not None and today > self.due_on

    @property
    def late(self) -> bool:
        """Whether the decision was taken after its last day."""
        return self.decided_at is not None and civil_date(self.decided_at) > self.decide_by


class Event(NamedTuple):
    """One act in a case."""

    number: int
    act: Act
    state: CaseState
    """Of the case, afterwards."""
    at: datetime
    client_id: str
    institution: str
    operator: str
    reason: str
    sealed: str


def same_person(event: Event, actor: Actor) -> bool:
    """Whether one and the same person may stand behind an act and an actor.

    Persons of different institutions are different. Within one they are told apart by the names that both acts
    give, and by the client where one of them gives none.
    """
    if event.institution != actor.institution:
        return False
    if event.operator and actor.operator:
        return event.operator == actor.operator
    return event.client_id == actor.client_id
