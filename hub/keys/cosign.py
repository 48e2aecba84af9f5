"""Keys of witnesses and their cosignatures of checkpoints (c2sp.org/tlog-cosignature): ML-DSA-44 and Ed25519.

A verifier key reads `<name>+<8 hex digits>+<base64 of the algorithm's byte and the public key>`, a private key
`PRIVATE+KEY+<name>+<8 hex digits>+<base64 of the algorithm's byte and the seed>`, as golang.org/x/mod/sumdb/note
writes them. A cosignature is eight bytes of time (seconds since 1970, big-endian) and a signature. With Ed25519
(byte 04) that is over the text of the checkpoint:

    cosignature/v1
    time 1679315147
    (the text of the checkpoint)

With ML-DSA-44 (byte 06, FIPS 204), which holds against quantum computers, it is over a structure of witness's name,
time, origin, range and root. Lines behind the third of a checkpoint have no place in it, so checkpoints that have some
are neither signed nor accepted with it.

A log may sign its own checkpoints so as well: with a key of the name of its origin.
"""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from hub.errors import KeyRingError, VerificationError
from hub.keys.note import is_note_name

_TIME_BYTES = 8
_SEED_BYTES = 32
_PRIVATE = "PRIVATE+KEY+"
_TREE = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([0-9A-Za-z+/]{43}=)\n")


class CosignAlgorithm(ABC):
    """How a witness signs."""

    code: bytes
    """The byte of signed notes for it (c2sp.org/signed-note)."""
    name: str
    public_bytes: int
    signature_bytes: int

    def __repr__(self) -> str:
        return self.name

    @abstractmethod
    def public(self, seed: bytes) -> bytes:
        """The public key of a seed of 32 bytes."""

    @abstractmethod
    def message(self, witness: str, text: str, seconds: int) -> bytes:
        """What is signed: of the text of a checkpoint, at a time in seconds since 1970.

        Raises:
            ValueError: when the text has no place in it.
        """

    @abstractmethod
    def sign(self, seed: bytes, message: bytes) -> bytes:
        """The signature."""

    @abstractmethod
    def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        """Check a signature.

        Raises:
            InvalidSignature, ValueError: when it does not hold.
        """


