"""A review case and its acts: who may do what, as plain records.

```
open ──> OPEN ──conclude──> CLOSED                        where one person is enough
         OPEN ──conclude──> PROPOSED ──confirm──> CLOSED  by another person, where two must agree
                            PROPOSED ──reject───> OPEN    by another person
         CLOSED ──reopen──> OPEN
         assign and comment: at any time until it is closed; comment also afterwards
```

- Nobody whose own entries a case is about acts on it, but for comments.
- A case is never deleted and its severity never falls; whoever closed it, anybody may reopen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from hub.audit.reviewer import Reviewer
from hub.errors import InputError
from hub.policies.detections import Severity


class CaseOrigin(StrEnum):
    """From what a case was opened."""

    FINDING = "FINDING"
    """A finding of a detection rule."""
    ENTRIES = "ENTRIES"
    """Entries that somebody came upon."""
    COMPLAINT = "COMPLAINT"
    """What a subject complained of."""


class ReviewState(StrEnum):
    """How far a case is."""

    OPEN = "OPEN"
    PROPOSED = "PROPOSED"
    """A conclusion waits for another person."""
    CLOSED = "CLOSED"


class CaseAct(StrEnum):
    """What is done to a case; with `audit.case.` before it, the name of its entry."""

    OPEN = "open"
    ASSIGN = "assign"
    COMMENT = "comment"
    CONCLUDE = "conclude"
    CONFIRM = "confirm"
    REJECT = "reject"
    REOPEN = "reopen"

    @property
    def operation(self) -> str:
        """As entries of the log name it."""
        return PREFIX + self.value


PREFIX = "audit.case."
_FROM = {
    CaseAct.ASSIGN: (ReviewState.OPEN, ReviewState.PROPOSED),
    CaseAct.COMMENT: tuple(ReviewState),
    CaseAct.CONCLUDE: (ReviewState.OPEN,),
    CaseAct.CONFIRM: (ReviewState.PROPOSED,),
    CaseAct.REJECT: (ReviewState.PROPOSED,),
    CaseAct.REOPEN: (ReviewState.CLOSED,),
}


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """A case, without its texts."""

    case_id: str
    origin: CaseOrigin
    rule: str
    severity: Severity
    four_eyes: bool
    subject_id: bytes | None
    entries: tuple[int, ...]
    concerned: frozenset[str]
    state: ReviewState
    outcome: str
    assignee: str
    opened_at: datetime
    due_on: date
    closed_at: datetime | None
    events: int

    def overdue(self, today: date) -> bool:
        """Whether it should be closed by now."""
        return self.state is not ReviewState.CLOSED and today > self.due_on


class CaseEvent(NamedTuple):
    """One act; in the order of the table."""

    number: int
    act: CaseAct
    state: ReviewState
    at: datetime
    client_id: str
    institution: str
    operator: str
    person: str
    outcome: str
    assignee: str
    entry_id: str
    sealed: str


def check_act(case: ReviewCase, act: CaseAct, reviewer: Reviewer, proposed_by: CaseEvent | None) -> None:
    """Hold an act to the rules above.

    Args:
        case: as it is.
        act: what is to be done.
        reviewer: by whom.
        proposed_by: the act that proposed the conclusion which waits; None: none waits.

    Raises:
        InputError: when the case is not so far, or this person may not do it.
    """
    if case.state not in _FROM[act]:
        raise InputError(
            f"The case is {case.state}; this cannot be done to it now.",
            hint="An open case is concluded, a proposed one confirmed or rejected, a closed one reopened.",
            message_zh=f"案件当前状态为 {case.state}，不能如此办理。",
        )
    if act is not CaseAct.COMMENT and reviewer.concerned_by(case.concerned):
        raise InputError(
            "The case is about entries of your own; somebody else must handle it.",
            hint="You may comment on it.",
            message_zh="案件涉及本人的操作，须由他人办理，本人可以说明。",
        )
    if act in (CaseAct.CONFIRM, CaseAct.REJECT) and (
        proposed_by is None or proposed_by.person == reviewer.person
    ):
        raise InputError(
            "The conclusion was proposed by the same person; somebody else must confirm or reject it.",
            hint="Let another person act; the token's `operator` names the person.",
            message_zh="结论由同一人提出，须由另一人确认或退回。",
        )
