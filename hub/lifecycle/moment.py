"""When an act is done, and under which rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from hub.clock import civil_date
from hub.policies.clocks import Clocks
from hub.policies.model import PolicySet


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is done, and under which rules."""

    policy: PolicySet
    now: datetime

    @property
    def clocks(self) -> Clocks:
        """The clocks in force."""
        return self.policy.clocks

    @property
    def today(self) -> date:
        """The civil date."""
        return civil_date(self.now)
