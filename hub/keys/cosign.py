"""Keys of witnesses: Ed25519 cosignatures of checkpoints (c2sp.org/tlog-cosignature, algorithm byte 0x04).

A verifier key reads `<name>+<8 hex digits>+<base64 of 0x04 and the public key>`, a private key
`PRIVATE+KEY+<name>+<8 hex digits>+<base64 of 0x04 and the seed>`, as golang.org/x/mod/sumdb/note writes them.
A cosignature is eight bytes of time (seconds since 1970, big-endian) and the Ed25519 signature over

    cosignature/v1
    time 1679315147
    (the text of the checkpoint)
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.errors import KeyRingError, VerificationError
from hub.keys.note import is_note_name

ALGORITHM: Final = b"\x04"
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class CosignVerifier:
    """The public key of a witness."""

    name: str
    raw: bytes
    """32 bytes (RFC 8032)."""

    @property
    def key_hash(self) -> bytes:
        """Four bytes that stand before the cosignature in a note's signature line."""
        return _key_hash(self.name, self.raw)

    def verify(self, text: str, value: bytes) -> datetime:
        """Check a cosignature of the text of a checkpoint, and say when it was made.

        Raises:
            VerificationError: when it does not hold.
        """
        try:
            if len(value) != _TIME_BYTES + _SIGNATURE_BYTES:
                raise ValueError
            seconds = int.from_bytes(value[:_TIME_BYTES], "big")
            made = datetime.fromtimestamp(seconds, UTC)
            key = Ed25519PublicKey.from_public_bytes(self.raw)
            key.verify(value[_TIME_BYTES:], _message(text, seconds))
        except (InvalidSignature, ValueError, OverflowError, OSError):
            raise VerificationError(
                f"The cosignature of {self.name} does not hold.",
                hint="Compare the checkpoint with the witness's own copy.",
                message_zh="见证签名验证失败。",
            ) from None
        return made

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{b64encode(ALGORITHM + self.raw).decode()}"


@dataclass(frozen=True, slots=True)
class CosignKey:
    """The private key of a witness. Does not show in `repr`."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def new(cls, name: str) -> CosignKey:
        """A fresh key.

        Raises:
            KeyRingError: when the name holds a blank or a plus sign, or is empty.
        """
        if not is_note_name(name):
            raise KeyRingError(
                "The name of a witness has no blank and no plus sign.",
                hint="Write a name such as witness.example/w1.",
            )
        return cls(name, os.urandom(32))

    @property
    def verifier(self) -> CosignVerifier:
        """The public half."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        return CosignVerifier(self.name, key.public_key().public_bytes_raw())

    def cosign(self, text: str, now: datetime) -> bytes:
        """The cosignature of the text of a checkpoint: time and signature, 72 bytes."""
        seconds = int(now.timestamp())
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_message(text, seconds))
        return seconds.to_bytes(_TIME_BYTES, "big") + signature

    def unsafe_private_text(self) -> str:
        """The private key as one line, for its file alone."""
        digits = self.verifier.key_hash.hex()
        return f"{_PRIVATE}{self.name}+{digits}+{b64encode(ALGORITHM + self.seed).decode()}"


def parse_cosign_verifier(text: str) -> CosignVerifier:
    """Read the verifier key of a witness.

    Raises:
        VerificationError: when it is malformed, of another algorithm, or its hash is not its own.
    """
    try:
        name, _, encoded = text.split("+", 2)
        data = a2b_base64(encoded, strict_mode=True)
        if is_note_name(name) and data[:1] == ALGORITHM and len(data) == 33:
            verifier = CosignVerifier(name, data[1:])
            if str(verifier) == text:
                return verifier
    except ValueError:
        pass
    raise VerificationError(
        "A witness's verifier key is malformed or its hash does not belong to it.",
        hint="Copy it again from the witness, as one line; its algorithm byte is 04.",
    )


def parse_cosign_key(text: str) -> CosignKey:
    """Read the private key of a witness.

    Raises:
        KeyRingError: when it is malformed.
    """
    try:
        name, _, encoded = text.removeprefix(_PRIVATE).split("+", 2)
        data = a2b_base64(encoded, strict_mode=True)
        if text.startswith(_PRIVATE) and is_note_name(name) and data[:1] == ALGORITHM and len(data) == 33:
            key = CosignKey(name, data[1:])
            if key.unsafe_private_text() == text:
                return key
    except ValueError:
        pass
    raise KeyRingError(
        "The file does not hold the private key of a witness.", hint="Make one with `hub witness init`."
    )


def _key_hash(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + ALGORITHM + raw).digest()[:4]


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
