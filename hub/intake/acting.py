"""Who steers the register of subjects, and the entry that such an act leaves in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id


@dataclass(frozen=True, slots=True)
class Steward:
    """An operator, through a client or at the command line."""

    client_id: str
    institution: str
    """USCC; empty at the command line."""
    operator: str
    """Pseudonym of the person; empty when none is named."""
    policy: str
    """Revision of the policy in force."""
    catalogue: str
    """Revision of the catalogue in force."""

    def is_also(self, client_id: str, institution: str, operator: str) -> bool:
        """Whether one and the same person may stand behind an earlier act and this one.

        Persons of different institutions are different, and so are those that both acts name. Who sits at the command
        line is an account of the operating system there, and no client can say whether it is its person: of two
        acts in different places nobody knows that they are two persons'. Nor where an institution's act names none.
        """
        if bool(institution) != bool(self.institution):
            return True
        if institution != self.institution:
            return False
        if not institution:
            return client_id == self.client_id
        return not (operator and self.operator) or operator == self.operator

    def entry(
        self, act: str, now: datetime, subject_ids: tuple[bytes, ...], detail: Mapping[str, Any]
    ) -> Entry:
        """The entry of an act; `detail` holds ids, codes and counts, never a value."""
        return Entry(
            new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, self.client_id,
            institution=self.institution, operator=self.operator, purpose="OPERATION", operation=act,
            policy=self.policy, catalogue=self.catalogue,
            subjects=tuple(SubjectPart(s, EntryOutcome.DONE) for s in subject_ids), detail=detail,
        )  # fmt: skip
