"""What the outcome GENERALISED shows of a value: the same type, coarser.

- Each generaliser is a pure function of the stored value, and what it shows follows from what the mask of such
  a field would show, so that GENERALISED never tells more than MASKED.
- What cannot be made coarser (a text that is no address, a code that is no division) is null, never itself.
- The result is a valid value of the field's GraphQL type: a date stays a date, an amount an amount.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hub.catalog.types import Field, FieldType
from hub.errors import CatalogError

Generaliser = Callable[[Any], Any]

_FEN = 100
_STEPS = (5, 2, 1)
_DIVISION = re.compile(r"(\d{4})\d{2}(?:\d{6})?")
_PART = r"[^省市州县区镇乡路街巷号村\d]"
_ADDRESS = re.compile(
    rf"(?:{_PART}{{1,8}}?(?:省|自治区))?(?:{_PART}{{1,8}}?(?:市|自治州|州))?"
    rf"(?:{_PART}{{1,10}}?(?:自治县|县|(?<![小社园校])区|市))?(?:{_PART}{{1,8}}?(?:街道|镇|乡))?"
)


def first_of_year(value: Any) -> str:
    """The first day of the year of a date, or the first month of the year of a month."""
    text = str(value)
    return text[:4] + ("-01-01" if len(text) > 7 else "-01")


def first_of_decade(value: Any) -> str:
    """As `first_of_year`, of the decade: 1987-06-15 becomes 1980-01-01."""
    text = first_of_year(value)
    return f"{text[:3]}0{text[4:]}"


def first_of_month(value: Any) -> str:
    """The first day of the month of a date."""
    return str(value)[:7] + "-01"


def lower_bound(value: int) -> int:
    """The largest of 0, 1, 2, 5, 10, 20, 50 … that is not above a number; mirrored for negative ones."""
    size = abs(value)
    if not size:
        return 0
    power: int = 10 ** (len(str(size)) - 1)
    bound = next(step * power for step in _STEPS if step * power <= size)
    return bound if value > 0 else -bound


def yuan_band(value: Any) -> int:
    """The lower bound of an amount's band; minor units in and out, bounds in whole yuan."""
    fen = int(value)
    return lower_bound(fen // _FEN if fen >= 0 else -(-fen // _FEN)) * _FEN


def count_band(value: Any) -> int:
    """The lower bound of a count's band."""
    return lower_bound(int(value))


def prefecture(value: Any) -> str | None:
    """The prefecture of a division code (GB/T 2260; also with the six digits of GB/T 10114 behind it)."""
    found = _DIVISION.fullmatch(str(value))
    return f"{found[1]}00" if found else None


def township(value: Any) -> str | None:
    """An address down to county and township; without streets, villages and numbers."""
    found = _ADDRESS.match(str(value))
    return (found.group() or None) if found else None


GENERALISERS: Mapping[str, Generaliser] = {
    "year": first_of_year,
    "decade": first_of_decade,
    "month": first_of_month,
    "band": count_band,
    "division": prefecture,
    "township": township,
}


def generaliser_for(field: Field) -> Generaliser:
    """The generaliser of a field.

    Raises:
        CatalogError: when the catalogue names one that does not exist.
    """
    if field.generalise == "band" and field.type is FieldType.MONEY:
        return yuan_band
    try:
        return GENERALISERS[field.generalise]
    except KeyError:
        raise CatalogError(
            f"There is no generaliser called {field.generalise!r}.",
            hint=f"Use one of {', '.join(GENERALISERS)}.",
        ) from None
