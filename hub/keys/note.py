"""Signed-note keys of the audit log: C2SP signed-note, algorithm byte 0x01 (Ed25519).

A verifier key reads `<name>+<8 hex digits>+<base64 of 0x01 and the public key>`; the digits are the first
four bytes of SHA-256 over name, line feed, 0x01 and public key. https://c2sp.org/signed-note
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass

from hub.errors import VerificationError
from hub.keys.facts import KeyPurpose
from hub.keys.signing import LogVerifyKey, signing_id

_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A named public key that verifies signed notes."""

    name: str
    """The key's name; for a log the origin line of its checkpoints."""
    key: LogVerifyKey

    @property
    def key_hash(self) -> bytes:
        """Four bytes that stand before the signature in a note's signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.key.raw).digest()[:4]

    def verify(self, text: str, value: bytes) -> None:
        """Check a signature of the text of a note.

        Raises:
            VerificationError: when it does not hold.
        """
        self.key.verify(text.encode(), value)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{b64encode(_ED25519 + self.key.raw).decode()}"


def is_note_name(name: str) -> bool:
    """Whether a name may stand in a note: not empty, no blank and no plus sign."""
    return bool(name) and "+" not in name and not any(c.isspace() or not c.isprintable() for c in name)


def parse_note_verifier(text: str) -> NoteVerifier:
    """Read a verifier key.

    Raises:
        VerificationError: when it is malformed, of another algorithm, or its hash is not its own.
    """
    try:
        name, _, encoded = text.split("+", 2)
        data = a2b_base64(encoded, strict_mode=True)
        if is_note_name(name) and data[:1] == _ED25519 and len(data) == 33:
            verifier = NoteVerifier(name, LogVerifyKey(signing_id(KeyPurpose.LOG, data[1:]), data[1:]))
            if str(verifier) == text:
                return verifier
    except ValueError:
        pass
    raise VerificationError(
        "A log verifier key is malformed or its hash does not belong to it.",
        hint="Copy it again from the log's publisher, as one line.",
    )
