"""How a subject id is written outside the database: `sub_` and its 16 bytes in hex."""

from __future__ import annotations

from hub.errors import IdentifierError
from hub.keys.index import ID_BYTES

_PREFIX = "sub_"


def pseudonym(subject_id: bytes) -> str:
    """The subject's name in tokens, audit entries and the API."""
    return _PREFIX + subject_id.hex()


def parse_pseudonym(text: str) -> bytes:
    """The 16 bytes of the subject id.

    Raises:
        IdentifierError: when the text is not a pseudonym in its one written form.
    """
    try:
        subject_id = bytes.fromhex(text.removeprefix(_PREFIX))
    except ValueError:
        subject_id = b""
    if len(subject_id) != ID_BYTES or pseudonym(subject_id) != text:
        raise IdentifierError(
            "A subject's pseudonym is not well formed.",
            detail="BAD_PSEUDONYM",
            hint="It reads `sub_` and 32 hex digits in lower case.",
        )
    return subject_id
