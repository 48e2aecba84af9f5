"""Reads `retention.toml`: for how many civil months the audit log keeps the bodies of its entries, by kind.

- Every kind but that of administrative acts is named once; acts are the evidence of what was done, and are kept.
- No term is shorter than the law allows: records of queries five years (Shenzhen credit regulation, art. 45), other
  network logs six months (Cybersecurity Law).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.catalog.types import Label
from hub.policies.entries import listed

FILE = "retention.toml"
FLOORS: Mapping[str, int] = {"QUERY": 60, "MUTATION": 60, "AUDIT_READ": 6}
"""Fewest months by kind of entry."""


@dataclass(frozen=True, slots=True)
class Term:
    """For how long entries of some kinds are kept."""

    code: str
    kinds: tuple[str, ...]
    months: int
    """Civil months after the one of the entry."""
    label: Label
    verified: bool


def read_retention(text: str) -> dict[str, Term]:
    """The terms of a file, by code.

    Raises:
        PolicyError: naming the entry and key that break a rule.
    """
    terms: dict[str, Term] = {}
    named: set[str] = set()
    for entry in listed(FILE, text, "retain"):
        entry.text("source")
        code, kinds, months = entry.text("code"), entry.words("kinds", FLOORS, "kinds"), entry.whole("months")
        floor = max(FLOORS[kind] for kind in kinds)
        if months < floor:
            raise entry.error("months", f"{months} is less than the law's {floor}", f"Write {floor} or more.")
        if code in terms or named & set(kinds):
            what = "the code or one of its kinds stands twice"
            raise entry.error("kinds", what, "Name each once in the file.")
        terms[code] = Term(code, kinds, months, entry.label("label"), entry.flag("verified"))
        named |= set(kinds)
        entry.close()
        last = entry
    missing = [kind for kind in FLOORS if kind not in named]
    if missing and terms:
        raise last.error("kinds", f"no term names {', '.join(missing)}", "Give each kind a term.")
    return terms


def term_of(terms: Mapping[str, Term], kind: str) -> Term | None:
    """The term of a kind of entry; None: it is kept for good."""
    return next((term for term in terms.values() if kind in term.kinds), None)
