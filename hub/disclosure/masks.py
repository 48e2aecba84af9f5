"""What the outcome MASKED shows of a value: the same type, less of it.

Each mask is a pure function of the stored value, so that a masked field never depends on anything else.
Defaults follow common practice for resident ids (first six, last four), phones and names in published lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hub.errors import CatalogError

Mask = Callable[[Any], Any]

_COMPOUND_SURNAMES = frozenset(
    {
        *("欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "夏侯", "诸葛", "尉迟", "皇甫"),
        *("公孙", "慕容", "令狐", "司徒", "司空", "长孙", "宇文", "百里", "呼延", "轩辕"),
    }
)
_TOWNSHIP = re.compile(r"^.*?(?:镇|乡|街道|街|路)")


def mask_name(value: Any) -> str:
    """Surname and stars: 张* and 欧阳*; one star whatever the length of the given name."""
    text = str(value)
    return (text[:2] if text[:2] in _COMPOUND_SURNAMES and len(text) > 2 else text[:1]) + "*"


def mask_id(value: Any) -> str:
    """First six and last four characters of an identity document's number: 469999********0019."""
    text = str(value)
    return f"{text[:6]}{'*' * (len(text) - 10)}{text[-4:]}" if len(text) > 12 else "*" * len(text)


def mask_phone(value: Any) -> str:
    """First three and last four digits."""
    text = str(value)
    return f"{text[:3]}{'*' * (len(text) - 7)}{text[-4:]}" if len(text) > 8 else "*" * len(text)


def mask_tail(value: Any) -> str:
    """Last four characters behind four stars, whatever the length: account and contract numbers."""
    text = str(value)
    return "****" + text[-4:] if len(text) > 6 else "****"


def mask_address(value: Any) -> str:
    """Down to township or street; five stars stand for the rest."""
    text = str(value)
    found = _TOWNSHIP.match(text)
    return (found.group() if found else text[:3]) + "*****"


def mask_text(_value: Any) -> str:
    """Nothing but that there is a text."""
    return "*****"


def mask_amount(value: Any) -> int:
    """A number rounded down to its first digit: 123456 becomes 100000."""
    number = int(value)
    size: int = 10 ** max(0, len(str(abs(number))) - 1)
    rounded = abs(number) // size * size
    return rounded if number >= 0 else -rounded


def mask_date(value: Any) -> str:
    """The first day of the year of a date or month."""
    text = str(value)
    return text[:4] + ("-01-01" if len(text) > 7 else "-01")


MASKS: Mapping[str, Mask] = {
    "name": mask_name,
    "id": mask_id,
    "phone": mask_phone,
    "account": mask_tail,
    "address": mask_address,
    "text": mask_text,
    "amount": mask_amount,
    "date": mask_date,
}


def mask_for(name: str) -> Mask:
    """The mask of this name.

    Raises:
        CatalogError: when the catalogue names a mask that does not exist.
    """
    try:
        return MASKS[name]
    except KeyError:
        raise CatalogError(
            f"There is no mask called {name!r}.", hint=f"Use one of {', '.join(MASKS)}."
        ) from None
