"""Normal forms of text that came from a file, a form or a person.

Rules
- Identifiers, numbers and dates: NFKC (full-width becomes half-width), no white space, capitals, nothing invisible.
- Free text keeps its Chinese punctuation: full-width letters and digits become half-width, ends are trimmed.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""Signs that nobody sees: two texts that differ by them alone are one."""
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_ALPHANUMERIC = {
    wide: wide - 0xFEE0 for wide in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}


def normalise(text: str) -> str:
    """The form in which identifiers are checked and stored: half-width, no white space, capitals."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = _INVISIBLE.sub("", text)
    return "".join(text.split()).upper()


def tidy(text: str) -> str:
    """Free text as it is stored: composed, half-width letters and digits, ends trimmed, line feeds only."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        if _WIDE.search(text):
            text = text.translate(_ALPHANUMERIC)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip("\ufeff\u200b \t\n\u3000\u00a0")
