"""What a person may write beside an act: it is kept in clear and stands in the log, so it names no other person."""

from __future__ import annotations

from hub.model.resident_ids import holds_resident_id


def fit_words(text: str, most: int) -> bool:
    """Whether a text of at most so many characters is printable and holds no resident identity number."""
    return bool(text.strip()) and len(text) <= most and text.isprintable() and not holds_resident_id(text)
