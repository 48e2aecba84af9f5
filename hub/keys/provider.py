"""The key provider: whoever holds the key-encryption keys and wraps data keys with them.

The hub asks a provider to wrap and unwrap; the key-encryption key itself never has to enter the process.
`FileKeyProvider` holds it in the ring's files. A hardware provider (PKCS#11, or SDF of GM/T 0018) fits the
same protocol:

- `kek_id` names the key in the device; the ring's `kek_<hex>` for files, the object's label or index there.
- `context` binds the wrapped key to its place. A mechanism with additional data (CKM_AES_GCM) passes it as
  such; one without (CKM_AES_KEY_WRAP_KWP, SDF_Encrypt) wraps `SHA-256(context) || key` and compares after
  unwrapping.
- Calls block. A provider that goes over a network is called from a worker thread by its owner.

Wrapped form of the file provider: 1 byte format (1), 1 byte suite, 12 bytes random nonce, ciphertext and tag.
The file provider looks at `ring.json` whenever it makes a data key, and when it meets a key that it does not know: a
rotation in the folder reaches a running process before it wraps another key.

Nonces are random, so one key-encryption key stays within 2^32 wrappings (NIST SP 800-38D, 8.3), which is more
subjects than there are; rotate it long before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from cryptography.exceptions import InvalidTag

from hub.errors import KeyRingError, SealError, UnavailableError
from hub.keys.facts import KeySet
from hub.keys.secrets import Kek
from hub.keys.suites import NONCE_BYTES, Aead, Suite, aead, derive, key_bytes

_FORMAT = 1


class KeyProvider(Protocol):
    """Wraps and unwraps data keys under key-encryption keys that it alone holds."""

    @property
    def active_id(self) -> str:
        """Id of the key-encryption key that wraps new data keys."""
        ...

    def wrap(self, kek_id: str, context: bytes, plaintext: bytes) -> bytes:
        """The data key wrapped under an active key-encryption key and bound to `context`.

        Raises:
            KeyRingError: when `kek_id` is unknown or may no longer wrap.
        """
        ...

    def unwrap(self, kek_id: str, context: bytes, wrapped: bytes) -> bytes:
        """The data key.

        Raises:
            SealError: when the key is unknown, or the wrapped bytes were altered or belong elsewhere.
        """
        ...


class FileKeyProvider:
    """Key-encryption keys out of the ring's files."""

    def __init__(
        self, keks: KeySet[Kek], suite: Suite, newer: Callable[[], KeySet[Kek] | None] = lambda: None
    ) -> None:
        """Take the keys.

        Args:
            keks: to begin with.
            suite: of the ring.
            newer: gives the keys that are there now if they changed since it was asked, else None; raises
                UnavailableError when they cannot be used.
        """
        self._header, self._suite, self._newer = bytes((_FORMAT, suite)), suite, newer
        self._were_active: frozenset[str] = frozenset()
        self._take(keks)

    def _take(self, keks: KeySet[Kek]) -> None:
        self._ciphers = {kek_id: _cipher(kek, self._suite) for kek_id, kek in keks.by_id.items()}
        self._active = keks.active.facts.id
        self._were_active = (self._were_active | {self._active}) & self._ciphers.keys()

    def _look_again(self) -> None:
        newer = self._newer()
        if newer is not None:
            self._take(newer)

    @property
    def active_id(self) -> str:
        """Id of the key-encryption key that wraps new data keys.

        Raises:
            UnavailableError: when the ring was changed and cannot be used: a key wrapped under the old one might be
                lost with it.
        """
        self._look_again()
        return self._active

    def wrap(self, kek_id: str, context: bytes, plaintext: bytes) -> bytes:
        """The data key wrapped under the active key-encryption key and bound to `context`.

        Raises:
            KeyRingError: when `kek_id` is not the active key, nor was a moment ago.
        """
        if kek_id not in self._were_active:
            raise KeyRingError(
                "A data key can be wrapped only under the active key-encryption key.",
                hint="Ask the provider for its active id first.",
            )
        nonce = os.urandom(NONCE_BYTES)
        body = self._ciphers[kek_id].encrypt(nonce, plaintext, _bind(self._header, kek_id, context))
        return self._header + nonce + body

    def unwrap(self, kek_id: str, context: bytes, wrapped: bytes) -> bytes:
        """The data key.

        Raises:
            SealError: when the key is unknown, or the wrapped bytes were altered or belong elsewhere.
        """
        if kek_id not in self._ciphers:
            with suppress(UnavailableError):
                self._look_again()
        cipher = self._ciphers.get(kek_id)
        if cipher is None:
            raise SealError(
                "A data key is wrapped under a key-encryption key that this ring does not hold.",
                hint="Start the hub with the ring that wrapped it.",
            )
        start = len(self._header)
        try:
            if wrapped[:start] == self._header:
                nonce = wrapped[start : start + NONCE_BYTES]
                return cipher.decrypt(
                    nonce, wrapped[start + NONCE_BYTES :], _bind(self._header, kek_id, context)
                )
        except (InvalidTag, ValueError):
            pass
        raise SealError(
            "A wrapped data key does not open: it was altered or belongs to another subject.",
            hint="Restore the subject's row from a backup.",
        )


def _cipher(kek: Kek, suite: Suite) -> Aead:
    return aead(suite, derive(suite, kek.secret, f"credit-hub/wrap/v1/{suite:d}".encode(), key_bytes(suite)))


def _bind(header: bytes, kek_id: str, context: bytes) -> bytes:
    name = kek_id.encode()
    return header + len(name).to_bytes(2, "big") + name + context
