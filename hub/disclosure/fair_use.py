"""Quotas of an answer: what it counts against under its fair-use template, and which quotas are known to be spent.

- An answer about a subject counts once for the subject, once for all subjects together, and once for each of its
  datasets that has a cap of its own; each in the civil hour, day, month or year (UTC+8) of the request.
- A consent that was signed for fewer reads than its template allows by now is held to what was signed.
- Counted is by purpose, so that a caller with a choice of templates has not several times the reads: what any
  template of the purpose caps is counted under all of them, also where the one in use sets no limit.
- The log decides (`hub.audit.store`). What it refused is remembered here, so that a caller who goes on asking is
  refused before anything is read. A count never falls within its window, so what is remembered stays true.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from hub.audit.reservation import QuotaKey, QuotaUse, Refusal
from hub.model.calendar import window_start
from hub.policies.fair_use import MOST_READS
from hub.policies.model import FairUse

_REMEMBERED = 10_000


class Counter(NamedTuple):
    """One count that an answer raises, whoever it is about and whenever it is given."""

    of_subject: bool
    """Whether it counts answers about the one subject, or about all subjects together."""
    dataset: str
    """Answers that show something of this dataset; empty: whatever they show."""
    unit: str
    most: int
    """How many a window allows."""


def counters(
    fair_use: FairUse,
    templates: Iterable[FairUse],
    datasets: Container[str],
    signed: Mapping[str, Mapping[str, int]],
) -> tuple[Counter, ...]:
    """What each answer counts against: the same under every template of a purpose, only how much is allowed differs.

    Args:
        fair_use: the template under which it is given.
        templates: all templates of the purpose.
        datasets: ids of the datasets it shows something of.
        signed: reads by dataset ("" for the subject at all) and calendar unit that the consent allows, where it
            says so.
    """
    found: dict[tuple[bool, str, str], int] = {}
    for template in (fair_use, *templates):
        for of_subject, dataset, rates in template.counted():
            for rate in rates:
                most = rate.most if template is fair_use else MOST_READS
                found.setdefault((of_subject, dataset, rate.unit.value), most)
    for dataset, by_unit in signed.items():
        for unit, most in by_unit.items():
            found[True, dataset, unit] = min(most, found.get((True, dataset, unit), most))
    return tuple(Counter(*key, most) for key, most in found.items() if not key[1] or key[1] in datasets)


def quota_uses(
    counted: Iterable[Counter], subject_id: bytes, institution: str, purpose: str, now: datetime
) -> list[QuotaUse]:
    """What one answer about a subject counts against.

    Args:
        counted: from `counters`.
        subject_id: whom it is about.
        institution: who gets it, by the organisation behind the client.
        purpose: what for.
        now: instant of the request.
    """
    return [
        QuotaUse(
            subject_id if of_subject else b"", institution, purpose, dataset, unit, window_start(unit, now), 1,
            most,
        )
        for of_subject, dataset, unit, most in counted
    ]  # fmt: skip


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
