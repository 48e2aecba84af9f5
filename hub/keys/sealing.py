"""Sealing of single values under a data key per subject.

Rules:

- Every value is sealed with authenticated encryption under its subject's data key, and bound by additional
  data to subject, dataset, record, version and field, so that it opens in its own place only.
- Destroying the wrapped data key erases all values of the subject, backups included.
- A sealed value commits to its key: the header holds 24 bytes derived from the data key beside the cipher key
  (RFC 5869), so no ciphertext opens under two keys. GCM alone does not promise that (Albertini et al., USENIX
  Security 2022). The commitment stands beside every value and is no secret.
- Whatever is wrong, the error is one and the same, and nothing of the value is in it.

Form, in base64 (RFC 4648 section 4, canonical):

    format (1 byte) | suite (1) | data key id (8) | key commitment (16) | nonce (12) | ciphertext | tag (16)

Nonces are 96 random bits. One key seals at most 2^32 values (NIST SP 800-38D, 8.3); the counter lives in the
opened key, so it counts per process and per opening. A subject has thousands of values, not billions.

Example:
    >>> kek_id, wrapped = sealer.new_data_key(subject_id)
    >>> key = sealer.open_data_key(subject_id, kek_id, wrapped)
    >>> place = aad_prefix(subject_id, "financial.loan", record_id, version=1) + b"principal"
    >>> key.unseal(place, key.seal(place, b"5000000"))
    b'5000000'
"""

from __future__ import annotations

import os
import struct
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidTag

from hub.errors import KeyRingError, SealError
from hub.keys.provider import KeyProvider
from hub.keys.secrets import SECRET_BYTES
from hub.keys.suites import NONCE_BYTES, Suite, aead, derive, key_bytes

MOST_SEALS = 2**32
"""Most values one opened data key seals."""
ID_BYTES = 16
"""Length of the ids of subjects and records."""
_FORMAT = 1
_KEY_ID_BYTES = 8
_COMMITMENT_BYTES = 24  # the id and the commitment proper
_HEADER = 2 + _COMMITMENT_BYTES
_BODY = _HEADER + NONCE_BYTES
_LENGTHS = struct.Struct(">BHBQ").pack


@lru_cache(maxsize=4096)
def aad_head(dataset: str, version: int) -> tuple[bytes, bytes]:
    """What stands before the subject and before the record in `aad_prefix`, where both ids have `ID_BYTES`."""
    name = dataset.encode()
    return b"record" + _LENGTHS(ID_BYTES, len(name), ID_BYTES, version), name


def aad_prefix(subject_id: bytes, dataset: str, record_id: bytes, version: int) -> bytes:
    """Additional data of one version of a record; append the field's name in UTF-8 for one field.

    Injective: the lengths stand first, and the field's name is what remains.
    """
    name = dataset.encode()
    return (
        b"record"
        + _LENGTHS(len(subject_id), len(name), len(record_id), version)
        + subject_id
        + name
        + record_id
    )


def aad(subject_id: bytes, dataset: str, record_id: bytes, version: int, field: str) -> bytes:
    """Additional data of one field of one version of a record."""
    return aad_prefix(subject_id, dataset, record_id, version) + field.encode()


def subject_aad(subject_id: bytes, field: str) -> bytes:
    """Additional data of a value that hangs on the subject itself, such as its sealed identifier."""
    return b"subject" + len(subject_id).to_bytes(1, "big") + subject_id + field.encode()


