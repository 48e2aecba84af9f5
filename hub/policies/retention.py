"""Reads `retention.toml`: how long the audit log is kept, and on what grounds the body of an entry may be taken out.

Each figure and ground states its source, and whether somebody who answers for it has verified it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.catalog.types import Label
from hub.policies.entries import Entry, parse

FILE = "retention.toml"
LEAST_MONTHS = 36
"""Records of how personal information was handled are kept for three years at least (PIPL article 56)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Why the body of an entry may be taken out."""

    code: str
    label: Label
    four_eyes: bool
    """Whether somebody else must confirm it."""


@dataclass(frozen=True, slots=True)
class Retention:
    """All of the file."""

    log_months: int = 0
    """How long entries are kept after the month in which they were made; 0: nothing is ever pruned."""
    grounds: Mapping[str, Ground] = field(default_factory=dict)
    """By code."""
    unverified: tuple[str, ...] = ()
    """Names of the entries that nobody has verified yet."""


def read_retention(text: str) -> Retention:
    """The retention of a file.

    Raises:
        PolicyError: naming the entry and key that break a rule; also when entries would be kept for less than
            `LEAST_MONTHS`.
    """
    tables = parse(FILE, text)
    unverified: list[str] = []
    log = Entry(FILE, "log", tables.pop("log", {}))
    months = log.whole("months")
    if months < LEAST_MONTHS:
        raise log.error("months", f"{months} months are less than the law asks for", "Write 36 or more.")
    _close(log, "log", unverified)
    top = Entry(FILE, "(file)", tables)
    grounds: dict[str, Ground] = {}
    for entry in top.tables("withhold"):
        ground = Ground(entry.text("code"), entry.label("label"), entry.flag("four_eyes"))
        if ground.code in grounds:
            raise entry.error("code", f"{ground.code} stands twice", "Give each ground a code of its own.")
        grounds[ground.code] = ground
        _close(entry, ground.code, unverified)
    top.close()
    return Retention(months, grounds, tuple(unverified))


def _close(entry: Entry, name: str, unverified: list[str]) -> None:
    entry.text("source")
    if not entry.flag("verified"):
        unverified.append(name)
    entry.close()
