"""Which values of a record a text quotes, so that the text goes no further than they do.

- Texts are compared as they would be read: full-width forms folded, blanks and case left out.
- A number is looked for as it is stored, and, as an amount of money, in yuan; a date also in Chinese.
- It finds values, not paraphrases: the subject is told that every reader of the record reads its statement.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from hub.model.money import yuan

_SHORTEST = 2
"""Characters of a text that count as a quotation."""
_SMALLEST = 100
"""Smaller numbers stand for too much to be a quotation."""
_WAN = 1_000_000
"""万元 in 分."""
_SKIPPED = re.compile(r"[\s,]+")


def quoted(text: str, values: Mapping[str, Any]) -> frozenset[str]:
    """Names of the fields whose value stands in a text.

    Args:
        text: what somebody wrote.
        values: of a record by field name, in stored form.
    """
    folded = _folded(text)
    return frozenset(
        name
        for name, value in values.items()
        if any(form and _stands(form, folded) for form in _forms(value))
    )


def hidden_in(text: str, values: Mapping[str, Any]) -> bool:
    """Whether a value that nobody may read stands in a text, also as a part of something longer or with separators.

    Stricter than `quoted`: of text and values only letters and digits are compared, so `469999-1990…` and
    `138 0000 0000` are found.

    Args:
        text: what somebody wrote.
        values: of a record by field name, in stored form.
    """
    folded = _bare(text)
    return any(
        len(bare) >= _SHORTEST and bare in folded for value in values.values() for bare in _bares(value)
    )


def _bares(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _bares(one)
    elif isinstance(value, str):
        yield _bare(value)
    else:
        yield from (_bare(form) for form in _forms(value))


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum()).casefold()


def _forms(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _forms(one)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) >= _SMALLEST:
            yield str(value)
            yield yuan(value)
            yield yuan(value).removesuffix(".00")
            if value % _WAN == 0:
                yield f"{value // _WAN}万"
    elif isinstance(value, str) and len(value) >= _SHORTEST:
        yield _folded(value)
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return
        yield f"{day.year}年{day.month}月{day.day}日"


def _stands(form: str, text: str) -> bool:
    """Whether a form stands in a text; a number not as a part of a longer one."""
    if not form[0].isdigit() and not form[-1].isdigit():
        return form in text
    before = r"(?<![\d.])" if form[0].isdigit() else ""
    after = r"(?!\d)" if form[-1].isdigit() else ""
    return re.search(before + re.escape(form) + after, text) is not None


def _folded(text: str) -> str:
    return _SKIPPED.sub("", unicodedata.normalize("NFKC", text)).casefold()