class DataKey:
    """A subject's data key, opened. Lives in memory only; does not show in `repr` and cannot be pickled."""

    __slots__ = ("_decrypt", "_encrypt", "_header", "_sealed", "id")

    def __init__(self, secret: bytes, suite: Suite, *, sealed_before: int = 0) -> None:
        derived = derive(suite, secret, _info(suite), _COMMITMENT_BYTES + key_bytes(suite))
        cipher = aead(suite, derived[_COMMITMENT_BYTES:])
        self.id = derived[:_KEY_ID_BYTES]
        self._header = bytes((_FORMAT, suite)) + derived[:_COMMITMENT_BYTES]
        self._encrypt = cipher.encrypt
        self._decrypt = cipher.decrypt
        self._sealed = sealed_before

    def __repr__(self) -> str:
        return f"<DataKey {self.id.hex()}>"

    def seal(self, aad: bytes, plaintext: bytes) -> str:
        """The value sealed for the place that `aad` names, in base64.

        Raises:
            KeyRingError: when this key has sealed 2^32 values.
        """
        self._count_more(1)
        return self._seal(os.urandom(NONCE_BYTES), aad, plaintext)

    def seal_fields(self, prefix: bytes, values: Mapping[str, bytes]) -> dict[str, str]:
        """Each value as `seal` seals it for `prefix` and its field's name; the nonces are drawn together.

        Raises:
            KeyRingError: when this key has sealed 2^32 values.
        """
        self._count_more(len(values))
        noise = os.urandom(NONCE_BYTES * len(values))
        sealed, start = {}, 0
        for name, value in values.items():
            end = start + NONCE_BYTES
            sealed[name] = self._seal(noise[start:end], prefix + name.encode(), value)
            start = end
        return sealed

    def _seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> str:
        sealed = self._header + nonce + self._encrypt(nonce, plaintext, aad)
        return b2a_base64(sealed, newline=False).decode()

    def _count_more(self, seals: int) -> None:
        self._sealed += seals
        if self._sealed > MOST_SEALS:
            raise KeyRingError(
                "A data key has sealed as many values as are safe under random nonces.",
                hint="Give the subject a new data key and seal its values again.",
            )

    def unseal(self, aad: bytes, token: str) -> bytes:
        """The value, if it was sealed under this key for the place that `aad` names and is unaltered.

        Raises:
            SealError: in every other case, always with the same words.
        """
        try:
            blob = a2b_base64(token, strict_mode=True)
            if blob.startswith(self._header) and _canonical(token, len(blob)):
                return self._decrypt(blob[_HEADER:_BODY], blob[_BODY:], aad)
        except (InvalidTag, ValueError, TypeError):
            pass
        raise SealError(
            "A sealed value does not open: it was altered, moved, or sealed under another key.",
            hint="Run `hub audit verify` and restore the record from a backup.",
            message_zh="密文无法打开：已被改动、移动，或由其他密钥加密。",
        )


@lru_cache
def _info(suite: Suite) -> bytes:
    return f"credit-hub/seal/v{_FORMAT}/{suite:d}".encode()


def _canonical(token: str, length: int) -> bool:
    """Whether this is the one way to write `length` bytes (RFC 4648, 3.5).

    The strict decoder still lets pass padding too many, and unused bits that are not zero.
    """
    if len(token) != (length + 2) // 3 * 4:
        return False
    if length % 3 == 0:
        return True
    return token[-3] in "AQgw" if length % 3 == 1 else token[-2] in "AEIMQUYcgkosw048"


class Sealer:
    """Makes and opens data keys with a key provider, in the ring's suite."""

    def __init__(self, provider: KeyProvider, suite: Suite) -> None:
        self._provider = provider
        self._suite = suite

    @property
    def active_id(self) -> str:
        """Id of the key-encryption key that wraps new data keys."""
        return self._provider.active_id

    def new_data_key(self, subject_id: bytes) -> tuple[str, bytes]:
        """A fresh data key for a subject: the id of the key-encryption key, and the wrapped key to store."""
        kek_id, wrapped, _ = self.make_data_key(subject_id)
        return kek_id, wrapped

    def make_data_key(self, subject_id: bytes) -> tuple[str, bytes, DataKey]:
        """As `new_data_key`, with the key opened beside them."""
        kek_id, secret = self._provider.active_id, os.urandom(SECRET_BYTES)
        wrapped = self._provider.wrap(kek_id, _key_context(subject_id), secret)
        return kek_id, wrapped, DataKey(secret, self._suite)

    def rewrap(self, subject_id: bytes, kek_id: str, wrapped: bytes) -> tuple[str, bytes]:
        """The same data key under the active key-encryption key; sealed values stay as they are.

        Raises:
            SealError: when the wrapped key does not open.
        """
        context = _key_context(subject_id)
        secret = self._provider.unwrap(kek_id, context, wrapped)
        active = self._provider.active_id
        return active, self._provider.wrap(active, context, secret)

    def open_data_key(self, subject_id: bytes, kek_id: str, wrapped: bytes) -> DataKey:
        """The subject's data key, opened.

        Raises:
            SealError: when it was altered, belongs to another subject, or its key-encryption key is unknown.
        """
        return DataKey(self._provider.unwrap(kek_id, _key_context(subject_id), wrapped), self._suite)

    @staticmethod
    def seal(data_key: DataKey, aad: bytes, plaintext: bytes) -> str:
        """`DataKey.seal`, for callers that hold a sealer."""
        return data_key.seal(aad, plaintext)

    @staticmethod
    def unseal(data_key: DataKey, aad: bytes, token: str) -> bytes:
        """`DataKey.unseal`, for callers that hold a sealer."""
        return data_key.unseal(aad, token)


def _key_context(subject_id: bytes) -> bytes:
    return b"data-key" + subject_id
