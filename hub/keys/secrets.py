"""Symmetric keys. Each purpose is a type of its own, so a type checker refuses a key in the wrong place.

A key's secret is 32 random bytes. It does not show in `repr`, is never part of an error message, and leaves
this room only inside the ring's private files.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import ClassVar

from hub.errors import KeyRingError
from hub.keys.facts import KeyFacts, KeyPurpose

SECRET_BYTES = 32
"""Size of every secret in the ring: symmetric keys and Ed25519 seeds alike."""


def fingerprint_id(purpose: KeyPurpose, secret: bytes) -> str:
    """The id that belongs to a symmetric key: its purpose and 8 bytes of an HMAC under the key itself."""
    digest = hmac.digest(secret, f"credit-hub/key-id/v1/{purpose}".encode(), "sha256")
    return f"{purpose}_{digest[:8].hex()}"


@dataclass(frozen=True, slots=True)
class SymmetricKey:
    """A symmetric key of one purpose.

    Raises:
        KeyRingError: at construction, when id, purpose and material do not belong together.
    """

    purpose: ClassVar[KeyPurpose]
    facts: KeyFacts
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        fits = self.facts.purpose is self.purpose and len(self.secret) == SECRET_BYTES
        if not fits or self.facts.id != fingerprint_id(self.purpose, self.secret):
            raise KeyRingError(
                f"The key {self.facts.id} does not hold the material its id was made from.",
                hint="Restore the file of that key from a backup of the ring.",
            )


class Kek(SymmetricKey):
    """A key-encryption key: wraps subjects' data keys and nothing else."""

    __slots__ = ()
    purpose = KeyPurpose.KEK


class SubjectIndexKey(SymmetricKey):
    """Turns identifiers and aliases of subjects into subject ids and alias hashes."""

    __slots__ = ()
    purpose = KeyPurpose.SUBJECT


class RecordIndexKey(SymmetricKey):
    """Turns natural keys of records into record ids."""

    __slots__ = ()
    purpose = KeyPurpose.RECORD


class ContentIndexKey(SymmetricKey):
    """Turns the normalised content of a record into its content hash."""

    __slots__ = ()
    purpose = KeyPurpose.CONTENT


class BlindIndexRoot(SymmetricKey):
    """The root from which one blind-index key per field is derived."""

    __slots__ = ()
    purpose = KeyPurpose.BLIND
