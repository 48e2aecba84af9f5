"""What a person may write beside an act: it is kept in clear and stands in the log, so it names no other person."""

from __future__ import annotations

import re
import unicodedata

_RESIDENT_ID = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"
)


def fit_words(text: str, most: int) -> bool:
    """Whether a text of at most so many characters is printable and holds no resident identity number."""
    return bool(text.strip()) and len(text) <= most and text.isprintable() and not holds_resident_id(text)


def holds_resident_id(text: str) -> bool:
    """Whatever digits it is written in: full-width ones are one key away in a Chinese input method."""
    plain = unicodedata.normalize("NFKC", text)
    return bool(_RESIDENT_ID.search("".join(str(unicodedata.decimal(char, char)) for char in plain)))
