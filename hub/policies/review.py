"""Reads `review.toml`: time limits and four eyes of review cases by severity, and the codes of their conclusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.catalog.types import Label
from hub.errors import PolicyError
from hub.policies.detections import Severity
from hub.policies.entries import Entry, parse

FILE = "review.toml"
_SEVERITIES = {severity.value: severity for severity in Severity}


@dataclass(frozen=True, slots=True)
class Term:
    """How cases of a severity are handled."""

    label: Label
    working_days: int
    """Time limit, counted from the day of opening."""
    four_eyes: bool
    """Whether a conclusion must be confirmed by another person."""
    verified: bool


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """All of the file."""

    severities: Mapping[Severity, Term] = field(default_factory=dict)
    outcomes: Mapping[str, Label] = field(default_factory=dict)
    """Codes of conclusions."""


def read_review(text: str) -> ReviewTerms:
    """The terms of a file.

    Raises:
        PolicyError: naming the entry and key that break a rule.
    """
    top = Entry(FILE, "(file)", parse(FILE, text))
    severities: dict[Severity, Term] = {}
    for entry in top.tables("severity"):
        severity = entry.known("code", _SEVERITIES, "the severities")
        if severity in severities:
            raise entry.error("code", "the severity stands twice", "Name each once.")
        entry.text("source")
        severities[severity] = Term(
            entry.label("label"), _days(entry), entry.flag("four_eyes"), entry.flag("verified")
        )
        entry.close()
    outcomes: dict[str, Label] = {}
    for entry in top.tables("outcome"):
        code = entry.text("code")
        if code in outcomes:
            raise entry.error("code", "the outcome stands twice", "Name each once.")
        outcomes[code] = entry.label("label")
        entry.close()
    top.close()
    if set(severities) != set(Severity) or not outcomes:
        raise PolicyError(
            f"{FILE} does not name every severity and at least one outcome.", hint="Add what is missing."
        )
    return ReviewTerms(severities, outcomes)


def _days(entry: Entry) -> int:
    days = entry.whole("working_days")
    if not 1 <= days <= 250:
        raise entry.error("working_days", "the number is out of range", "Write 1 to 250.")
    return days