class _Ed25519(CosignAlgorithm):
    code, name, public_bytes, signature_bytes = b"\x04", "ed25519", 32, 64

    def public(self, seed: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()

    def message(self, witness: str, text: str, seconds: int) -> bytes:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()

    def sign(self, seed: bytes, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(seed).sign(message)

    def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


class _MlDsa44(CosignAlgorithm):
    code, name, public_bytes, signature_bytes = b"\x06", "ml-dsa-44", 1312, 2420

    def public(self, seed: bytes) -> bytes:
        return MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()

    def message(self, witness: str, text: str, seconds: int) -> bytes:
        tree = _TREE.fullmatch(text)
        if tree is None:
            raise ValueError("not the three lines of a checkpoint")
        origin, size, root = tree[1], int(tree[2]), a2b_base64(tree[3], strict_mode=True)
        return b"".join(
            (b"subtree/v1\n\0", _opaque(witness), _u64(seconds), _opaque(origin), _u64(0), _u64(size), root)
        )

    def sign(self, seed: bytes, message: bytes) -> bytes:
        return MLDSA44PrivateKey.from_seed_bytes(seed).sign(message)

    def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)


ED25519: Final[CosignAlgorithm] = _Ed25519()
ML_DSA_44: Final[CosignAlgorithm] = _MlDsa44()
ALGORITHMS: Final = (ML_DSA_44, ED25519)
"""In the order of preference that the specification states."""


@dataclass(frozen=True, slots=True)
class CosignVerifier:
    """A public key of a witness."""

    name: str
    raw: bytes
    """32 bytes (RFC 8032) or 1,312 (FIPS 204)."""
    algorithm: CosignAlgorithm = ED25519

    @property
    def key_hash(self) -> bytes:
        """Four bytes that stand before the cosignature in a note's signature line."""
        material = self.name.encode() + b"\n" + self.algorithm.code + self.raw
        return hashlib.sha256(material).digest()[:4]

    def verify(self, text: str, value: bytes) -> datetime:
        """Check a cosignature of the text of a checkpoint, and say when it was made.

        Raises:
            VerificationError: when it does not hold.
        """
        try:
            if len(value) != _TIME_BYTES + self.algorithm.signature_bytes:
                raise ValueError
            seconds = int.from_bytes(value[:_TIME_BYTES], "big")
            made = datetime.fromtimestamp(seconds, UTC)
            message = self.algorithm.message(self.name, text, seconds)
            self.algorithm.verify(self.raw, value[_TIME_BYTES:], message)
        except (InvalidSignature, ValueError, OverflowError, OSError):
            raise VerificationError(
                f"The cosignature of {self.name} does not hold.",
                hint="Compare the checkpoint with the witness's own copy.",
                message_zh="见证签名验证失败。",
            ) from None
        return made

    def __str__(self) -> str:
        return _text(self.name, self.key_hash, self.algorithm, self.raw)


@dataclass(frozen=True, slots=True)
class CosignKey:
    """A private key of a witness. Does not show in `repr`."""

    name: str
    seed: bytes = field(repr=False)
    algorithm: CosignAlgorithm = ED25519

    @classmethod
    def new(cls, name: str, algorithm: CosignAlgorithm = ED25519) -> CosignKey:
        """A fresh key.

        Raises:
            KeyRingError: when the name holds a blank or a plus sign, is empty, or longer than 255 bytes.
        """
        if not is_note_name(name) or len(name.encode()) > 255:
            raise KeyRingError(
                "The name of a witness has no blank and no plus sign, and at most 255 bytes.",
                hint="Write a name such as witness.example/w1.",
            )
        return cls(name, os.urandom(_SEED_BYTES), algorithm)

    @property
    def verifier(self) -> CosignVerifier:
        """The public half."""
        return CosignVerifier(self.name, self.algorithm.public(self.seed), self.algorithm)

    def cosign(self, text: str, now: datetime) -> bytes:
        """The cosignature of the text of a checkpoint: time and signature.

        Raises:
            ValueError: when the algorithm has no place for this text.
        """
        seconds = int(now.timestamp())
        return _u64(seconds) + self.algorithm.sign(
            self.seed, self.algorithm.message(self.name, text, seconds)
        )

    def unsafe_private_text(self) -> str:
        """The private key as one line, for its file alone."""
        return _PRIVATE + _text(self.name, self.verifier.key_hash, self.algorithm, self.seed)


def parse_cosign_verifier(text: str) -> CosignVerifier:
    """Read a verifier key of a witness.

    Raises:
        VerificationError: when it is malformed, of another algorithm, or its hash is not its own.
    """
    try:
        name, algorithm, data = _parts(text)
        verifier = CosignVerifier(name, data, algorithm)
        if len(data) == algorithm.public_bytes and str(verifier) == text:
            return verifier
    except ValueError:
        pass
    raise VerificationError(
        "A witness's verifier key is malformed or its hash does not belong to it.",
        hint="Copy it again from the witness, as one line. Its algorithm byte is 04 (Ed25519) or 06 (ML-DSA-44).",
    )


def parse_cosign_key(text: str) -> CosignKey:
    """Read a private key of a witness.

    Raises:
        KeyRingError: when it is malformed.
    """
    try:
        name, algorithm, data = _parts(text.removeprefix(_PRIVATE))
        if len(data) == _SEED_BYTES:
            key = CosignKey(name, data, algorithm)
            if key.unsafe_private_text() == text:
                return key
    except ValueError:
        pass
    raise KeyRingError(
        "The file does not hold the private key of a witness.", hint="Make one with `hub witness init`."
    )


def _text(name: str, key_hash: bytes, algorithm: CosignAlgorithm, material: bytes) -> str:
    return f"{name}+{key_hash.hex()}+{b64encode(algorithm.code + material).decode()}"


def _parts(text: str) -> tuple[str, CosignAlgorithm, bytes]:
    """Name, algorithm and key material of a key's text, which is not checked otherwise."""
    name, _, encoded = text.split("+", 2)
    data = a2b_base64(encoded, strict_mode=True)
    found = next((a for a in ALGORITHMS if a.code == data[:1]), None)
    if found is None or not is_note_name(name):
        raise ValueError("no key of a witness")
    return name, found, data[1:]


def _opaque(text: str) -> bytes:
    """A vector of at most 255 bytes, with its length (RFC 8446, 3.4)."""
    data = text.encode()
    return bytes((len(data),)) + data


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")
