"""What a recall is: why it was issued, what its recipients are asked to do, until when, and where each of them stands.

* A notice says what to do and not why: whether a record was repaired, withdrawn or shielded by a court is nothing
  its recipients need to know (personal information protection law, art. 6). Officers and operators see the cause.
* The signed document names record and dataset, which the recipient knows from its answers, and no value.
* A recipient has three days, the term within which a revoked penalty decision is taken back (administrative
  penalty law, art. 48). State is computed from dates when it is read: no job has to run for a notice to be overdue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hub.audit.entry import record_ref, subject_ref
from hub.catalog.types import Label
from hub.clock import to_millis
from hub.recall.recipients import Recipient

FORMAT = "credit-hub-recall/1"
TERM = timedelta(days=3)
"""How long a recipient has to acknowledge."""
ESCALATE_AFTER = timedelta(days=3)
"""How long after the term a notice that is still open is escalated to the regulator."""


class Cause(StrEnum):
    """Why a record is recalled."""

    CORRECTED = "CORRECTED"
    """A new version took its place."""
    REPAIRED = "REPAIRED"
    WITHDRAWN = "WITHDRAWN"
    """The decision behind it was revoked."""
    EXPIRED = "EXPIRED"
    """Its time of display is over."""
    SHIELDED = "SHIELDED"
    """A court's ruling hides it for the time of a reorganisation."""

    @property
    def action(self) -> Action:
        """What recipients are asked to do."""
        return Action.READ_AGAIN if self is Cause.CORRECTED else Action.STOP_USING


class Action(StrEnum):
    """What a recipient is asked to do."""

    READ_AGAIN = "READ_AGAIN"
    STOP_USING = "STOP_USING"

    @property
    def text(self) -> Label:
        """The same in words."""
        return _TEXTS[self]


_TEXTS = {
    Action.READ_AGAIN: Label(
        "该记录已更正，请停止使用旧内容并重新查询。",
        "The record was corrected: stop using what you hold and read it again.",
    ),
    Action.STOP_USING: Label(
        "请停止共享、展示和使用该记录，并解除据此采取的措施。",
        "Stop sharing, showing and using the record, and lift measures that rest on it.",
    ),
}


class State(StrEnum):
    """Where a recipient stands with a notice."""

    OPEN = "OPEN"
    OVERDUE = "OVERDUE"
    ESCALATED = "ESCALATED"
    ACKNOWLEDGED = "ACKNOWLEDGED"


@dataclass(frozen=True, slots=True)
class Notice:
    """One recall as one institution gets it."""

    subject_id: bytes
    recall_id: str
    institution: str
    """USCC of the recipient."""
    dataset: str
    record_id: bytes
    cause: Cause
    issued_at: datetime
    due_at: datetime
    position: int
    """Place in the feed; grows with every issue."""
    document: Mapping[str, Any]
    """The signed recall."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    """Client id."""

    def state(self, now: datetime) -> State:
        """Where the recipient stands at an instant."""
        if self.acknowledged_at is not None:
            return State.ACKNOWLEDGED
        if now < self.due_at:
            return State.OPEN
        return State.OVERDUE if now < self.due_at + ESCALATE_AFTER else State.ESCALATED

    @property
    def late(self) -> bool:
        """Whether it was acknowledged after its term."""
        return self.acknowledged_at is not None and self.acknowledged_at >= self.due_at


def record_name(record_id: bytes) -> str:
    """A record's id as answers show it; receipts show the digits alone."""
    return "rec_" + record_ref(record_id)


def recall_body(
    recall_id: str,
    subject_id: bytes,
    dataset: str,
    record_id: bytes,
    action: Action,
    institution: str,
    received: Sequence[Recipient],
    issued_at: datetime,
) -> dict[str, Any]:
    """What is signed for one institution.

    Args:
        recall_id: id of the recall; the same for all its recipients.
        subject_id: whose record it is.
        dataset: dataset of the record.
        record_id: 16 bytes.
        action: what is asked.
        institution: USCC of the recipient.
        received: what the log says about how this institution got the record; never about others.
        issued_at: instant of the recall.
    """
    return {
        "format": FORMAT,
        "id": recall_id,
        "recipient": {"institution": institution},
        "subject": subject_ref(subject_id),
        "record": {"dataset": dataset, "id": record_name(record_id)},
        "action": action.value,
        "received": {
            "first": to_millis(min(r.first_at for r in received)),
            "last": to_millis(max(r.last_at for r in received)),
            "clients": sorted({r.client for r in received}),
            "purposes": sorted({r.purpose for r in received}),
        },
        "issuedAt": to_millis(issued_at),
        "dueAt": to_millis(issued_at + TERM),
    }
