"""Quotas of an answer: what it counts against under its fair-use template, and which quotas are known to be spent.

- An answer about a subject counts once for the subject, once for all subjects together, and once for each of its
  datasets that has a cap of its own; each in the civil hour, day, month or year (UTC+8) of the request.
- Counted is by purpose, so that a caller with a choice of templates has not several times the reads.
- The log decides (`hub.audit.store`). What it refused is remembered here, so that a caller who goes on asking is
  refused before anything is read. A count never falls within its window, so what is remembered stays true.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime

from hub.audit.reservation import QuotaKey, QuotaUse, Refusal
from hub.model.calendar import window_start
from hub.policies.model import FairUse

_REMEMBERED = 10_000


def quota_uses(
    fair_use: FairUse,
    subject_id: bytes,
    institution: str,
    purpose: str,
    datasets: Sequence[str],
    now: datetime,
) -> list[QuotaUse]:
    """What one answer about a subject counts against.

    Args:
        fair_use: the template under which it is given.
        subject_id: whom it is about.
        institution: who gets it, by the organisation behind the client.
        purpose: what for.
        datasets: ids of the datasets it shows something of.
        now: instant of the request.
    """
    uses = [
        QuotaUse(b"", institution, purpose, "", rate.unit.value, window_start(rate.unit, now), 1, rate.most)
        for rate in fair_use.reads_in_all
    ]
    uses += [
        QuotaUse(
            subject_id, institution, purpose, "", rate.unit.value, window_start(rate.unit, now), 1, rate.most
        )
        for rate in fair_use.reads_of_subject
    ]
    uses += [
        QuotaUse(
            subject_id, institution, purpose, caps.dataset, rate.unit.value, window_start(rate.unit, now), 1,
            rate.most,
        )
        for caps in fair_use.datasets.values()
        if caps.reads_of_subject and caps.dataset in datasets
        for rate in caps.reads_of_subject
    ]  # fmt: skip
    return uses


class SpentQuotas:
    """Quotas of which no use is left in their window, as far as this process was told; the latest ones only."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Begin with none.

        Args:
            most: how many are remembered; the ones not met for longest are forgotten first.
        """
        self._most = most
        self._spent: OrderedDict[tuple[QuotaKey, int], None] = OrderedDict()

    def first_spent(self, uses: Iterable[QuotaUse]) -> QuotaUse | None:
        """The first of these quotas that is known to be spent, if any."""
        if self._spent:
            for use in uses:
                known = (use.key, use.most)
                if known in self._spent:
                    self._spent.move_to_end(known)
                    return use
        return None

    def remember(self, refusals: Iterable[Refusal]) -> None:
        """Take note of refused quotas that have nothing left; of consents and of others nothing is noted."""
        for refusal in refusals:
            use = refusal.use
            if isinstance(use, QuotaUse) and refusal.left == 0:
                self._spent[use.key, use.most] = None
                self._spent.move_to_end((use.key, use.most))
        while len(self._spent) > self._most:
            self._spent.popitem(last=False)
