"""How long a subject's ledger only counts a lookup, as the policy says. Nothing is stored about it.

- A matter may keep its lookups from the subject for so many days (`ledger_delay_days`), with the law that says so
  (PIPL art. 18 and 35: no notice where secrecy is prescribed, or where it would hinder a statutory duty).
- So may a purpose that rests on emergency grants, for its lookups and for what was done about the grant.
- A lookup that was refused says no matter, and one may name a matter that is no longer listed: then the longest
  delay of its purpose holds. One by somebody who does not hold the purpose, or for a subject that is not in the
  token, is no lookup under a matter, and is shown at once.
- A lookup is shown from the civil day on that lies so many days after it; with the delay its secrecy is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from hub.clock import civil_date
from hub.model.outcome import Reason
from hub.policies.model import PolicySet

_OUTSIDE = frozenset({Reason.PURPOSE_NOT_HELD.value, Reason.SUBJECT_NOT_IN_TOKEN.value})
"""Refusals of what no matter stands behind."""


@dataclass(frozen=True, slots=True)
class Delay:
    """For how long, and by which law."""

    days: int = 0
    basis: str = ""

    def shown_from(self, at: datetime) -> date:
        """The first civil day on which what happened at an instant is shown."""
        return civil_date(at) + timedelta(days=self.days)


NONE = Delay()


def delay_of(policy: PolicySet, purpose: str, part: Mapping[str, Any]) -> Delay:
    """The delay of what an entry says of one subject.

    Args:
        policy: in force.
        purpose: for which it was asked about.
        part: as it stands in the entry; empty when that is withheld.
    """
    if part.get("reason") in _OUTSIDE:
        return NONE
    matter = policy.matters.get((part.get("basis") or {}).get("matter", ""))
    if matter is not None and matter.purpose == purpose:
        return Delay(matter.ledger_delay_days, matter.ledger_delay_basis)
    return longest(policy, purpose)


def longest(policy: PolicySet, purpose: str) -> Delay:
    """The longest delay of a purpose: of its emergencies, or among its matters."""
    known = policy.purposes.get(purpose)
    terms = known.emergency if known is not None else None
    if terms is not None:
        return Delay(terms.ledger_delay_days, terms.ledger_delay_basis)
    matter = policy.most_delayed.get(purpose)
    return Delay(matter.ledger_delay_days, matter.ledger_delay_basis) if matter is not None else NONE


def secret_purposes(policy: PolicySet) -> dict[str, Delay]:
    """The purposes of which something is delayed, each with its longest delay."""
    found = {code: longest(policy, code) for code in sorted(policy.purposes)}
    return {code: delay for code, delay in found.items() if delay.days}
