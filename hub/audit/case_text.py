"""What is written in a review case: sealed under a key of the case alone, bound to case and act.

The officer sees no field's value, so there is none to be written; what looks like a number of a person is refused all
the same. The log holds a salted digest of each text, by which `hub audit case check` notices a changed one and an
export proves what was written.
"""

from __future__ import annotations

import os
import re
import unicodedata
from hashlib import sha256
from typing import NamedTuple

from hub.errors import InputError
from hub.keys.sealing import DataKey, Sealer, aad_prefix
from hub.model.resident_ids import holds_resident_id

MOST_CHARS = 2_000
_PLACE = "audit_case"
_SALT_BYTES = 16
_MOBILE = re.compile(r"(?<![0-9A-Za-z])1\d{10}(?![0-9A-Za-z])", re.ASCII)


def checked_text(text: str, *, required: bool = False) -> str:
    """What a reviewer wrote, stripped.

    Raises:
        InputError: when it is too long, holds a resident identity or mobile number, or is missing.
    """
    plain = text.strip()
    if len(plain) > MOST_CHARS or (required and not plain):
        raise InputError(
            f"A text must be written, of at most {MOST_CHARS} characters.",
            hint="Say what was found and on what it rests, and refer to documents by their numbers.",
            message_zh=f"须写明文字，且不得超过 {MOST_CHARS} 字。",
        )
    wide = unicodedata.normalize("NFKC", plain)
    if holds_resident_id(plain) or _MOBILE.search(wide):
        raise InputError(
            "The text holds what looks like a number of a person.",
            hint="Name subjects by their pseudonyms.",
            message_zh="文字中含疑似身份号码或手机号码，请使用主体假名。",
        )
    return plain


def case_key(case_id: str) -> bytes:
    """The 16 bytes that the key of a case is bound to."""
    return sha256(f"{_PLACE}:{case_id}".encode()).digest()[:16]


def open_key(sealer: Sealer, case_id: str, wrapped: tuple[str, bytes]) -> DataKey:
    """The key of a case's texts.

    Raises:
        SealError: when it does not open.
    """
    return sealer.open_data_key(case_key(case_id), *wrapped)


class Text(NamedTuple):
    """A text as it was opened."""

    salt: bytes
    text: str

    @property
    def digest(self) -> str:
        """By what the log knows it; it tells nothing to who does not know the salt. Empty for no text."""
        return sha256(self.salt + self.text.encode()).hexdigest() if self.text else ""


def new_text(text: str) -> Text:
    """A text with a fresh salt."""
    return Text(os.urandom(_SALT_BYTES) if text else b"", text)


def seal_text(key: DataKey, case_id: str, number: int, text: Text) -> str:
    """A text, sealed for one act of one case; nothing for no text."""
    return key.seal(_aad(case_id, number), text.salt + text.text.encode()) if text.text else ""


def unseal_text(key: DataKey, case_id: str, number: int, sealed: str) -> Text:
    """What was written in an act.

    Raises:
        SealError: when it was altered, or stood somewhere else.
    """
    plain = key.unseal(_aad(case_id, number), sealed) if sealed else b""
    return Text(plain[:_SALT_BYTES], plain[_SALT_BYTES:].decode())


def _aad(case_id: str, number: int) -> bytes:
    return aad_prefix(case_key(case_id), _PLACE, case_id.encode(), number) + b"text"
