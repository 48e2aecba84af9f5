"""Cipher suites: which AEAD seals, and which hash derives its keys. A ring uses one suite.

- Suite 1: AES-256-GCM (NIST SP 800-38D) with HKDF-SHA-256 (RFC 5869).
- Suite 2: SM4-GCM (GB/T 32907, RFC 8998) with HKDF-SM3 (GB/T 32905).

The suite's number is the second byte of every ciphertext and part of every derivation, so the same secret
gives unrelated keys in the two suites.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import KeyRingError

NONCE_BYTES = 12
"""GCM nonce size; always random."""
TAG_BYTES = 16
"""GCM tag size; never shortened."""
_PROBE = bytes(16)
_SHA256, _SM3 = hashes.SHA256(), hashes.SM3()


class Suite(IntEnum):
    """Number of a cipher suite, as written into ciphertexts."""

    AES_256_GCM = 1
    SM4_GCM = 2


class Aead(Protocol):
    """Authenticated encryption with additional data; `decrypt` gives all or raises InvalidTag."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Ciphertext followed by the 16-byte tag."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The plaintext, if the tag holds."""
        ...


class Sm4Gcm:
    """SM4-GCM in the shape of the library's AESGCM class."""

    __slots__ = ("_algorithm",)

    def __init__(self, key: bytes) -> None:
        self._algorithm = SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Ciphertext followed by the 16-byte tag."""
        encryptor = Cipher(self._algorithm, GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The plaintext, handed out only after the tag was checked."""
        decryptor = Cipher(self._algorithm, GCM(nonce, data[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(data[:-TAG_BYTES]) + decryptor.finalize()


def key_bytes(suite: Suite) -> int:
    """Length in bytes of the suite's cipher key."""
    return 16 if suite is Suite.SM4_GCM else 32


def aead(suite: Suite, key: bytes) -> Aead:
    """The suite's cipher under this key."""
    return Sm4Gcm(key) if suite is Suite.SM4_GCM else AESGCM(key)


def derive(suite: Suite, secret: bytes, info: bytes, length: int) -> bytes:
    """`length` bytes from a uniformly random secret by HKDF without salt, under the suite's hash."""
    digest = _SM3 if suite is Suite.SM4_GCM else _SHA256
    return HKDF(algorithm=digest, length=length, salt=None, info=info).derive(secret)


def require(suite: Suite) -> None:
    """Check that this machine's cryptographic library has the suite.

    Raises:
        KeyRingError: when it has not.
    """
    try:
        derive(suite, _PROBE, b"", 1)
        aead(suite, bytes(key_bytes(suite))).encrypt(bytes(NONCE_BYTES), b"", b"")
    except UnsupportedAlgorithm:
        raise KeyRingError(
            f"The cryptographic library of this machine does not offer suite {suite.name}.",
            hint="Install the `cryptography` wheel with its own OpenSSL, or make a ring of another suite.",
        ) from None
