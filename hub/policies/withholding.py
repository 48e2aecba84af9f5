"""Reads `withholding.toml`: on what grounds the body of an entry of the audit log may be taken out.

Each ground states its source, and whether somebody who answers for it has verified it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.catalog.types import Label
from hub.policies.entries import listed

FILE = "withholding.toml"


@dataclass(frozen=True, slots=True)
class Ground:
    """Why the body of an entry may be taken out."""

    code: str
    label: Label
    four_eyes: bool
    """Whether somebody else must confirm it."""
    verified: bool


def read_grounds(text: str) -> dict[str, Ground]:
    """The grounds of a file, by code.

    Raises:
        PolicyError: naming the entry and key that break a rule.
    """
    grounds: dict[str, Ground] = {}
    for entry in listed(FILE, text, "withhold"):
        entry.text("source")
        code = entry.text("code")
        if code in grounds:
            raise entry.error("code", f"{code} stands twice", "Give each ground a code of its own.")
        grounds[code] = Ground(code, entry.label("label"), entry.flag("four_eyes"), entry.flag("verified"))
        entry.close()
    return grounds
