"""On what terms an emergency grant is given: the table `[PURPOSE.grant]` of `purposes.toml`.

- A purpose has these terms exactly when its basis is EMERGENCY.
- The subject is told after the emergency, within `notice_days`; its ledger waits no longer than that, and says by
  which law it waits at all (personal information protection law art. 18 (2): notice once the emergency is over).
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.policies.entries import Entry

MOST_HOURS = 168
"""A week: what lasts longer is no emergency."""
_MOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class EmergencyTerms:
    """The terms of a purpose's emergency grants."""

    hours: int
    """For which a grant is in force, and within which a request is approved or lapses."""
    uses: int
    """Answers that one grant is good for."""
    open_requests: int
    """Requests of one institution that may wait for approval at once; more would wear the approver out."""
    items: tuple[str, ...]
    """Datasets that a grant names: exactly those that the rules open for the purpose."""
    review_days: int
    """Civil days after the grant is over within which it is reviewed."""
    notice_days: int
    """Civil days after the grant is over within which the subject is told."""
    ledger_delay_days: int = 0
    """Civil days for which the subject's ledger only counts what was done; 0: it is shown at once."""
    ledger_delay_basis: str = ""
    """The law under which it is kept from the subject for so long."""


def read_terms(entry: Entry) -> EmergencyTerms:
    """The terms of a purpose.

    Raises:
        PolicyError: when one is missing or out of range, or the ledger waits longer than the notice may.
    """
    delay, basis = 0, ""
    if entry.has("ledger_delay_days") or entry.has("ledger_delay_basis"):
        delay, basis = _within(entry, "ledger_delay_days", _MOST_DAYS), entry.text("ledger_delay_basis")
    terms = EmergencyTerms(
        hours=_within(entry, "hours", MOST_HOURS),
        uses=_within(entry, "uses", 1000),
        open_requests=_within(entry, "open_requests", 1000),
        items=entry.texts("items"),
        review_days=_within(entry, "review_days", _MOST_DAYS),
        notice_days=_within(entry, "notice_days", _MOST_DAYS),
        ledger_delay_days=delay,
        ledger_delay_basis=basis,
    )
    entry.close()
    if delay > terms.notice_days:
        message = "the ledger would wait longer than the notice may"
        raise entry.error("ledger_delay_days", message, f"Write {terms.notice_days} at most.")
    return terms


def _within(entry: Entry, key: str, most: int) -> int:
    number = entry.whole(key)
    if not 1 <= number <= most:
        raise entry.error(key, "the number is out of range", f"Write 1 to {most}.")
    return number
