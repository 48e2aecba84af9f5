"""What may be said openly about a key: its id, purpose, status and date. Never its material.

A key id is `<purpose>_<16 hex digits>`; the digits are a fingerprint of the material, so a file whose id
and material do not belong together is found when the ring is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from hub.errors import KeyRingError


class KeyPurpose(StrEnum):
    """What a key is for; a key serves one purpose only (NIST SP 800-57 part 1, 5.2)."""

    KEK = "kek"
    SUBJECT = "subject"
    RECORD = "record"
    CONTENT = "content"
    BLIND = "blind"
    TOKEN = "token"  # noqa: S105 - a purpose, not a password
    LOG = "log"
    CONSENT = "consent"
    NOTICE = "notice"


SIGNING = (KeyPurpose.TOKEN, KeyPurpose.LOG, KeyPurpose.CONSENT, KeyPurpose.NOTICE)
"""Purposes of Ed25519 signing keys."""

SINGLE = (KeyPurpose.SUBJECT, KeyPurpose.RECORD, KeyPurpose.CONTENT, KeyPurpose.BLIND)
"""Purposes of index keys. There is one of each for the life of a ring: ids in the database follow from it."""


class KeyStatus(StrEnum):
    """ACTIVE keys wrap and sign; VERIFY_ONLY keys only unwrap and verify what is already there."""

    ACTIVE = "active"
    VERIFY_ONLY = "verify-only"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """The open facts about one key."""

    id: str
    purpose: KeyPurpose
    status: KeyStatus
    created_at: datetime
    """Aware, UTC, whole seconds."""


class HasFacts(Protocol):
    """A key that knows its facts."""

    @property
    def facts(self) -> KeyFacts:
        """The open facts about the key."""
        ...


K = TypeVar("K", bound=HasFacts)


@dataclass(frozen=True, slots=True)
class KeySet(Generic[K]):
    """All keys of one purpose: the active one and, by id, every key that may still verify or unwrap."""

    active: K
    by_id: Mapping[str, K]

    @classmethod
    def of(cls, purpose: KeyPurpose, keys: Iterable[K]) -> KeySet[K]:
        """The set of these keys.

        Raises:
            KeyRingError: when not exactly one of them is active.
        """
        every = {key.facts.id: key for key in keys}
        active = [key for key in every.values() if key.facts.status is KeyStatus.ACTIVE]
        if len(active) != 1:
            raise KeyRingError(
                f"The key ring must have exactly one active {purpose} key and has {len(active)}.",
                hint="Restore ring.json from a backup of the ring.",
            )
        return cls(active[0], MappingProxyType(every))
