"""`ring.json`: which keys a ring holds, since when, and which of them are active. No key material.

Each key's material lies in a file of its own, `<id>.json`, with the members `format`, `id`, `purpose`, `demo`
and `secret` (32 bytes, base64url).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hub.errors import KeyRingError
from hub.keys.facts import SINGLE, KeyFacts, KeyPurpose, KeyStatus
from hub.keys.jwk import decode, encode
from hub.keys.note import is_note_name
from hub.keys.secrets import SECRET_BYTES
from hub.keys.suites import Suite

FILE = "ring.json"
_FORMAT = 1
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_MEMBERS = {"format", "demo", "suite", "log_origin", "created_at", "keys"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `ring.json` says."""

    demo: bool
    suite: Suite
    log_origin: str
    """Name of the log's note verifier key; the origin line of its checkpoints."""
    created_at: datetime
    keys: tuple[KeyFacts, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "format": _FORMAT,
            "demo": self.demo,
            "suite": int(self.suite),
            "log_origin": self.log_origin,
            "created_at": write_time(self.created_at),
            "keys": [facts_document(key) for key in self.keys],
        }

    def continues(self, other: Manifest) -> bool:
        """Whether it is of the same ring, at another time: the keys that never rotate are the same."""
        return replace(self, keys=self._lasting()) == replace(other, keys=other._lasting())

    def _lasting(self) -> tuple[KeyFacts, ...]:
        return tuple(key for key in self.keys if key.purpose in SINGLE)


def parse_manifest(document: Mapping[str, Any]) -> Manifest:
    """Read `ring.json`.

    Raises:
        KeyRingError: when a member is missing, unknown or wrong, a key is listed twice, or a purpose has no
            single active key.
    """
    try:
        if set(document) != _MEMBERS or document["format"] != _FORMAT or type(document["demo"]) is not bool:
            raise ValueError
        if not is_note_name(document["log_origin"]):
            raise ValueError
        manifest = Manifest(
            demo=document["demo"],
            suite=Suite(document["suite"]),
            log_origin=document["log_origin"],
            created_at=_read_time(document["created_at"]),
            keys=tuple(_parse_facts(key) for key in document["keys"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise KeyRingError(
            f"The key ring's {FILE} does not have the members it must have.",
            hint="Restore it from a backup of the ring.",
        ) from None
    _check_keys(manifest.keys)
    return manifest


def facts_document(facts: KeyFacts) -> dict[str, str]:
    """The JSON form of a key's facts."""
    return {
        "id": facts.id,
        "purpose": facts.purpose.value,
        "status": facts.status.value,
        "created_at": write_time(facts.created_at),
    }


def key_document(facts: KeyFacts, secret: bytes, *, demo: bool) -> dict[str, Any]:
    """The JSON form of a key's file. Holds key material."""
    members = {"format": _FORMAT, "id": facts.id, "purpose": facts.purpose.value, "demo": demo}
    return {**members, "secret": encode(secret)}


def parse_key(document: Mapping[str, Any], facts: KeyFacts, *, demo: bool) -> bytes:
    """The secret out of a key's file.

    Raises:
        KeyRingError: when the file is not the one that belongs to these facts in this ring.
    """
    try:
        secret = decode(document["secret"])
        if len(secret) == SECRET_BYTES and document == key_document(facts, secret, demo=demo):
            return secret
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise KeyRingError(
        f"The key ring's {facts.id}.json does not hold the key that {FILE} lists under that id.",
        hint="Restore it from a backup of the ring; never rename or edit a key file.",
    )


def write_time(instant: datetime) -> str:
    """An instant in UTC, to the second, in RFC 3339."""
    return instant.astimezone(UTC).strftime(_TIME)


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _parse_facts(document: Mapping[str, Any]) -> KeyFacts:
    if set(document) != {"id", "purpose", "status", "created_at"}:
        raise ValueError
    purpose = KeyPurpose(document["purpose"])
    digits = document["id"].removeprefix(f"{purpose}_")
    if len(digits) != 16 or digits != bytes.fromhex(digits).hex():
        raise ValueError  # also keeps a path out of the file's name
    return KeyFacts(
        document["id"], purpose, KeyStatus(document["status"]), _read_time(document["created_at"])
    )


def _check_keys(keys: tuple[KeyFacts, ...]) -> None:
    twice = [key_id for key_id, times in Counter(key.id for key in keys).items() if times > 1]
    if twice:
        raise KeyRingError(
            f"The key ring's {FILE} lists {twice[0]} twice.", hint="Restore it from a backup of the ring."
        )
    purposes = Counter(key.purpose for key in keys)
    for purpose in SINGLE:
        if purposes[purpose] != 1:
            raise KeyRingError(
                f"The key ring must have one {purpose} key and {FILE} lists {purposes[purpose]}.",
                hint="Restore it from a backup of the ring; ids in the database follow from that key.",
            )
