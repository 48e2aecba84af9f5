"""Names of organisations, made comparable: for finding candidates, never for deciding.

- The normal form is NFKC (full width to half width, compatibility forms), case folded, with everything dropped that
  is neither letter nor digit: blanks, brackets of either width, dots, quotes. `琼（海南）` and `琼(海南)` are one.
- The core is the normal form without the province in front and the legal form at the end: 海南省, 有限公司,
  有限责任公司 and the like. A city stays: it tells branches apart.
- The keys of a core are the core and every text that is left when one character is taken away (symmetric deletion,
  as in SymSpell): two cores that differ by one wrong, missing, added or swapped character share a key, so candidates
  are found by equality in an index, whatever the number of organisations.
- The score is 100 for one normal form, 95 for one core, else the similarity of the cores by edits (rapidfuzz), at
  most 94. Digits of a name are read as they stand.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from rapidfuzz import fuzz

_PROVINCE = ("海南自由贸易港", "海南省", "海南")
_FORMS = tuple(
    sorted(
        (
            "有限责任公司", "股份有限公司", "集团有限公司", "有限公司", "集团股份有限公司", "集团公司", "公司",
            "有限合伙", "普通合伙", "合伙企业", "农民专业合作社", "专业合作社", "个体工商户",
        ),
        key=len,
        reverse=True,
    )
)  # fmt: skip
_LEAST = 2
"""Characters of a core at least; what would be shorter keeps its province or form."""
_LONGEST = 40
"""Characters of a core that count for its keys."""
SAME, SAME_CORE = 100, 95


class Why(StrEnum):
    """Why an organisation is a candidate."""

    SAME_NAME = "SAME_NAME"
    SAME_CORE = "SAME_CORE"
    SIMILAR = "SIMILAR"


def normal(name: str) -> str:
    """The normal form of a name."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def core(name: str) -> str:
    """The core of a name; empty when it has neither letter nor digit."""
    text = normal(name)
    for form in _FORMS:
        if text.endswith(form) and len(text) - len(form) >= _LEAST:
            text = text[: -len(form)]
            break
    for province in _PROVINCE:
        if text.startswith(province) and len(text) - len(province) >= _LEAST:
            return text[len(province) :]
    return text


def key_of(name: str) -> str:
    """The core of a name, as far as it counts for keys."""
    return core(name)[:_LONGEST]


def keys(name: str) -> frozenset[str]:
    """The keys under which a name is found: its core, and the core without any one of its characters."""
    text = key_of(name)
    if len(text) <= _LEAST:
        return frozenset((text,)) if text else frozenset()
    return frozenset((text, *(text[:n] + text[n + 1 :] for n in range(len(text)))))


def score(written: str, registered: str) -> tuple[int, Why]:
    """How alike two names are, from 0 to 100, and why."""
    if normal(written) == normal(registered):
        return SAME, Why.SAME_NAME
    one, other = core(written), core(registered)
    if one == other:
        return SAME_CORE, Why.SAME_CORE
    return min(SAME_CORE - 1, round(fuzz.ratio(one, other))), Why.SIMILAR
